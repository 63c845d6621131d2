"""Importing commands, and trying what an import would do."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import BinaryIO

import psycopg
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from adapters.cli.output import err, out, put_json, put_rows
from adapters.cli.servers import database
from adapters.clock_check import CheckedClock, clock_of
from adapters.dry_run import DryRunRecorder, foresee
from adapters.importer import Imported, import_commands, read_lines
from adapters.schema import check_schema
from adapters.settings import Settings
from adapters.termination import EXIT_INTERRUPTED
from adapters.wiring import engine_of, operator_of, recorder_of, rules_now, rules_of
from engine.actor import actor
from engine.application import Engine
from engine.rules import Rules
from engine.store.streams import Store, Stream

SHOWN_PROBLEMS = 20


def import_file(settings: Settings, lines: BinaryIO, *, as_json: bool) -> None:
    """Execute lines of commands; exit status 1 if any line was refused or malformed.

    Interrupted, it says how far it came and ends with the status of the interruption.
    """
    so_far = Imported()

    def on_progress(done: Imported) -> None:
        nonlocal so_far
        so_far = replace(done, problems=list(done.problems))

    try:
        with database(settings) as url:
            check_schema(url)
            done = _imported(settings, url, lines, engine_of(settings, url, "cli"), on_progress)
    except (KeyboardInterrupt, SystemExit) as interruption:
        err.print(f"interrupted after line {so_far.lines}; import it again: what is done is not done twice")
        _report(so_far, as_json=as_json)
        status = interruption.code if isinstance(interruption, SystemExit) else None
        raise typer.Exit(status if isinstance(status, int) else EXIT_INTERRUPTED) from None
    _report(done, as_json=as_json)
    if done.problems:
        raise typer.Exit(1)


def try_file(settings: Settings, lines: BinaryIO, *, as_json: bool) -> None:
    """What executing lines of commands would do now, without doing it; exit status 1 as for the import."""
    with database(settings) as url:
        check_schema(url)
        recorder = DryRunRecorder(recorder_of(settings, url))
        store = Store(recorder)
        engine = Engine(store, actor("system", "cli"))
        done = _imported(settings, url, lines, engine, lambda _: None)
        rules, at = _rules_now(clock_of(settings), url, rules_of(settings))
        streams = store.load_many(recorder.changed).values()
    foreseen = [foresee(one.card, rules, at) for one in streams if isinstance(one, Stream) and one.card is not None]
    if not as_json:
        put_rows("what the engine would do first", foreseen, as_json=False)
        out.print("dry run, nothing was changed:", end=" ")
    _report(done, as_json=as_json, cards=[one._asdict() for one in foreseen])
    if done.problems:
        raise typer.Exit(1)


def _imported(
    settings: Settings, url: str, lines: BinaryIO, engine: Engine, on_progress: Callable[[Imported], None]
) -> Imported:
    rules, clock = rules_of(settings), clock_of(settings)
    columns = (TextColumn("import"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("import", total=_count_lines(lines))

        def show(done: Imported) -> None:
            on_progress(done)
            bar.update(task, completed=done.lines)

        read = read_lines(lines)
        return import_commands(read, engine, operator_of(settings), lambda: _rules_now(clock, url, rules), show)


def _count_lines(lines: BinaryIO) -> int | None:
    """How many lines a file has; None for a pipe, which can be read only once."""
    if not lines.seekable():
        return None
    start = lines.tell()
    count = sum(1 for _ in read_lines(lines))
    lines.seek(start)
    return count


def _rules_now(clock: CheckedClock, url: str, rules: Rules) -> tuple[Rules, datetime]:
    with psycopg.connect(url, autocommit=True) as open_connection:
        return rules_now(open_connection, clock, rules)


def _report(done: Imported, *, as_json: bool, **more: object) -> None:
    for problem in done.problems[:SHOWN_PROBLEMS]:
        err.print(str(problem), markup=False, highlight=False, soft_wrap=True)
    if len(done.problems) > SHOWN_PROBLEMS:
        err.print(f"… and {len(done.problems) - SHOWN_PROBLEMS} more")
    figures = {name: getattr(done, name) for name in ("lines", "accepted", "repeated", "unchanged", "facts")}
    if as_json:
        problems = [{"line": p.line, "field": p.field, "code": p.code, "message": p.message} for p in done.problems]
        put_json(figures | {"problems": problems} | more)
    else:
        figures["problems"] = len(done.problems)
        out.print(", ".join(f"{name} {value}" for name, value in figures.items()), soft_wrap=True)
