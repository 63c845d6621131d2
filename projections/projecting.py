"""Facts become rows of one read model; a card whose fact cannot be taken is parked, all others are followed.

It is parked from a fact on that cannot be read or folded; where its row cannot be stored, from the batch's first fact
for that row on. A fact that a person has skipped is left out instead.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg import Connection

from engine.envelope import Recorded
from engine.store.log import Unreadable
from projections.parked_cards import ParkedCard, park_cards, skipped_among
from projections.read_model import FoldError, Follower, ReadModel, fold_batch


class Projected(NamedTuple):
    """What became of some facts: the cards that the read model parks, and whether rows changed."""

    parked: list[ParkedCard]
    has_changed: bool


def project(
    connection: Connection[Any], follower: Follower, model: ReadModel[Any], rows: Sequence[Recorded | Unreadable]
) -> Projected:
    """Fold rows of the log into a read model, in the caller's transaction."""
    facts, unreadable = of_model(model, rows)
    parked: dict[UUID, ParkedCard] = {}
    left_out: set[int] = set()

    def refuse(position: int, card_id: UUID, reason: str) -> None:
        if skipped_among(connection, model.name, [position]):
            left_out.add(position)
        elif card_id not in parked or position < parked[card_id].position:
            parked[card_id] = ParkedCard(model.name, card_id, position, reason)

    for row in unreadable:
        refuse(row.position, row.card_id, str(row.error))
    while True:
        wanted = _without(facts, left_out, parked) if parked or left_out else facts
        try:
            changed = fold_batch(model, wanted, lambda keys: _rows(connection, follower, model, keys))
        except FoldError as error:
            recorded, why = error.recorded, error.__cause__
        else:
            refused = _write(connection, follower, model, changed)
            if refused is None:
                break
            key, why = refused
            recorded = next(fact for fact in wanted if model.key_of(fact) == key)
        refuse(recorded.position, recorded.card_id, f"{type(why).__name__}: {why}")
    if parked:
        park_cards(connection, follower.name, parked.values())
    return Projected(list(parked.values()), bool(changed))


def _without(facts: list[Recorded], left_out: set[int], parked: Mapping[UUID, ParkedCard]) -> list[Recorded]:
    """The facts before those at which their cards are parked, without those that are left out."""
    return [
        fact
        for fact in facts
        if fact.position not in left_out
        and (fact.card_id not in parked or fact.position < parked[fact.card_id].position)
    ]


def of_model(model: ReadModel[Any], rows: Sequence[Recorded | Unreadable]) -> tuple[list[Recorded], list[Unreadable]]:
    """The facts that a model reads, and the rows that it cannot read: a fact of an unknown name may concern it."""
    facts: list[Recorded] = []
    unreadable: list[Unreadable] = []
    kinds = model.kinds
    for row in rows:
        if isinstance(row, Recorded):
            if type(row.fact) in kinds:
                facts.append(row)
        elif row.kind is None or row.kind in kinds:
            unreadable.append(row)
    return facts, unreadable


def _rows(
    connection: Connection[Any], follower: Follower, model: ReadModel[Any], keys: Sequence[Hashable]
) -> dict[Hashable, Any]:
    return {} if follower.fresh else model.rows(connection, follower.schema, keys)


_REFUSALS = (psycopg.DataError, psycopg.IntegrityError, OverflowError, UnicodeError)
"""What PostgreSQL or its driver raises for a value that it does not take."""


def _write(
    connection: Connection[Any], follower: Follower, model: ReadModel[Any], rows: dict[Hashable, Any]
) -> tuple[Hashable, Exception] | None:
    """Write rows, or none: then the key of one that is refused, and why."""
    if not rows:
        return None
    write = model.copy if follower.fresh else model.write
    try:
        with connection.transaction():
            write(connection, follower.schema, rows)
    except _REFUSALS:
        for key, row in rows.items():
            try:
                with connection.transaction(force_rollback=True):
                    write(connection, follower.schema, {key: row})
            except _REFUSALS as error:
                return key, error
        raise
    return None
