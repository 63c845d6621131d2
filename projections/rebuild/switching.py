"""Putting a table in the live one's place in one short transaction, and keeping the one before for a way back.

A table moves between schemas together with its indexes and rights. Readers are not kept waiting: the switch waits for
them a few milliseconds at most, and tries again.
"""

from time import monotonic, sleep
from typing import Any, NamedTuple

from psycopg import Connection, sql
from psycopg.errors import LockNotAvailable

from projections.due import DUE, DUE_CHANNEL
from projections.follow import BATCH, BUILDING, KEPT, continues, follow, lock_position
from projections.live import LIVE
from projections.read_model import Follower, ReadModel
from projections.rebuild.building import RebuildError, building, clear, refuse_parked

LOCK_TIMEOUT_MS = 20
"""So long readers wait at most behind a switch that waits for a reader."""
PATIENCE_S = 60.0
_AGAIN_S = 0.1
_MOVING = "moving"


class Switched(NamedTuple):
    """What is live now: the position up to which it has followed, how often the switch had to be tried."""

    model: str
    position: int
    tries: int
    seconds: float
    """How long the last try kept readers waiting at most: until it had the table, and had it for itself."""


def switch(connection: Connection[Any], model: ReadModel[Any]) -> Switched:
    """Make what was built the live read model; the live one is kept. Raises RebuildError."""
    return _tried(connection, model, building(model))


def roll_back(connection: Connection[Any], model: ReadModel[Any]) -> Switched:
    """Make the kept one the live read model again, at the end of the log, and keep the other. Raises RebuildError."""
    before = kept(model)
    row = connection.execute("SELECT version FROM followers WHERE name = %s", (before.position_of(model),)).fetchone()
    if row is None or not _exists(connection, KEPT, model):
        raise RebuildError(f"nothing was kept of {model.name}: it was not rebuilt, or rolled back since")
    if not continues(connection, before, model, row[0]):
        raise RebuildError(
            f"what was kept of {model.name} has the columns of version {row[0]}; run the program of that version"
        )
    clear(connection)
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(BUILDING)))
    try:
        while follow(connection, before, BATCH).fact_count >= BATCH:
            pass
        return _tried(connection, model, before)
    finally:
        clear(connection)


def kept(model: ReadModel[Any]) -> Follower:
    """The follower of a table that was live before."""
    return Follower(KEPT, (model,), KEPT)


def _tried(connection: Connection[Any], model: ReadModel[Any], source: Follower) -> Switched:
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(KEPT)))
    until, tries = monotonic() + PATIENCE_S, 0
    while monotonic() < until:
        tries += 1
        try:
            position, seconds = _exchange(connection, model, source)
        except LockNotAvailable:
            sleep(_AGAIN_S)
        else:
            return Switched(model.name, position, tries, seconds)
    raise RebuildError(
        f"another session has {model.name} locked; find it in pg_locks and end it, then run the same command again"
    )


def _exchange(connection: Connection[Any], model: ReadModel[Any], source: Follower) -> tuple[int, float]:
    """In one transaction; the projector waits for it at the position's row, readers only at its end.

    They wait for one statement and the commit, not for the disk: whatever the caller commits next is on it with this.
    """
    with connection.transaction():
        if source.name == BUILDING:
            connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(KEPT, model.name)))
        lock_position(connection, LIVE.position_of(model))
        while (step := follow(connection, source, BATCH)).fact_count:
            if source.name == BUILDING:
                refuse_parked(step.parked)
        _move_positions(connection, model, source)
        if source.name == BUILDING:
            connection.execute("UPDATE rebuild._run SET models = array_remove(models, %s)", (model.name,))  # it is over
        if model is DUE:
            connection.execute(f"NOTIFY {DUE_CHANNEL}")
        connection.execute("SET LOCAL synchronous_commit = off")
        connection.execute("SELECT set_config('lock_timeout', %s, true)", (f"{LOCK_TIMEOUT_MS}ms",))
        moving, started = _moving_tables(model, source), monotonic()
        connection.execute(moving)
    return step.position, monotonic() - started


def _moving_tables(model: ReadModel[Any], source: Follower) -> sql.Composed:
    """All in one statement for the server, which takes the live table first."""
    if source.name == BUILDING:
        moves = (("public", KEPT), (BUILDING, "public"))
    else:
        moves = (("public", BUILDING), (KEPT, "public"), (BUILDING, KEPT))
    return sql.SQL("; ").join(
        sql.SQL("ALTER TABLE {} SET SCHEMA {}").format(sql.Identifier(before, model.name), sql.Identifier(after))
        for before, after in moves
    )


_MOVE_POSITIONS = """
    WITH new AS (SELECT position, version FROM followers WHERE name = %(source)s),
    old AS (SELECT position, version FROM followers WHERE name = %(live)s),
    gone AS (DELETE FROM followers WHERE name = %(building)s),
    kept AS (
        INSERT INTO followers (name, position, version) SELECT %(kept)s, position, coalesce(version, 1) FROM old
        ON CONFLICT (name) DO UPDATE SET position = excluded.position, version = excluded.version
    )
    UPDATE followers SET position = new.position, version = new.version FROM new WHERE name = %(live)s
"""


def _move_positions(connection: Connection[Any], model: ReadModel[Any], source: Follower) -> None:
    connection.execute(
        _MOVE_POSITIONS,
        {
            "source": source.position_of(model),
            "live": LIVE.position_of(model),
            "building": building(model).position_of(model),
            "kept": kept(model).position_of(model),
        },
    )
    for before, after in ((LIVE.name, _MOVING), (source.name, LIVE.name), (_MOVING, KEPT)):
        connection.execute("DELETE FROM parked_cards WHERE follower = %s AND model = %s", (after, model.name))
        connection.execute(
            "UPDATE parked_cards SET follower = %s WHERE follower = %s AND model = %s", (after, before, model.name)
        )


def _exists(connection: Connection[Any], schema: str, model: ReadModel[Any]) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (f"{schema}.{model.name}",)).fetchone()
    return row is not None and row[0]
