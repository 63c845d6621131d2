"""The retry plan as a value: which method to try when, from the card's history, the policy and the deadline."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Protocol

from engine.calendar import local_date
from engine.card.deadlines import HasDeadlines, charge_instant, last_day, opens_at, reclaims_at
from engine.card.methods import HasMethods, PaymentMethod, ready_methods, usable_methods
from engine.card.term import AttemptReason, HasRenewal, Renewal
from engine.policy import Policy
from engine.reasons import WaitReason
from engine.value import Value


class TryNow(Value):
    """Charge this method now."""

    method: PaymentMethod
    rung: int
    reason: AttemptReason
    last_rung: bool
    """No rung comes after it before the number is lost."""


class Withhold(Value):
    """The last rung is due, but this method must be left alone until `until`, which is too late."""

    method: PaymentMethod
    rung: int
    until: datetime
    limit: str | None
    """The network limit that says so; None: advice of the issuer."""


class TryLater(Value):
    """Nothing to try before `at`."""

    at: datetime
    reason: WaitReason


Try = TryNow | Withhold | TryLater
"""What dunning decides, if a try is left."""


class Dunned(HasMethods, HasRenewal, HasDeadlines, Protocol):
    """What dunning reads of a card."""


def next_try(card: Dunned, renewal: Renewal, policy: Policy, at: datetime) -> Try | None:
    """The try to make now, or when there will be one, or None when no try is left.

    A rung is one pass over the usable methods in their order; a decline moves to the next method at once. A pass
    that the holder asked for, or that a new method caused, is no rung. Precedence: never, then limits and advice
    (`not_before`), then the last try, then the ladder. A last rung may use what limits keep for last rungs.
    """
    usable = usable_methods(card)
    if not usable:
        return None
    outside = renewal.outside_ladder not in (None, "on_page") and at < opens_at(card, policy)
    within: TryLater | None = None
    if renewal.rung or outside:
        is_last = renewal.rung_at is not None and _is_last(card, renewal.rung_at)
        ready = ready_methods(card, at, last_rung=is_last)
        untried = [method for method in ready if method.method_id not in renewal.tried]
        if untried:
            soon = untried[0].method_id in renewal.soon and untried[0].method_id in card.methods.not_before
            return TryNow(
                untried[0], renewal.rung, "soon" if soon else renewal.outside_ladder or "next_method", is_last
            )
        within = _within_rung(card, renewal, usable)
    return _earlier(within, _next_rung(card, renewal, usable, policy, at))


def _is_last(card: HasDeadlines, begun_at: datetime) -> bool:
    """Whether a rung that begins then is the last one before the number is lost."""
    return local_date(begun_at, card.term.zone) >= last_day(card)


def _within_rung(card: Dunned, renewal: Renewal, usable: Sequence[PaymentMethod]) -> TryLater | None:
    """A method of this pass that must still be left alone; it is tried as soon as it may be."""
    delayed = [method.method_id for method in usable if method.method_id not in renewal.tried]
    if not delayed:
        return None
    first = min(delayed, key=lambda method_id: card.methods.not_before[method_id])
    return TryLater(card.methods.not_before[first], "soon" if first in renewal.soon else "method_delayed")


def _next_rung(
    card: Dunned,
    renewal: Renewal,
    usable: Sequence[PaymentMethod],
    policy: Policy,
    at: datetime,
) -> Try | None:
    last = last_day(card)
    due = _next_rung_at(card, renewal, last, policy)
    if due is None or local_date(due, card.term.zone) > last or at >= reclaims_at(card):
        return None  # one that we missed ourselves is made up while the number is still ours
    rung, is_last = renewal.rung + 1, local_date(at, card.term.zone) >= last
    ready = ready_methods(card, at, last_rung=is_last) if at >= due else ()
    if ready:
        return TryNow(ready[0], rung, "next_rung" if renewal.rung else "renewal_opened", is_last)
    soonest = min(usable, key=lambda method: card.methods.not_before.get(method.method_id, at))
    until = max(due, card.methods.not_before.get(soonest.method_id, at))
    if local_date(until, card.term.zone) <= last:
        return TryLater(until, "next_rung" if renewal.rung else "renewal_opens")
    final = max(due, charge_instant(card, last, policy))
    if at < final:
        return TryLater(final, "next_rung")
    limit = card.methods.limited.get(soonest.method_id)
    return Withhold(soonest, rung, until, limit.rule if limit else None)


def _next_rung_at(card: Dunned, renewal: Renewal, last: date, policy: Policy) -> datetime | None:
    """Rungs fall on the ladder's local days after the first failure; those past the last day become one on it.

    One that we missed is made up at the next charge hour that is far enough from the last rung.
    """
    if renewal.rung_at is None:
        return opens_at(card, policy)
    zone = card.term.zone
    if local_date(renewal.rung_at, zone) >= last:
        return None
    beyond = max(0, renewal.rung - len(policy.ladder_days))
    days = policy.ladder_days[min(renewal.rung, len(policy.ladder_days)) - 1]
    since = local_date(renewal.first_failed_at or renewal.rung_at, zone)
    day = since + timedelta(days + beyond * policy.ladder_then_every_days)
    day, soonest = min(day, last), renewal.rung_at + policy.ladder_gap
    due = charge_instant(card, day, policy)
    if due < soonest:
        day = min(max(day, local_date(soonest, zone)), last)
        due = charge_instant(card, day, policy)
    if due < soonest and day < last:
        due = charge_instant(card, day + timedelta(1), policy)
    return max(due, soonest)


def _earlier(one: TryLater | None, other: Try | None) -> Try | None:
    if one is None or isinstance(other, TryNow | Withhold):
        return other
    return one if other is None or one.at <= other.at else other
