"""Until when a card may be unpaid: the days of its keep rule, moved by what we ourselves held up."""

from datetime import date, datetime, timedelta

from engine.calendar import local_date, start_of_day
from engine.card.state import Card

DAY = timedelta(days=1)


def suspends_at(card: Card) -> datetime:
    """When service ends for a term that stays unpaid; without days of grace that is the end of the term."""
    term, grace_days = card.term, card.keep.grace_days
    by_rule = start_of_day(term.ends_on + timedelta(grace_days), term.zone) if grace_days else term.ends_at
    return by_rule + card.moved


def reclaims_at(card: Card) -> datetime:
    """When the number of a card that stays unpaid is lost."""
    return carrier_reclaims_at(card) + card.moved


def carrier_reclaims_at(card: Card) -> datetime:
    """When the carrier, who knows nothing of our trouble, may take the number."""
    return start_of_day(card.term.ends_on + timedelta(card.keep.reclaim_days), card.term.zone)


def last_day(card: Card) -> date:
    """The day before the number is lost: there is always a rung on it, and none after it."""
    return local_date(reclaims_at(card), card.term.zone) - DAY
