"""A rebuild from its beginning to the switch, and the way back; one at a time in a database."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection

from engine.store.log import head
from projections.follow import positions
from projections.live import LIVE
from projections.read_model import ReadModel
from projections.rebuild.building import Built, RebuildError, Run, begin, build, clear
from projections.rebuild.comparing import Compared, compare
from projections.rebuild.switching import Switched, roll_back, switch


class Rebuilt(NamedTuple):
    """What a rebuild did; `switched` is empty where it only compared."""

    built: Built
    compared: list[Compared]
    switched: list[Switched]


class Watching(NamedTuple):
    """Who is told how far a rebuild is."""

    begun: Callable[[Run], None]
    built: Callable[[Built], None]
    compared: Callable[[Compared], None]


def rebuild(
    database_url: str, models: tuple[ReadModel[Any], ...], parallel: int, watching: Watching, *, dry_run: bool
) -> Rebuilt:
    """Build, compare and, unless it is a `dry_run`, switch; `database_url` is that of the tables' owner.

    Raises RebuildError, and then what was built is kept for the same command to go on.
    """
    with _alone(database_url) as connection:
        run = begin(connection, models)
        watching.begun(run)
        built = build(connection, database_url, run, parallel, watching.built)
        compared: list[Compared] = []
        for model in models:
            compared.append(compare(connection, database_url, model))
            watching.compared(compared[-1])
        switched = [] if dry_run else [switch(connection, model) for model in models]
        clear(connection)
        return Rebuilt(built, compared, switched)


def roll_back_all(database_url: str, models: tuple[ReadModel[Any], ...]) -> list[Switched]:
    """Make live again what was live before; raises RebuildError."""
    with _alone(database_url) as connection:
        return [roll_back(connection, model) for model in models]


def bytes_needed(connection: Connection[Any], models: tuple[ReadModel[Any], ...]) -> int:
    """About how much disk a rebuild of the models takes: for their rows, and as much for the journal meanwhile."""
    position, end = positions(connection).get(LIVE.name, 0), head(connection)
    row = connection.execute(
        "SELECT sum(pg_total_relation_size(to_regclass('public.' || name)))::bigint, "
        "pg_total_relation_size('card_events') FROM unnest(%s::text[]) AS of (name)",
        ([model.name for model in models],),
    ).fetchone()
    live, log = row or (0, 0)
    return 2 * (live * end // position if 2 * position > end else log // 2)


@contextmanager
def _alone(database_url: str) -> Generator[Connection[Any]]:
    """A connection that holds the lock of rebuilds; raises RebuildError where another one has it."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        lock = "SELECT pg_try_advisory_lock(hashtextextended('baohao.rebuild', 0))"
        if connection.execute(lock).fetchone() != (True,):
            raise RebuildError("another rebuild runs in this database; wait for it, or end it")
        try:
            yield connection
        except psycopg.errors.InsufficientPrivilege as error:
            raise RebuildError(
                f"only the owner of the tables may do this ({error.diag.message_primary}); set "
                "BAOHAO_OWNER_DATABASE_URL as for `baohao migrate`"
            ) from error
