"""Reminders: notices ahead of time or after a failure; each is a fact, once per cause.

What other facts say already (renewed, grace, suspended, reclaimed, switched on or off) needs none. See notices.py.
"""

from datetime import datetime, timedelta
from typing import Literal, Protocol

from engine.calendar import local_date
from engine.card.consent import HasConsent
from engine.card.custody import HasStatus
from engine.card.deadlines import DAY, HasDeadlines, charge_instant, opens_at, reclaims_at
from engine.card.event import Event
from engine.card.methods import HasMethods, usable_methods
from engine.card.step import Wait, earliest
from engine.card.term import HasRenewal
from engine.policy import Policy

ReminderKind = Literal["renewal_ahead", "method_expires", "payment_failed", "last_chance"]


# Facts


class ReminderDue(Event, kw_only=True):
    """A notice of what will happen, or has failed, is due; `about` is the day, the method or the declines so far.

    `code` is the last decline's.
    """

    kind: ReminderKind
    term_number: int
    about: str
    code: str | None = None


# State


Reminded = tuple[str, ...]
"""Reminders of the running term that are out: each is due once per term, that of a method once per method."""


class Remindable(HasConsent, HasMethods, HasRenewal, HasDeadlines, HasStatus, Protocol):
    """What reminders read of a card."""

    @property
    def reminded(self) -> Reminded: ...


# Fold


def reminded_of(reminded: Reminded, fact: ReminderDue) -> Reminded:
    """One more reminder is out; how often a payment failed is remembered with the renewal."""
    return reminded if fact.kind == "payment_failed" else (*reminded, _key(fact.kind, fact.about))


def _key(kind: ReminderKind, about: str) -> str:
    return f"{kind}:{about}" if kind == "method_expires" else kind


# Decisions


def payment_failed(card: Remindable, charging: Wait, at: datetime) -> tuple[ReminderDue, ...]:
    """Once a pass has come to its end without success, and no method of it is to be tried again soon.

    Also where nothing could be tried at all; but nobody who switched it off is told that it failed.
    """
    renewal = card.renewal
    if renewal is None or card.consent is None or charging.reason == "soon":
        return ()
    notified = renewal.declines_notified
    nothing_tried = notified is None and charging.reason in ("no_try_left", "balance_pays")
    if renewal.declines <= (notified or 0) and not nothing_tried:
        return ()
    return (_due(card, "payment_failed", str(renewal.declines), at, code=renewal.last_code),)


def reminders(card: Remindable, policy: Policy, at: datetime) -> tuple[ReminderDue, ...] | Wait | None:
    """The reminder that is due, or when the next one is; None when there is none to come."""
    if card.status == "suspended":
        return _last_chance(card, policy, at)
    if card.consent is None or _is_open(card, policy, at):
        return None
    ahead = _renewal_ahead(card, policy, at) if card.consent.months in policy.ahead_of_months else None
    if ahead is not None and not isinstance(ahead, Wait):
        return ahead
    expiry = _method_expires(card, policy, at)
    if expiry is None or ahead is None or not isinstance(expiry, Wait):
        return ahead if expiry is None else expiry
    return earliest(ahead, expiry)


def _is_open(card: Remindable, policy: Policy, at: datetime) -> bool:
    """Whether charging has begun, or would if it could: not by a try ahead of time that came to nothing."""
    renewal = card.renewal
    return renewal is not None and (renewal.rung > 0 or at >= opens_at(card, policy))


def _renewal_ahead(card: Remindable, policy: Policy, at: datetime) -> tuple[ReminderDue, ...] | Wait | None:
    opening = card.term.ends_on - timedelta(policy.lead_days)
    due_at = charge_instant(card, opening - timedelta(policy.ahead_days), policy)
    return _once(card, "renewal_ahead", str(opening), due_at, at)


def _method_expires(card: Remindable, policy: Policy, at: datetime) -> tuple[ReminderDue, ...] | Wait | None:
    """Only the method that would be charged first matters, if it will have expired by the next term."""
    method = next(iter(usable_methods(card)), None)
    if method is None or method.expires_on is None or method.expires_on >= card.term.ends_on:
        return None
    due_at = charge_instant(card, card.term.ends_on - timedelta(policy.expiry_days), policy)
    return _once(card, "method_expires", method.method_id, due_at, at)


def _last_chance(card: Remindable, policy: Policy, at: datetime) -> tuple[ReminderDue, ...] | Wait | None:
    lost_at = reclaims_at(card)
    due_at = lost_at - policy.last_chance_days * DAY
    return _once(card, "last_chance", str(local_date(lost_at, card.term.zone)), due_at, at)


def _once(
    card: Remindable, kind: ReminderKind, about: str, due_at: datetime, at: datetime
) -> tuple[ReminderDue, ...] | Wait | None:
    if _key(kind, about) in card.reminded:
        return None
    return Wait(due_at, "reminder") if at < due_at else (_due(card, kind, about, at),)


def _due(card: Remindable, kind: ReminderKind, about: str, at: datetime, code: str | None = None) -> ReminderDue:
    return ReminderDue(kind=kind, term_number=card.term.number, about=about, code=code, at=at)
