"""Importing commands, and retrying parked cards."""

from datetime import datetime
from pathlib import Path

import psycopg
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from adapters.cli.output import err, out, put_fields, put_json, put_rows
from adapters.cli.servers import connection, database
from adapters.control import read_control
from adapters.importer import Imported, import_commands
from adapters.parked import list_parked, retry_parked
from adapters.schema import check_schema
from adapters.settings import Settings
from adapters.wiring import engine_of, operator_of, rules_of

SHOWN_PROBLEMS = 20


def import_file(settings: Settings, file: Path, *, as_json: bool) -> None:
    """Execute a file of commands; exit status 1 if any line was refused or malformed."""
    rules = rules_of(settings)
    columns = (TextColumn("import"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
    with database(settings) as url, file.open("rb") as lines, bar:
        check_schema(url)
        task = bar.add_task("import", total=sum(1 for _ in lines))
        lines.seek(0)
        done = import_commands(
            lines,
            engine_of(settings, url, "cli"),
            operator_of(settings),
            lambda: (rules, _now(settings, url)),
            lambda so_far: bar.update(task, completed=so_far.lines),
        )
    _report(done, as_json=as_json)
    if done.problems:
        raise typer.Exit(1)


def _now(settings: Settings, url: str) -> datetime:
    with psycopg.connect(url) as open_connection:
        return read_control(open_connection, virtual_clock=settings.clock == "virtual").now


def _report(done: Imported, *, as_json: bool) -> None:
    for problem in done.problems[:SHOWN_PROBLEMS]:
        err.print(str(problem), markup=False, highlight=False, soft_wrap=True)
    if len(done.problems) > SHOWN_PROBLEMS:
        err.print(f"… and {len(done.problems) - SHOWN_PROBLEMS} more")
    figures = {"lines": done.lines, "accepted": done.accepted, "unchanged": done.unchanged, "facts": done.facts}
    if as_json:
        problems = [{"line": p.line, "field": p.field, "code": p.code, "message": p.message} for p in done.problems]
        put_json(figures | {"problems": problems})
    else:
        out.print(", ".join(f"{name} {value}" for name, value in figures.items()), f"problems {len(done.problems)}")


def list_parked_messages(settings: Settings, *, as_json: bool) -> None:
    """Parked cards and messages."""
    with connection(settings) as open_connection:
        put_rows("parked", list_parked(open_connection), as_json=as_json)


def retry_parked_messages(settings: Settings, parked_ids: list[int] | None, *, as_json: bool) -> None:
    """Retry parked cards."""
    with connection(settings) as open_connection:
        count = retry_parked(open_connection, parked_ids)
    put_fields("parked", {"retried": count}, as_json=as_json)
