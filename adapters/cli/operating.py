"""Importing commands, and retrying parked cards."""

from datetime import datetime
from pathlib import Path

import psycopg
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from adapters.cli.output import err, out, put_fields, put_json, put_rows
from adapters.cli.servers import connection, database
from adapters.clock import recorded_now
from adapters.dry_run import DryRunRecorder, foresee
from adapters.importer import Imported, import_commands
from adapters.parked import list_parked, retry_parked
from adapters.schema import check_schema
from adapters.settings import Settings
from adapters.wiring import engine_of, operator_of, recorder_of, rules_now, rules_of
from engine.actor import actor
from engine.application import Engine
from engine.rules import Rules
from engine.store.streams import Store, Stream

SHOWN_PROBLEMS = 20


def import_file(settings: Settings, file: Path, *, as_json: bool) -> None:
    """Execute a file of commands; exit status 1 if any line was refused or malformed."""
    with database(settings) as url:
        check_schema(url)
        done = _imported(settings, url, file, engine_of(settings, url, "cli"))
    _report(done, _figures(done), as_json=as_json)


def try_file(settings: Settings, file: Path, *, as_json: bool) -> None:
    """What executing a file of commands would do now, without doing it; exit status 1 as for the import."""
    with database(settings) as url:
        check_schema(url)
        recorder = DryRunRecorder(recorder_of(settings, url))
        store = Store(recorder)
        done = _imported(settings, url, file, Engine(store, recorded_now, actor("system", "cli")))
        rules, at = _rules_now(settings, url, rules_of(settings))
        streams = store.load_many(recorder.changed).values()
    foreseen = [foresee(one.card, rules, at) for one in streams if isinstance(one, Stream) and one.card is not None]
    figures = _figures(done) | {"repeated": done.accepted - len(recorder.accepted)}
    if not as_json:
        put_rows("what the engine would do first", foreseen, as_json=False)
        out.print("dry run, nothing was changed:", end=" ")
    _report(done, figures, as_json=as_json, cards=[one._asdict() for one in foreseen])


def _imported(settings: Settings, url: str, file: Path, engine: Engine) -> Imported:
    rules = rules_of(settings)
    columns = (TextColumn("import"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
    with file.open("rb") as lines, bar:
        task = bar.add_task("import", total=sum(1 for _ in lines))
        lines.seek(0)
        return import_commands(
            lines,
            engine,
            operator_of(settings),
            lambda: _rules_now(settings, url, rules),
            lambda so_far: bar.update(task, completed=so_far.lines),
        )


def _rules_now(settings: Settings, url: str, rules: Rules) -> tuple[Rules, datetime]:
    with psycopg.connect(url) as open_connection:
        return rules_now(open_connection, settings, rules)


def _figures(done: Imported) -> dict[str, int]:
    return {"lines": done.lines, "accepted": done.accepted, "unchanged": done.unchanged, "facts": done.facts}


def _report(done: Imported, figures: dict[str, int], *, as_json: bool, **more: object) -> None:
    """The figures of an import and its problems; exits with status 1 if it has any."""
    for problem in done.problems[:SHOWN_PROBLEMS]:
        err.print(str(problem), markup=False, highlight=False, soft_wrap=True)
    if len(done.problems) > SHOWN_PROBLEMS:
        err.print(f"… and {len(done.problems) - SHOWN_PROBLEMS} more")
    if as_json:
        problems = [{"line": p.line, "field": p.field, "code": p.code, "message": p.message} for p in done.problems]
        put_json(figures | {"problems": problems} | more)
    else:
        out.print(", ".join(f"{name} {value}" for name, value in figures.items()), f"problems {len(done.problems)}")
    if done.problems:
        raise typer.Exit(1)


def list_parked_messages(settings: Settings, *, as_json: bool) -> None:
    """Parked cards and messages."""
    with connection(settings) as open_connection:
        put_rows("parked", list_parked(open_connection), as_json=as_json)


def retry_parked_messages(settings: Settings, parked_ids: list[int] | None, *, as_json: bool) -> None:
    """Retry parked cards."""
    with connection(settings) as open_connection:
        count = retry_parked(open_connection, parked_ids)
    put_fields("parked", {"retried": count}, as_json=as_json)
