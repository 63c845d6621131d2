"""How a card stands, in the few words that a holder needs, worst first."""

from typing import Literal, get_args

from engine.card.card import Card
from engine.card.consent import Consent, agreed_on
from engine.card.methods import usable_methods

Standing = Literal[
    "suspended",
    "grace",
    "payment_failed",
    "cannot_renew",
    "paying",
    "waiting",
    "auto_renew_off",
    "held",
    "active",
    "reclaimed",
    "closed",
]
RANK: tuple[Standing, ...] = get_args(Standing)
"""The order of a list: what is in trouble comes first."""
NEEDS_HOLDER: frozenset[Standing] = frozenset({"suspended", "grace", "payment_failed", "cannot_renew"})
FINAL: frozenset[Standing] = frozenset({"reclaimed", "closed"})


def standing_of(card: Card) -> Standing:
    """The one thing that matters most about a card now; an open payment comes before what its failure would mean."""
    if card.status in ("reclaimed", "closed"):
        return card.status
    attempt = card.attempts.open
    if attempt is not None:
        return "waiting" if attempt.page_until is None or attempt.unknown is not None else "paying"
    return beneath(card)


def needs_holder(card: Card) -> bool:
    """Whether the holder has to do something; also to finish a payment that was begun for that."""
    standing = standing_of(card)
    return (beneath(card) if standing == "paying" else standing) in NEEDS_HOLDER


def beneath(card: Card) -> Standing:
    """How a card stands if what is open for its renewal comes to nothing."""
    if card.status in ("reclaimed", "closed"):
        return card.status
    if card.status in ("suspended", "grace"):
        return card.status
    if card.held_since is not None:
        return "held"
    if card.consent is None:
        return "auto_renew_off"
    if card.renewal is not None and card.renewal.declines:
        return "payment_failed"
    return "active" if usable_methods(card) or _is_paid_from_balance(card, card.consent) else "cannot_renew"


def _is_paid_from_balance(card: Card, consent: Consent) -> bool:
    """Whether the balance alone pays for the next term."""
    price = agreed_on(consent, card.announced, card.term.ends_on).price
    return card.methods.balance_first and card.balance.minor >= price.minor
