"""The read models as they stood at an earlier moment, and what differs between two."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal

import psycopg
from psycopg import Connection

from adapters.cli.counting import counting
from adapters.cli.inspecting import utc
from adapters.cli.moments import MomentError, place_of
from adapters.cli.output import err, put_fields, put_json, put_table
from adapters.cli.servers import connection, database, owner_of
from adapters.parquet import check_installed
from adapters.schema import check_schema
from adapters.settings import Settings
from adapters.whole_files import new_file, new_files
from projections.audit.as_of import (
    changes_between,
    check_new_schema,
    count_replayed,
    keep_in_schema,
    place_at,
    replay,
    replayed_rows,
    write_csv,
)
from projections.live import MODELS
from projections.read_model import ReadModel

SCHEMA = "schema:"
"""Stands before the name of a schema, where otherwise a folder is named."""
Write = Callable[[Connection[Any], ReadModel[Any], BinaryIO], None]


def replay_to_folder(
    settings: Settings, moment: datetime, folder: Path, kind: Literal["csv", "parquet"], *, as_json: bool
) -> None:
    """Write a file per read model, all or none; raises MomentError, ParquetError, OSError for a folder in use."""
    write = _writer(kind)
    if folder.exists() and any(folder.iterdir()):
        raise MomentError(f"{folder} is not empty")
    with connection(settings) as open_connection:
        upto = _replayed(open_connection, moment)
        with new_files(folder):
            for model in MODELS:
                with new_file(folder / f"{model.name}.{kind}") as file:
                    write(open_connection, model, file)
        counts = count_replayed(open_connection)
    _put(moment, upto, counts, as_json=as_json)


def replay_to_schema(settings: Settings, moment: datetime, name: str, *, as_json: bool) -> None:
    """Fill a new schema with a table per read model, which belong to the owner; raises MomentError, ReplayError."""
    with database(settings) as url:
        check_schema(url)
        with psycopg.connect(owner_of(settings, url), autocommit=True) as owner:
            check_new_schema(owner, name)
            upto = _replayed(owner, moment)
            keep_in_schema(owner, name)
            counts = count_replayed(owner)
    _put(moment, upto, counts, as_json=as_json)


def _replayed(open_connection: Connection[Any], moment: datetime) -> int:
    upto = place_of(open_connection, moment)
    with counting("replaying", upto) as show:
        replay(open_connection, 0, upto, show)
    return upto


def _writer(kind: Literal["csv", "parquet"]) -> Write:
    if kind == "csv":
        return write_csv
    check_installed()
    from adapters.parquet.row_files import write_rows

    return lambda open_connection, model, file: write_rows(file, model, replayed_rows(open_connection, model))


def _put(moment: datetime, upto: int, counts: Mapping[str, int], *, as_json: bool) -> None:
    put_fields(f"rows as of {utc(moment):%Y-%m-%d %H:%M:%S} UTC", {"position": upto, **counts}, as_json=as_json)


def show_changes(settings: Settings, earlier: datetime, later: datetime, limit: int, *, as_json: bool) -> None:
    """The rows that two moments do not have alike; raises MomentError if they are the wrong way round."""
    if later < earlier:
        raise MomentError("the first moment is later than the second")
    with connection(settings) as open_connection:
        places = [place_at(open_connection, utc(one)) for one in (earlier, later)]
        changes = changes_between(open_connection, *places)
    if as_json:
        put_json([one._asdict() for one in changes[:limit]])
        return
    counts = Counter((one.model, one.what) for one in changes)
    put_table(
        f"positions {places[0]} to {places[1]}: rows that differ",
        ("read model", "what", "rows"),
        [(*one, count) for one, count in sorted(counts.items())],
    )
    put_table("each", ("read model", "key", "what"), changes[:limit])
    if len(changes) > limit:
        err.print(f"{len(changes) - limit} more; --limit shows them")
