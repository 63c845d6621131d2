"""The retry plan as a value: which method to try when, from the card's history, the policy and the deadline."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from engine.calendar import local_date, local_instant
from engine.card.events import AttemptReason, PaymentMethod
from engine.card.state import Card, Renewal
from engine.policy import Policy


@dataclass(frozen=True, slots=True)
class Try:
    """Charge this method now."""

    method: PaymentMethod
    rung: int
    reason: AttemptReason


def charge_instant(card: Card, day: date, policy: Policy) -> datetime:
    """When on the local `day` this card is charged: the charge hour, spread by card id."""
    spread_s = card.card_id.int % policy.charge_spread_s
    wall = (datetime.combine(day, time(policy.charge_hour)) + timedelta(seconds=spread_s)).time()
    return local_instant(day, wall, card.term.zone)


def opens_at(card: Card, policy: Policy) -> datetime:
    """When the renewal of the running term opens."""
    return charge_instant(card, card.term.ends_on - timedelta(days=policy.lead_days), policy)


def next_try(card: Card, renewal: Renewal, policy: Policy, at: datetime) -> Try | datetime | None:
    """The try to make now, or the instant of the next rung, or None when no try is left.

    A rung is one pass over the usable methods in their order; a decline moves to the next method at once.
    """
    usable = [method for method in card.methods if method.method_id not in card.ended_methods]
    if not usable or local_date(at, card.term.zone) > _last_day(card):
        return None
    if renewal.rung == 0:
        return Try(usable[0], 1, "renewal_opened")
    untried = [method for method in usable if method.method_id not in renewal.tried]
    if untried:
        return Try(untried[0], renewal.rung, "next_method")
    due = _next_rung_at(card, renewal, policy)
    if due is None or at < due:
        return due
    return Try(usable[0], renewal.rung + 1, "next_rung")


def _next_rung_at(card: Card, renewal: Renewal, policy: Policy) -> datetime | None:
    """Rungs fall on the ladder's local days after the first failure; those past the last day become one on it."""
    if renewal.first_failed_at is None or renewal.rung_at is None:
        return None
    zone = card.term.zone
    beyond = max(0, renewal.rung - len(policy.ladder_days))
    days = policy.ladder_days[min(renewal.rung, len(policy.ladder_days)) - 1]
    day = local_date(renewal.first_failed_at, zone) + timedelta(days + beyond * policy.ladder_then_every_days)
    if local_date(renewal.rung_at, zone) >= _last_day(card):
        return None
    return max(charge_instant(card, min(day, _last_day(card)), policy), renewal.rung_at + policy.ladder_gap)


def _last_day(card: Card) -> date:
    """The day before the number is lost: there is always a rung on it, and none after it."""
    return card.term.ends_on + timedelta(days=card.keep.reclaim_days - 1)
