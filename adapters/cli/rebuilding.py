"""`baohao projections rebuild|rollback`: as the owner of the tables, with progress on a terminal."""

import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import typer
from rich.progress import BarColumn, Progress, TextColumn

from adapters.cli.output import err, put_json, put_table
from adapters.cli.projecting import models_named
from adapters.cli.servers import database, owner_of
from adapters.schema import check_schema
from adapters.settings import Settings
from engine.errors import BaohaoError
from projections.read_model import ReadModel
from projections.rebuild.building import Built, Run
from projections.rebuild.comparing import Compared
from projections.rebuild.rebuilding import Rebuilt, Watching, bytes_needed, rebuild, roll_back_all

MIB = 2**20


def rebuild_models(settings: Settings, names: Sequence[str], parallel: int, *, dry_run: bool, as_json: bool) -> None:
    """Make read models anew, compare, and put them in the place of the live ones.

    Where they were to be compared only, and differ, exit status 1.
    """
    models = models_named(names)
    with database(settings) as url:
        check_schema(url)
        owner = owner_of(settings, url)
        with psycopg.connect(owner, autocommit=True) as connection:
            refuse_short_disk(free_bytes(connection), bytes_needed(connection, models))
        with _progress(models) as watching:
            rebuilt = rebuild(owner, models, parallel, watching, dry_run=dry_run)
    _put(rebuilt, as_json=as_json)
    if dry_run and any(one.different for one in rebuilt.compared):
        raise typer.Exit(1)


def roll_back_models(settings: Settings, names: Sequence[str], *, as_json: bool) -> None:
    """Put back what was live before."""
    models = models_named(names)
    with database(settings) as url:
        check_schema(url)
        switched = roll_back_all(owner_of(settings, url), models)
    if as_json:
        put_json([one._asdict() for one in switched])
    else:
        put_table("rolled back", ("model", "position"), [(one.model, one.position) for one in switched])


def free_bytes(connection: psycopg.Connection[Any]) -> int | None:
    """What is free where the server keeps its data; None where that is not on this machine, or not to be known."""
    try:
        row = connection.execute("SELECT current_setting('data_directory')").fetchone()
        folder = Path(row[0]) if row else None
        return shutil.disk_usage(folder).free if folder and folder.exists() else None
    except (psycopg.errors.InsufficientPrivilege, OSError):
        return None


def refuse_short_disk(free: int | None, needed: int) -> None:
    """Raise BaohaoError where less is free than needed."""
    if free is not None and free < needed:
        wanted = f"the rebuild needs about {needed // MIB + 1} MiB of disk"
        raise BaohaoError(f"{wanted}, and {free // MIB} MiB are free; nothing was changed")


@contextmanager
def _progress(models: Sequence[ReadModel[Any]]) -> Generator[Watching]:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"))
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(" ".join(model.name for model in models), total=None, told="")

        def begun(run: Run) -> None:
            if run.resumed:
                err.print("going on with the rebuild that was begun before")

        def built(so_far: Built) -> None:
            left = so_far.seconds_left
            told = f"{so_far.facts_per_s:,.0f} facts/s" + (f", {left:.0f} s left" if left is not None else "")
            bar.update(task, completed=so_far.done, total=so_far.of, told=told)

        def compared(one: Compared) -> None:
            bar.update(task, told=f"{one.model} compared")

        yield Watching(begun, built, compared)


def _put(rebuilt: Rebuilt, *, as_json: bool) -> None:
    built, switched = rebuilt.built, {one.model: one for one in rebuilt.switched}
    models = [
        one._asdict()
        | {"switched": one.model in switched, "position": switched[one.model].position if switched else built.upto}
        for one in rebuilt.compared
    ]
    if as_json:
        rate = {"facts": built.facts, "seconds": round(built.seconds, 2), "facts_per_s": round(built.facts_per_s)}
        put_json({**rate, "models": models})
        return
    columns = ("model", "rows", "compared with the live one", "")
    rows = [
        (one.model, one.rebuilt_rows, _said(one), "is live now" if one.model in switched else "nothing changed")
        for one in rebuilt.compared
    ]
    put_table(f"{built.facts:,} facts in {built.seconds:.1f} s", columns, rows)


def _said(one: Compared) -> str:
    if one.not_compared is not None:
        return f"not compared: {one.not_compared}"
    return "equal" if not one.different else f"{one.different} rows differ"
