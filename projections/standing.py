"""How the live read models stand: what they lack, what holds them up; pausing and resuming them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row

from engine.envelope import Recorded
from engine.store.log import head, read_rows
from engine.text import masked, printable
from projections.follow import lock_stands
from projections.parked_cards import cleaned, count_parked_cards
from projections.read_model import Follower, ReadModel


class Standing(NamedTuple):
    """A read model; `behind` counts facts, of which the first was recorded `behind_s` seconds ago."""

    model: str
    position: int
    behind: int
    behind_s: float
    version: int
    rebuild_due: bool
    """Whether its rows were made by another version of the fold than this program's."""
    parked: int
    """Cards that it cannot follow."""
    paused_at: datetime | None
    paused_by: str | None
    paused_why: str | None
    failed_at: datetime | None
    """When the projector failed last, and of what."""
    failure: str | None


class _Row(NamedTuple):
    name: str
    position: int
    version: int
    paused_at: datetime | None
    paused_by: str | None
    paused_why: str | None
    failed_at: datetime | None
    failure: str | None


def read_standing(connection: Connection[Any], follower: Follower, now: datetime) -> list[Standing]:
    """How each model of the follower stands, at a moment of the clock by which facts are recorded."""
    parked, end = count_parked_cards(connection, follower.name), head(connection)
    with connection.cursor(row_factory=class_row(_Row)) as cursor:
        cursor.execute(
            "SELECT name, position, version, paused_at, paused_by, paused_why, failed_at, failure FROM followers "
            "WHERE starts_with(name, %s)",
            (f"{follower.name}.",),
        )
        rows = {row.name: row for row in cursor}
    waited = {position: _waited(connection, position, end, now) for position in {row.position for row in rows.values()}}
    standing: list[Standing] = []
    for model in follower.models:
        row = rows.get(follower.position_of(model))
        if row is None:  # the projector has not run yet
            row = _Row(model.name, 0, model.version, None, None, None, None, None)
            waited.setdefault(0, _waited(connection, 0, end, now))
        standing.append(
            Standing(
                model.name,
                row.position,
                max(0, end - row.position),
                waited[row.position],
                row.version,
                row.version != model.version,
                parked.get(model.name, 0),
                *row[3:],
            )
        )
    return standing


def _waited(connection: Connection[Any], position: int, end: int, now: datetime) -> float:
    """For how many seconds the first fact after a position has waited."""
    if position >= end:
        return 0.0
    fact = next(iter(read_rows(connection, position, 1)), None)
    if not isinstance(fact, Recorded):
        return 0.0
    return round(max(timedelta(), now - fact.recorded_at).total_seconds(), 3)


def pause(connection: Connection[Any], follower: Follower, models: Sequence[ReadModel[Any]], by: str, why: str) -> None:
    """Let models stand where they are, from the next step on, with who wanted it and why."""
    with connection.transaction():
        lock_stands(connection, follower)
        connection.execute(
            "UPDATE followers SET paused_at = now(), paused_by = %s, paused_why = %s WHERE name = ANY(%s)",
            (by, printable(masked(why)), [follower.position_of(model) for model in models]),
        )


def resume(connection: Connection[Any], follower: Follower, models: Sequence[ReadModel[Any]]) -> None:
    """Let paused models go on."""
    connection.execute(
        "UPDATE followers SET paused_at = NULL, paused_by = NULL, paused_why = NULL WHERE name = ANY(%s)",
        ([follower.position_of(model) for model in models],),
    )


def note_failure(connection: Connection[Any], follower: Follower, error: Exception) -> None:
    """Keep what a step failed of, for people who look later."""
    connection.execute(
        "UPDATE followers SET failed_at = now(), failure = %s WHERE starts_with(name, %s)",
        (cleaned(str(error) or type(error).__name__), f"{follower.name}."),
    )
