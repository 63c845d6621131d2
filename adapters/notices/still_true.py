"""Whether a notice is still true when it is about to be sent: the card is asked again.

A notice of a failure that was made good meanwhile would frighten, one that comes while an outcome is unknown might be
wrong; so nobody gets "failed" and "renewed" for one term together.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Literal, NamedTuple

from engine.calendar import local_date
from engine.card.card import Card
from engine.card.deadlines import reclaims_at, suspends_at
from engine.notices import Values


class Dropped(NamedTuple):
    """It is not true any more, for good."""

    reason: str


class Unclear(NamedTuple):
    """Whether it is true depends on a charge of unknown outcome."""

    reason: str = "outcome_unknown"


Verdict = Dropped | Unclear | None
Gone = Literal["reclaimed", "closed"]
_GONE = frozenset({"reclaimed", "closed"})


def verdict_on(kind: str, values: Values, card: Card, today: date) -> Verdict:
    """What became of a notice since its fact; None: it is as true as it was. `today` is a local day of the card."""
    judge = _JUDGES.get(kind)
    return None if judge is None else judge(values, card, today)


def _unpaid(values: Values, card: Card) -> Verdict:
    """Of what was said while a term was unpaid."""
    if card.status in _GONE:
        return Dropped(card.status)
    if card.term.number > _number(values):
        return Dropped("paid_since")
    attempt = card.attempts.open
    return Unclear() if attempt is not None else None


def _payment_failed(values: Values, card: Card, _: date) -> Verdict:
    if card.consent is None:
        return Dropped("switched_off_since")
    if card.renewal is not None and (card.renewal.declines_notified or 0) > _integer(values, "declines"):
        return Dropped("told_again_since")
    return _unpaid(values, card)


def _grace(values: Values, card: Card, _: date) -> Verdict:
    return _unpaid(values, card) or (None if card.status == "grace" else Dropped("changed_since"))


def _off(values: Values, card: Card, _: date) -> Verdict:
    return _unpaid(values, card) or (None if card.status == "suspended" else Dropped("changed_since"))


def _ahead(values: Values, card: Card, today: date) -> Verdict:
    if card.status in _GONE:
        return Dropped(card.status)
    if card.consent is None:
        return Dropped("switched_off_since")
    if card.term.number > _number(values):
        return Dropped("paid_since")
    charge_on = values.get("charge_on")
    if isinstance(charge_on, str) and date.fromisoformat(charge_on) < today:
        return Dropped("day_is_over")
    return None


def _lapse_ahead(values: Values, card: Card, _: date) -> Verdict:
    if card.consent is not None:
        return Dropped("switched_on_since")
    return _unpaid(values, card) or (None if card.status == "active" else Dropped("changed_since"))


def _expires(values: Values, card: Card, _: date) -> Verdict:
    if card.status in _GONE:
        return Dropped(card.status)
    method = next((one for one in card.methods.bound if one.method_id == values.get("method_id")), None)
    if method is None:
        return Dropped("method_removed_since")
    if card.consent is None:
        return Dropped("switched_off_since")
    if method.expires_on is None or method.expires_on >= card.term.ends_on:
        return Dropped("method_updated_since")
    return None


def _not_tried(_: Values, card: Card, __: date) -> Verdict:
    if card.status in _GONE:
        return Dropped(card.status)
    if card.consent is None:
        return Dropped("switched_off_since")
    return None if card.renewal is not None and card.renewal.is_over else Dropped("changed_since")


def _renewed(values: Values, card: Card, _: date) -> Verdict:
    return Dropped("undone_since") if card.term.number < _number(values) else None


def _dates_moved(values: Values, card: Card, _: date) -> Verdict:
    if card.status in _GONE:
        return Dropped(card.status)
    zone = card.term.zone
    now = local_date(suspends_at(card), zone), local_date(reclaims_at(card), zone)
    suspends_on, lost_on = values.get("suspends_on"), values.get("lost_on")
    told = suspends_on or now[0].isoformat(), lost_on
    return None if told == (now[0].isoformat(), now[1].isoformat()) else Dropped("changed_since")


def _price_change(_: Values, card: Card, __: date) -> Verdict:
    if card.status in _GONE:
        return Dropped(card.status)
    return Dropped("switched_off_since") if card.consent is None else None


def _number(values: Values) -> int:
    return _integer(values, "term_number")


def _integer(values: Values, name: str) -> int:
    value = values.get(name)
    return value if isinstance(value, int) else 0


_JUDGES: Mapping[str, Callable[[Values, Card, date], Verdict]] = {
    "payment_failed": _payment_failed,
    "not_tried": _not_tried,
    "grace": _grace,
    "suspended": _off,
    "lapse_ahead": _lapse_ahead,
    "last_chance": _off,
    "renewal_ahead": _ahead,
    "renewal_far_ahead": _ahead,
    "method_expires": _expires,
    "renewed": _renewed,
    "dates_moved": _dates_moved,
    "price_change": _price_change,
}
"""All other kinds tell of what has happened, and stay true."""
