"""Importing commands, and retrying parked cards."""

from dataclasses import replace
from datetime import datetime
from typing import BinaryIO

import psycopg
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from adapters.cli.output import err, out, put_fields, put_json, put_rows
from adapters.cli.servers import connection, database
from adapters.control import read_control
from adapters.importer import Imported, import_commands
from adapters.parked import drop_parked, list_parked, retry_parked
from adapters.schema import check_schema
from adapters.settings import Settings
from adapters.termination import EXIT_INTERRUPTED
from adapters.wiring import engine_of, operator_of, rules_of

SHOWN_PROBLEMS = 20
PARKED_COLUMNS = ("parked_id", "card_id", "reason")
"""The columns that fit a terminal; JSON has all."""


def import_file(settings: Settings, lines: BinaryIO, *, as_json: bool) -> None:
    """Execute lines of commands; exit status 1 if any line was refused or malformed.

    Interrupted, it says how far it came and ends with the status of the interruption.
    """
    rules = rules_of(settings)
    columns = (TextColumn("import"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
    so_far = Imported()
    try:
        with database(settings) as url, bar:
            check_schema(url)
            task = bar.add_task("import", total=_count_lines(lines))

            def on_progress(done: Imported) -> None:
                nonlocal so_far
                so_far = replace(done, problems=list(done.problems))
                bar.update(task, completed=done.lines)

            done = import_commands(
                lines,
                engine_of(settings, url, "cli"),
                operator_of(settings),
                lambda: (rules, _now(settings, url)),
                on_progress,
            )
    except (KeyboardInterrupt, SystemExit) as interruption:
        err.print(f"interrupted after line {so_far.lines}; import it again: what is done is not done twice")
        _report(so_far, as_json=as_json)
        status = interruption.code if isinstance(interruption, SystemExit) else None
        raise typer.Exit(status if isinstance(status, int) else EXIT_INTERRUPTED) from None
    _report(done, as_json=as_json)
    if done.problems:
        raise typer.Exit(1)


def _count_lines(lines: BinaryIO) -> int | None:
    """How many lines a file has; None for a pipe, which can be read only once."""
    if not lines.seekable():
        return None
    start = lines.tell()
    count = sum(1 for _ in lines)
    lines.seek(start)
    return count


def _now(settings: Settings, url: str) -> datetime:
    with psycopg.connect(url) as open_connection:
        return read_control(open_connection, virtual_clock=settings.clock == "virtual").now


def _report(done: Imported, *, as_json: bool) -> None:
    for problem in done.problems[:SHOWN_PROBLEMS]:
        err.print(str(problem), markup=False, highlight=False, soft_wrap=True)
    if len(done.problems) > SHOWN_PROBLEMS:
        err.print(f"… and {len(done.problems) - SHOWN_PROBLEMS} more")
    figures = {name: getattr(done, name) for name in ("lines", "accepted", "repeated", "unchanged", "facts")}
    if as_json:
        problems = [{"line": p.line, "field": p.field, "code": p.code, "message": p.message} for p in done.problems]
        put_json(figures | {"problems": problems})
    else:
        figures["problems"] = len(done.problems)
        out.print(", ".join(f"{name} {value}" for name, value in figures.items()), soft_wrap=True)


def list_parked_messages(settings: Settings, *, as_json: bool) -> None:
    """Parked cards and messages."""
    with connection(settings) as open_connection:
        put_rows("parked", list_parked(open_connection), as_json=as_json, columns=PARKED_COLUMNS)


def retry_parked_messages(settings: Settings, parked_ids: list[int] | None, *, as_json: bool) -> None:
    """Retry parked cards; exit status 1 if an id is unknown or names a message without a card."""
    with connection(settings) as open_connection:
        result = retry_parked(open_connection, parked_ids)
    put_fields("parked", {"retried": len(result.retried)}, as_json=as_json)
    for parked_id in result.unknown:
        err.print(f"nothing is parked under {parked_id}; `baohao parked list` shows what is", soft_wrap=True)
    for parked_id in result.without_card:
        err.print(
            f"message {parked_id} names no card, so there is nothing to retry; `baohao parked drop {parked_id}` "
            "removes it",
            soft_wrap=True,
        )
    if parked_ids and (result.unknown or result.without_card):
        raise typer.Exit(1)


def drop_parked_messages(settings: Settings, parked_ids: list[int], *, as_json: bool) -> None:
    """Remove messages that name no card; exit status 1 for other ids."""
    with connection(settings) as open_connection:
        dropped = drop_parked(open_connection, parked_ids)
    put_fields("parked", {"dropped": len(dropped)}, as_json=as_json)
    if wrong := sorted(set(parked_ids) - set(dropped)):
        ids = ", ".join(map(str, wrong))
        err.print(f"no message without a card is parked under {ids}; a card is retried, not dropped", soft_wrap=True)
        raise typer.Exit(1)
