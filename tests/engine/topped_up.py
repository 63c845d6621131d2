"""The facts of a top-up that was paid at once."""

from datetime import timedelta
from uuid import uuid5

from msgspec.structs import replace

from engine.card.balance import BalanceCredited
from engine.card.top_ups import TopUpStarted
from tests.engine.samples import (
    CARD_ID,
    CHARGING,
    FIVE,
    OPENS_AT,
    succeeded,
)

NOW = OPENS_AT + timedelta(hours=1)


def topped_up(number: int, at=NOW, amount=FIVE):
    """The facts of a top-up that was paid at once."""
    top_up_id = uuid5(CARD_ID, f"top_up:{number}:visa:1")
    attempted = replace(CHARGING[-1], attempt_id=top_up_id, top_up=number, rung=0, amount=amount)
    paid = replace(succeeded(), attempt_id=top_up_id, top_up=number, amount=amount)
    return (
        TopUpStarted(number=number, amount=amount, automatic=False, at=at),
        replace(attempted, number=1, at=at),
        replace(paid, at=at),
        BalanceCredited(amount=amount, reason="top_up", about=top_up_id, at=at),
    )
