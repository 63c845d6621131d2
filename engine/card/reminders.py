"""What the holder is to be told ahead of time or after a failure: each reminder is a fact, once per cause.

What other facts say already (renewed, grace, suspended, reclaimed, switched on or off) needs none. See notices.py.
"""

from datetime import datetime, timedelta

from engine.calendar import local_date
from engine.card.deadlines import DAY, reclaims_at
from engine.card.dunning import charge_instant, opens_at, usable_methods
from engine.card.events import Events, ReminderDue, ReminderKind
from engine.card.evolve import reminder_key
from engine.card.state import Card
from engine.card.step import Wait, earliest
from engine.policy import Policy


def payment_failed(card: Card, charging: Wait, at: datetime) -> Events:
    """Once a pass has come to its end without success, and no method of it is to be tried again soon.

    Also where nothing could be tried at all; but nobody who switched it off is told that it failed.
    """
    renewal = card.renewal
    if renewal is None or card.auto_renew is None or charging.reason == "soon":
        return ()
    untold = renewal.declines > max(renewal.told_of, 0)
    if not untold and not (renewal.told_of < 0 and charging.reason == "no_try_left"):
        return ()
    return (_due(card, "payment_failed", str(renewal.declines), at, code=renewal.last_code),)


def reminders(card: Card, policy: Policy, at: datetime) -> Events | Wait | None:
    """The reminder that is due, or when the next one is; None when there is none to come."""
    if card.status == "suspended":
        return _last_chance(card, policy, at)
    if card.auto_renew is None or _is_open(card, policy, at):
        return None
    ahead = _renewal_ahead(card, policy, at) if card.auto_renew.months in policy.ahead_of_months else None
    if ahead is not None and not isinstance(ahead, Wait):
        return ahead
    expiry = _method_expires(card, policy, at)
    if expiry is None or ahead is None or not isinstance(expiry, Wait):
        return ahead if expiry is None else expiry
    return earliest(ahead, expiry)


def _is_open(card: Card, policy: Policy, at: datetime) -> bool:
    """Whether charging has begun, or would if it could: not by a try ahead of time that came to nothing."""
    renewal = card.renewal
    return renewal is not None and (renewal.rung > 0 or at >= opens_at(card, policy))


def _renewal_ahead(card: Card, policy: Policy, at: datetime) -> Events | Wait | None:
    opening = card.term.ends_on - timedelta(policy.lead_days)
    told_at = charge_instant(card, opening - timedelta(policy.ahead_days), policy)
    return _once(card, "renewal_ahead", str(opening), told_at, at)


def _method_expires(card: Card, policy: Policy, at: datetime) -> Events | Wait | None:
    """Only the method that would be charged first matters, if it will have expired by the next term."""
    method = next(iter(usable_methods(card)), None)
    if method is None or method.expires_on is None or method.expires_on >= card.term.ends_on:
        return None
    told_at = charge_instant(card, card.term.ends_on - timedelta(policy.expiry_days), policy)
    return _once(card, "method_expires", method.method_id, told_at, at)


def _last_chance(card: Card, policy: Policy, at: datetime) -> Events | Wait | None:
    lost_at = reclaims_at(card)
    told_at = lost_at - policy.last_chance_days * DAY
    return _once(card, "last_chance", str(local_date(lost_at, card.term.zone)), told_at, at)


def _once(card: Card, kind: ReminderKind, about: str, told_at: datetime, at: datetime) -> Events | Wait | None:
    if reminder_key(kind, about) in card.reminded:
        return None
    return Wait(told_at, "reminder") if at < told_at else (_due(card, kind, about, at),)


def _due(card: Card, kind: ReminderKind, about: str, at: datetime, code: str | None = None) -> ReminderDue:
    return ReminderDue(kind=kind, term_number=card.term.number, about=about, code=code, at=at)
