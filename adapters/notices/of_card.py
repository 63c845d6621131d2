"""What a letter takes from the card itself, as it is when the letter is written: not from the fact that caused it."""

from datetime import date, datetime

from engine.calendar import local_date
from engine.card.attempt import open_attempts
from engine.card.card import Card
from engine.card.charge import is_outdated
from engine.card.deadlines import opens_at, suspends_at
from engine.card.term import amount_due
from engine.money import Money
from engine.policy import Policy


def is_off(card: Card | None) -> bool:
    """Whether auto-renewal is off, so that nothing is paid by itself, nor by a button."""
    return card is not None and card.consent is None


def goes_off_on(card: Card | None, ends_on: object) -> date | None:
    """The local day on which a service that is on goes off, if the term that ends on that day is the last one."""
    if card is None or card.consent is not None or card.status not in ("active", "grace"):
        return None
    if ends_on != card.term.ends_on.isoformat():
        return None
    return local_date(suspends_at(card), card.term.zone)


def due_of(card: Card | None) -> tuple[Money, Money | None] | None:
    """What is to be paid for the next term, and the part of it that is for a service that is off.

    None where nothing is, or where it would be offered anew first.
    """
    if card is None or card.consent is None or card.renewal is None or is_outdated(card, card.renewal):
        return None
    due = amount_due(card, card.renewal)
    return due, due - card.renewal.price if due != card.renewal.price else None


def next_payment_on(card: Card | None, policy: Policy, now: datetime) -> date | None:
    """The local day on which the next term is paid; None where that is now, or nobody knows."""
    if card is None or card.consent is None or card.held_since is not None or open_attempts(card.attempts):
        return None
    opening = opens_at(card, policy)
    return local_date(opening, card.term.zone) if opening > now else None
