"""Until when a card may be unpaid: the days of its keep rule, moved by what we ourselves held up."""

from datetime import date, datetime, timedelta
from functools import lru_cache

from engine.calendar import local_date, start_of_day
from engine.card.state import Card

DAY = timedelta(days=1)


def suspends_at(card: Card) -> datetime:
    """When service ends for a term that stays unpaid; without days of grace that is the end of the term."""
    term, grace_days = card.term, card.keep.grace_days
    by_rule = _days_after(term.ends_on, grace_days, term.zone) if grace_days else term.ends_at
    return by_rule + card.moved


def reclaims_at(card: Card) -> datetime:
    """When the number of a card that stays unpaid is lost."""
    return carrier_reclaims_at(card) + card.moved


def carrier_reclaims_at(card: Card) -> datetime:
    """When the carrier, who knows nothing of our trouble, may take the number."""
    return _days_after(card.term.ends_on, card.keep.reclaim_days, card.term.zone)


def last_day(card: Card) -> date:
    """The day before the number is lost: there is always a rung on it, and none after it."""
    return local_date(reclaims_at(card), card.term.zone) - DAY


@lru_cache(maxsize=65_536)  # asked for with each step of a card that is unpaid
def _days_after(day: date, days: int, zone: str) -> datetime:
    return start_of_day(day + timedelta(days), zone)
