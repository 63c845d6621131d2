"""A read model made anew against the live one, at the same position, by the sum of the hashes of their rows."""

from time import monotonic, sleep
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection, sql

from projections.follow import BATCH, BUILDING, continues, follow, lock_position
from projections.live import LIVE
from projections.read_model import ReadModel
from projections.rebuild.building import building, refuse_parked

PATIENCE_S = 2.0
"""How long the live read model may stand still before it has come to where the new one is."""
_POLL_S = 0.05


class Compared(NamedTuple):
    """Rows of both, and how many keys have different ones; `not_compared` says why, where they could not be."""

    model: str
    live_rows: int | None
    rebuilt_rows: int
    different: int | None
    not_compared: str | None = None


def catch_up(connection: Connection[Any], model: ReadModel[Any], upto: int | None = None) -> int:
    """Follow the log with what is being built, to its end or to `upto`; returns the position. Raises RebuildError."""
    while True:
        step = follow(connection, building(model), BATCH, upto)
        refuse_parked(step.parked)
        if step.fact_count < BATCH:
            return step.position


def compare(connection: Connection[Any], database_url: str, model: ReadModel[Any]) -> Compared:
    """Compare; live projection waits only until both are at the same position, not while rows are read."""
    reached = catch_up(connection, model)
    why_not = _why_not(connection, model)
    if why_not is None and not _wait_for(connection, model, reached):
        why_not = "the live read model does not come up to the end of the log"
    if why_not is not None:
        return Compared(model.name, None, _count(connection, model), None, why_not)
    with psycopg.connect(database_url) as holding:
        at = lock_position(holding, LIVE.position_of(model))
        catch_up(connection, model, at)
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            connection.execute("SELECT")  # from here on both are seen as they are now
            holding.rollback()
            return _compared(connection, model)


def _why_not(connection: Connection[Any], model: ReadModel[Any]) -> str | None:
    row = connection.execute("SELECT version FROM followers WHERE name = %s", (LIVE.position_of(model),)).fetchone()
    if row is None or row[0] == model.version:
        return None
    if continues(connection, LIVE, model, row[0]):
        return None
    return f"the live rows are of version {row[0]} and have other columns"


def _wait_for(connection: Connection[Any], model: ReadModel[Any], position: int) -> bool:
    """Whether the live model comes up to a position, as long as it moves at all."""
    query, last, moved = "SELECT position FROM followers WHERE name = %s", -1, monotonic()
    while monotonic() < moved + PATIENCE_S:
        row = connection.execute(query, (LIVE.position_of(model),)).fetchone()
        reached = row[0] if row else 0
        if reached >= position:
            return True
        if reached > last:
            last, moved = reached, monotonic()
        sleep(_POLL_S)
    return False


def _compared(connection: Connection[Any], model: ReadModel[Any]) -> Compared:
    live_rows, live_sum = _sum(connection, model, "public")
    rebuilt_rows, rebuilt_sum = _sum(connection, model, BUILDING)
    equal = (live_rows, live_sum) == (rebuilt_rows, rebuilt_sum)
    return Compared(model.name, live_rows, rebuilt_rows, 0 if equal else _different(connection, model))


def _sum(connection: Connection[Any], model: ReadModel[Any], schema: str) -> tuple[int, int | None]:
    query = sql.SQL("SELECT count(*), sum({}::numeric) FROM {} AS t").format(
        _hash(model, "t"), sql.Identifier(schema, model.name)
    )
    return connection.execute(query).fetchone() or (0, None)


def _different(connection: Connection[Any], model: ReadModel[Any]) -> int:
    query = sql.SQL("SELECT count(*) FROM {} AS a FULL JOIN {} AS b USING ({}) WHERE {} IS DISTINCT FROM {}").format(
        sql.Identifier("public", model.name),
        sql.Identifier(BUILDING, model.name),
        sql.Identifier(model.columns[0].name),
        _hash(model, "a"),
        _hash(model, "b"),
    )
    row = connection.execute(query).fetchone()
    return row[0] if row else 0


def _hash(model: ReadModel[Any], table: str) -> sql.Composed:
    """Of a row as text, so that each byte counts."""
    columns = sql.SQL(", ").join(sql.Identifier(table, column.name) for column in model.columns)
    return sql.SQL("hashtextextended(ROW({})::text, 0)").format(columns)


def _count(connection: Connection[Any], model: ReadModel[Any]) -> int:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(BUILDING, model.name))).fetchone()
    return row[0] if row else 0
