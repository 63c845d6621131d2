"""The standing order: which top-up the holder wants when the balance is low.

When a top-up falls due by it: top_ups.py.
"""

from datetime import datetime
from typing import Protocol

from engine.card.balance import check_amount
from engine.card.custody import HasCustody, check_kept
from engine.card.event import Event
from engine.card.promised import check_minimum
from engine.catalogue import Catalogue
from engine.errors import Refused
from engine.money import Money
from engine.value import Value

# Facts


class AutoTopUpSet(Event, kw_only=True):
    """The holder agreed to be charged `amount` when the balance is below `threshold`; None ends that."""

    threshold: Money | None
    amount: Money | None


class AutoTopUpStopped(Event, kw_only=True):
    """The standing order was switched off: its payments were declined again and again, or nobody takes its amount.

    `declined` is how many were declined in a row, `last_code` says why; of an amount that the provider does not take it
    is the provider's code for that, also where it was not asked.
    """

    declined: int
    last_code: str | None


# State


class StandingOrder(Value):
    """Charge `amount` when the balance is below `threshold`."""

    threshold: Money
    amount: Money


class _Orders(Protocol):
    @property
    def standing_order(self) -> StandingOrder | None: ...


class Ordering(HasCustody, Protocol):
    """What a standing order reads of a card."""

    @property
    def top_ups(self) -> _Orders: ...


# Decisions


def set_auto_top_up(
    card: Ordering, catalogue: Catalogue, *, threshold: Money | None, amount: Money | None, at: datetime
) -> tuple[AutoTopUpSet, ...]:
    """A standing order: charge `amount` when the balance is below `threshold`; neither ends it.

    Raises Refused `amount_not_positive`, `wrong_currency`, `half_an_order`, `below_minimum_charge`,
    `amount_below_threshold`.
    """
    check_kept(card)
    order = card.top_ups.standing_order
    if threshold is None and amount is None:
        return () if order is None else (AutoTopUpSet(threshold=None, amount=None, at=at),)
    if threshold is None or amount is None:
        raise Refused("half_an_order", "give both a threshold and an amount, or neither to end it", "amount")
    check_amount(card, threshold, "threshold")
    check_amount(card, amount)
    check_minimum(amount, catalogue)
    if amount.minor < threshold.minor:
        raise Refused(
            "amount_below_threshold", "one top-up would not reach the threshold; choose a larger one", "amount"
        )
    if order == StandingOrder(threshold, amount):
        return ()
    return (AutoTopUpSet(threshold=threshold, amount=amount, at=at),)
