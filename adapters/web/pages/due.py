"""What is due for a card's next term, and of what it consists."""

from typing import NamedTuple

from adapters.web.pages.portal import Held
from engine.card.charge import offered_now
from engine.card.term import amount_due
from engine.money import Money


class DueNow(NamedTuple):
    """What paying the next term at once costs."""

    amount: Money
    price: Money
    fee: Money | None
    """What switching service on again costs once; None: nothing, or service is on."""


def due_now(held: Held) -> DueNow | None:
    """As it is on offer, or would be if it were offered now; None while auto-renewal is off: nothing is agreed."""
    card = held.card
    if card.consent is None:
        return None
    renewal = offered_now(card, card.consent, held.rules, held.at)
    fee = renewal.reactivation_fee if card.status == "suspended" else None
    return DueNow(amount_due(card, renewal), renewal.price, fee)
