"""The one loop of the followers: read a batch, fold per key, write rows and position in one transaction.

Each read model has a position of its own. Those that stand at the same one are followed together, with one read of the
log; one that lags behind is followed by itself until it has caught up with them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from engine.envelope import NAME_OF, names_of
from engine.store.log import head, read_others, read_rows_of
from projections.parked_cards import ParkedCard, parked_at, parked_card_ids, unpark_card
from projections.projecting import project
from projections.read_model import Follower, ReadModel

BATCH = 1000
"""Facts that a follower handles in one transaction."""

BUILDING, KEPT = "rebuild", "previous"
"""Followers, and schemas, of tables that are not live: those that a rebuild fills, and those that it has replaced."""

FOLLOWERS_TABLE = """
    CREATE TABLE IF NOT EXISTS followers (
        name text PRIMARY KEY,
        position bigint NOT NULL,  -- every fact up to here is in the follower's rows
        version integer,  -- of the fold that made the rows; of the forwarder: the epoch told; null where there is none
        paused_at timestamptz,
        paused_by text,
        paused_why text,
        failed_at timestamptz,  -- when a step failed last, and of what
        failure text
    )
"""


class Stand(NamedTuple):
    """Where a read model stands: its position, the version of the fold that made its rows, whether it is paused."""

    position: int
    version: int
    paused: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """What one step did: how many facts, up to which position all models have followed."""

    fact_count: int
    position: int
    changed: Sequence[str]
    """The read models with changed rows."""
    parked: Sequence[ParkedCard] = ()
    """The cards that were parked."""


def lock_position(connection: Connection[Any], name: str) -> int:
    """The follower's position, its row locked until the transaction ends: that lock fences off a second process."""
    connection.execute(
        "INSERT INTO followers (name, position) VALUES (%s, 0) ON CONFLICT (name) DO NOTHING", (name,), prepare=True
    )
    row = connection.execute(
        "SELECT position FROM followers WHERE name = %s FOR UPDATE", (name,), prepare=True
    ).fetchone()
    return int(row[0]) if row else 0


def save_position(connection: Connection[Any], name: str, position: int) -> None:
    """Set the follower's position, in the same transaction that writes its rows."""
    connection.execute("UPDATE followers SET position = %s WHERE name = %s", (position, name), prepare=True)


def lock_stands(connection: Connection[Any], follower: Follower) -> dict[str, Stand]:
    """Where each model of the follower stands; their rows are locked as by `lock_position`."""
    names = [follower.position_of(model) for model in follower.models]
    connection.execute(
        """
        INSERT INTO followers (name, position, version) SELECT name, 0, version
        FROM unnest(%s::text[], %s::integer[]) AS new (name, version) ON CONFLICT (name) DO NOTHING
        """,
        (names, [model.version for model in follower.models]),
        prepare=True,
    )
    rows = connection.execute(
        """
        SELECT name, position, version, paused_at IS NOT NULL FROM followers
        WHERE name = ANY(%s) ORDER BY name FOR UPDATE
        """,
        (names,),
        prepare=True,
    ).fetchall()
    stands = {name: Stand(*stand) for name, *stand in rows}
    return {model.name: stands[follower.position_of(model)] for model in follower.models}


def follow(connection: Connection[Any], follower: Follower, limit: int, upto: int | None = None) -> Progress:
    """One step: up to `limit` facts after each position, none after `upto`, become rows, all or nothing.

    A model that is paused, or whose rows are of a fold that this one cannot continue, stays where it is. The commit
    does not wait for the disk: what a crash loses is folded again from the log.
    """
    with connection.transaction():
        connection.execute("SET LOCAL synchronous_commit = off")
        stands = lock_stands(connection, follower)
        followed = [model for model in _able(connection, follower, stands) if not stands[model.name].paused]
        begun = {model: stands[model.name].position for model in followed}
        steps: list[_Step] = []
        end_of_log = head(connection) if upto is None else upto
        for start, end in pairwise([*sorted(set(begun.values())), end_of_log]):
            if start < end:
                together = [model for model in followed if begun[model] == start]  # and those that have come up to them
                steps.append(_step(connection, follower, together, start, end, limit))
                begun |= dict.fromkeys(together, steps[-1].upto)
    return Progress(
        sum(step.fact_count for step in steps),
        min(begun.values(), default=0),
        [model.name for model in follower.models if any(model.name in step.changed for step in steps)],
        [card for step in steps for card in step.parked],
    )


def _able(connection: Connection[Any], follower: Follower, stands: dict[str, Stand]) -> list[ReadModel[Any]]:
    return [m for m in follower.models if continues(connection, follower, m, stands[m.name].version)]


def continues(connection: Connection[Any], follower: Follower, model: ReadModel[Any], version: int) -> bool:
    """Whether a model's fold can go on from rows of a version: of its own, or of an earlier one with its columns."""
    if version >= model.version:
        return version == model.version
    rows = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
        (f"{follower.schema}.{model.name}",),
    ).fetchall()
    return {name for (name,) in rows} == {column.name for column in model.columns}


class _Step(NamedTuple):
    fact_count: int
    upto: int
    changed: set[str]
    parked: list[ParkedCard]


def _step(
    connection: Connection[Any], follower: Follower, models: Sequence[ReadModel[Any]], start: int, end: int, limit: int
) -> _Step:
    """Models that stand at `start` follow up to `limit` facts up to `end`."""
    read = read_others(connection, unread_names(tuple(models)), start, limit, end)
    rows = read.rows
    before = parked_at(connection, follower.name, list({row.card_id for row in rows})) if rows else {}
    changed: set[str] = set()
    parked: list[ParkedCard] = []
    for model in models:
        followed = [row for row in rows if (model.name, row.card_id) not in before] if before else rows
        projected = project(connection, follower, model, followed)
        parked += projected.parked
        if projected.has_changed:
            changed.add(model.name)
    connection.execute(
        "UPDATE followers SET position = %s WHERE name = ANY(%s)",
        (read.upto, [follower.position_of(model) for model in models]),
        prepare=True,
    )
    return _Step(len(rows), read.upto, changed, parked)


@cache
def unread_names(models: tuple[ReadModel[Any], ...]) -> list[str]:
    """The stored names of the facts that none of the models reads."""
    unread = NAME_OF.keys() - {kind for model in models for kind in model.facts}
    return sorted(name for kind in unread for name in names_of(kind))


def retry_parked_cards(
    connection: Connection[Any], follower: Follower, card_ids: Sequence[UUID] | None = None
) -> list[ParkedCard]:
    """Fold again what was parked of some cards (None: of all), each in its own transaction; what is parked still."""
    parked: list[ParkedCard] = []
    for card_id in parked_card_ids(connection, follower.name) if card_ids is None else card_ids:
        with connection.transaction():
            stands = lock_stands(connection, follower)
            able = _able(connection, follower, stands)
            parked_from = unpark_card(connection, follower.name, card_id, [model.name for model in able])
            for model in able:
                if model.name in parked_from:
                    rows = read_rows_of(connection, card_id, parked_from[model.name], stands[model.name].position)
                    parked += project(connection, follower, model, rows).parked
    return parked


def changed_folds(connection: Connection[Any], follower: Follower) -> list[str]:
    """The models whose rows were made by another version of their fold, so that they are to be rebuilt."""
    rows = connection.execute(
        "SELECT name, version FROM followers WHERE starts_with(name, %s)", (f"{follower.name}.",)
    ).fetchall()
    versions = dict(rows)
    return [m.name for m in follower.models if versions.get(follower.position_of(m), m.version) != m.version]


def positions(connection: Connection[Any]) -> dict[str, int]:
    """The position of each follower; of several read models that of the one that is farthest behind."""
    query = """
        SELECT split_part(name, '.', 1), min(position) FROM followers
        WHERE split_part(name, '.', 1) <> ALL(%s) GROUP BY 1 ORDER BY 1
    """
    return dict(connection.execute(query, ([BUILDING, KEPT],)).fetchall())
