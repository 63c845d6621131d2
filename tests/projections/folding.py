"""Given facts, then rows: the vocabulary of the read models' tests."""

from collections.abc import Hashable
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

from engine.card.event import Event
from engine.envelope import Recorded
from projections.read_model import ReadModel, fold_batch
from tests.engine.random_histories import RECORDED_AT, CardHistory, random_history
from tests.engine.samples import CARD_ID

EVENT_ID = UUID(int=1)


def recorded(
    fact: Event,
    version: int = 1,
    *,
    position: int = 0,
    wake_at: datetime | None = None,
    last: bool = True,
    card_id: UUID = CARD_ID,
) -> Recorded:
    return Recorded(
        position=position or version,
        card_id=card_id,
        version=version,
        event_id=EVENT_ID,
        recorded_at=RECORDED_AT,
        actor="tests",
        cause="cause",
        wake_at=wake_at,
        last=last,
        fact=fact,
    )


def rows(model: ReadModel[Any], *log: Event | Recorded) -> dict[Hashable, Any]:
    """The rows that these facts make of an empty read model; those that were removed are None."""
    facts = [one if isinstance(one, Recorded) else recorded(one, number) for number, one in enumerate(log, start=1)]
    return fold_batch(model, facts, lambda _: {})


def fields(row: Any, *names: str) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in names)


def varied_lives(moves: int) -> list[CardHistory]:
    """Random lives that leave rows in every read model: in one of them a refund waits for a person."""
    lives = [random_history(seed, moves) for seed in range(10)]
    further = (random_history(seed, moves) for seed in count(10))
    return [*lives, next(life for life in further if any(refund.refused for refund in life.card.refunds))]
