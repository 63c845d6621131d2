"""The one loop of the followers: read a batch, fold per key, write rows and position in one transaction.

A card with a fact that cannot be read or folded is parked for that read model from that fact on, one whose row cannot
be stored from the batch's first fact for that row on; all other cards are followed.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Connection

from engine.envelope import Recorded
from engine.store.log import Unreadable, read_rows, read_rows_of
from projections.parked_cards import ParkedCard, park_cards, parked_at, parked_card_ids, unpark_card
from projections.read_model import FoldError, ReadModel, fold_batch

BATCH = 1000
"""Facts that a follower handles in one transaction."""

FOLLOWERS_TABLE = """
    CREATE TABLE IF NOT EXISTS followers (
        name text PRIMARY KEY,
        position bigint NOT NULL  -- every fact up to here is in the follower's rows
    )
"""


@dataclass(frozen=True)
class Follower:
    """Read models that follow the log together, under one name with one position."""

    name: str
    models: tuple[ReadModel[Any], ...]
    schema: str = "public"


@dataclass(frozen=True, slots=True)
class Progress:
    """What one step did: how many facts, up to which position."""

    facts: int
    position: int
    changed: Sequence[str]
    """The read models with changed rows."""
    parked: Sequence[ParkedCard] = ()
    """The cards that were parked."""


def lock_position(connection: Connection[Any], name: str) -> int:
    """The follower's position, its row locked until the transaction ends: that lock fences off a second process."""
    connection.execute("INSERT INTO followers VALUES (%s, 0) ON CONFLICT (name) DO NOTHING", (name,), prepare=True)
    row = connection.execute(
        "SELECT position FROM followers WHERE name = %s FOR UPDATE", (name,), prepare=True
    ).fetchone()
    return int(row[0]) if row else 0


def save_position(connection: Connection[Any], name: str, position: int) -> None:
    """Set the follower's position, in the same transaction that writes its rows."""
    connection.execute("UPDATE followers SET position = %s WHERE name = %s", (position, name), prepare=True)


def follow(connection: Connection[Any], follower: Follower, limit: int) -> Progress:
    """One step: up to `limit` facts after the position become rows, all or nothing.

    The commit does not wait for the disk: what a crash loses is folded again from the log.
    """
    with connection.transaction():
        connection.execute("SET LOCAL synchronous_commit = off")
        position = lock_position(connection, follower.name)
        rows = read_rows(connection, position, limit)
        if not rows:
            return Progress(0, position, ())
        before = parked_at(connection, follower.name, list({row.card_id for row in rows}))
        changed: list[str] = []
        parked: list[ParkedCard] = []
        for model in follower.models:
            followed = [row for row in rows if (model.name, row.card_id) not in before] if before else rows
            now_parked, has_changed = _project(connection, follower, model, followed)
            parked += now_parked
            if has_changed:
                changed.append(model.name)
        save_position(connection, follower.name, rows[-1].position)
        return Progress(len(rows), rows[-1].position, changed, parked)


def retry_parked_cards(connection: Connection[Any], follower: Follower) -> list[ParkedCard]:
    """Fold again what was parked, each card in a transaction of its own; returns what is parked still."""
    parked: list[ParkedCard] = []
    for card_id in parked_card_ids(connection, follower.name):
        with connection.transaction():
            position = lock_position(connection, follower.name)
            parked_from = unpark_card(connection, follower.name, card_id)
            rows = read_rows_of(connection, card_id, min(parked_from.values(), default=position + 1), position)
            for model in follower.models:
                if model.name in parked_from:
                    missed = [row for row in rows if row.position >= parked_from[model.name]]
                    parked += _project(connection, follower, model, missed)[0]
    return parked


def _project(
    connection: Connection[Any], follower: Follower, model: ReadModel[Any], rows: Sequence[Recorded | Unreadable]
) -> tuple[list[ParkedCard], bool]:
    """Fold rows of the log into a read model; returns the cards that it parks, and whether rows changed."""
    parked: dict[UUID, ParkedCard] = {}
    facts: list[Recorded] = []
    for row in rows:
        if isinstance(row, Recorded):
            facts.append(row)
        elif row.card_id not in parked:
            parked[row.card_id] = ParkedCard(model.name, row.card_id, row.position, str(row.error))
    while True:
        wanted = [fact for fact in facts if fact.card_id not in parked or fact.position < parked[fact.card_id].position]
        try:
            changed = fold_batch(model, wanted, lambda keys: model.rows(connection, follower.schema, keys))
        except FoldError as error:
            recorded, why = error.recorded, error.__cause__
        else:
            refused = _write(connection, follower, model, changed)
            if refused is None:
                break
            key, why = refused
            recorded = next(fact for fact in wanted if model.key_of(fact) == key)
        reason = f"{type(why).__name__}: {why}"
        parked[recorded.card_id] = ParkedCard(model.name, recorded.card_id, recorded.position, reason)
    if parked:
        park_cards(connection, follower.name, parked.values())
    return list(parked.values()), bool(changed)


_REFUSALS = (psycopg.DataError, psycopg.IntegrityError, OverflowError, UnicodeError)
"""What PostgreSQL or its driver raises for a value that it does not take."""


def _write(
    connection: Connection[Any], follower: Follower, model: ReadModel[Any], rows: dict[Hashable, Any]
) -> tuple[Hashable, Exception] | None:
    """Write rows, or none: then the key of one that is refused, and why."""
    if not rows:
        return None
    try:
        with connection.transaction():
            model.write(connection, follower.schema, rows)
    except _REFUSALS:
        for key, row in rows.items():
            try:
                with connection.transaction(force_rollback=True):
                    model.write(connection, follower.schema, {key: row})
            except _REFUSALS as error:
                return key, error
        raise
    return None


def positions(connection: Connection[Any]) -> dict[str, int]:
    """The position of each follower."""
    return dict(connection.execute("SELECT name, position FROM followers ORDER BY name").fetchall())
