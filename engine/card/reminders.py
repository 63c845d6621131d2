"""Reminders: notices ahead of time or after a failure; each is a fact, once per cause.

A week before a renewal opens its holder is notified of the charge, and weeks before that if the period is long; the
rule of the plan's market says when. Consent that is given later than that is itself the notice. Without the notice, or
before it is old enough, nothing is charged automatically. Where auto-renewal is off, the holder is told days before
the term ends that the service ends with it.

What other facts say already (renewed, grace, suspended, reclaimed, switched on or off) needs none. See notices.py.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Literal, Protocol

from engine.calendar import Instant, local_date
from engine.card.attempt import HasAttempts
from engine.card.consent import Consent, HasConsent
from engine.card.custody import HasCustody
from engine.card.deadlines import (
    DAY,
    DeadlinesMoved,
    HasDeadlines,
    charge_instant,
    move_deadlines_by_all,
    opens_at,
    reclaims_at,
    suspends_at,
)
from engine.card.event import Event
from engine.card.methods import HasMethods, usable_methods
from engine.card.term import HasRenewal, Renewal, amount_due, open_since, price_ahead
from engine.card.wait import Wait, earliest
from engine.catalogue import Period
from engine.money import Money
from engine.policy import Policy
from engine.rules import Rules

ReminderKind = Literal[
    "renewal_far_ahead", "renewal_ahead", "method_expires", "payment_failed", "lapse_ahead", "last_chance"
]


# Facts


class ReminderDue(Event, kw_only=True):
    """A notice of what will happen, or has failed, is due; `about` is the day, the method or the declines so far.

    Ahead of a renewal: what it costs, for how many months, on which day and from which method it will be charged (None:
    from none that is known). After a failure: `code` is the last decline's, `declined_amount` what it was asked for
    (None: nothing was, or that is not known), `amount` what the next try will charge, or what is due now where no try
    is left (`next_try_at` None), `reactivation_fee` the part of it that is for a service that is off; the service ends
    on `suspends_on` (None: it is off), the number is lost on `lost_on`; ahead of a lapse as well, which is about the
    last day that is paid.
    """

    kind: ReminderKind
    term_number: int
    about: str
    code: str | None = None
    declined_amount: Money | None = None
    amount: Money | None = None
    reactivation_fee: Money | None = None
    months: Period | None = None
    method_id: str | None = None
    charge_on: date | None = None
    next_try_at: Instant | None = None
    suspends_on: date | None = None
    lost_on: date | None = None
    policy_version: str | None = None


# State


Reminded = Mapping[str, Instant]
"""Reminders of the running term that are out, and since when: each is due once per term, that of a method once per
method."""
NONE_YET: Reminded = {}


class Remindable(HasAttempts, HasConsent, HasMethods, HasRenewal, HasDeadlines, HasCustody, Protocol):
    """What reminders read of a card."""

    @property
    def reminded(self) -> Reminded: ...
    @property
    def aware_at(self) -> Instant | None: ...


# Fold


def reminded_of(reminded: Reminded, fact: ReminderDue) -> Reminded:
    """One more reminder is out; how often a payment failed is remembered with the renewal."""
    return reminded if fact.kind == "payment_failed" else {**reminded, _key(fact.kind, fact.about): fact.at}


def _key(kind: ReminderKind, about: str) -> str:
    return f"{kind}:{about}" if kind == "method_expires" else kind


# Decisions: after a failure


def payment_failed(card: Remindable, charging: Wait, policy: Policy, at: datetime) -> tuple[ReminderDue, ...]:
    """Once a pass has come to its end without success, and no method of it is to be tried again soon.

    Also where nothing could be tried at all; but nobody who switched it off is notified that it failed.
    """
    renewal = card.renewal
    if renewal is None or card.consent is None or charging.reason == "soon":
        return ()
    notified = renewal.declines_notified
    nothing_tried = notified is None and charging.reason in ("no_try_left", "balance_pays")
    if renewal.declines <= (notified or 0) and not nothing_tried:
        return ()
    zone, next_try_at = card.term.zone, None if charging.blocks_lapse else charging.until
    amount = _amount_due_at(card, renewal, next_try_at)
    return (
        ReminderDue(
            kind="payment_failed",
            term_number=card.term.number,
            about=str(renewal.declines),
            code=renewal.last_code,
            declined_amount=_declined_amount(card, renewal),
            amount=amount,
            reactivation_fee=amount - renewal.price if amount != renewal.price else None,
            months=renewal.months,
            next_try_at=next_try_at,
            suspends_on=None if card.status == "suspended" else local_date(suspends_at(card), zone),
            lost_on=local_date(reclaims_at(card), zone),
            policy_version=policy.version,
            at=at,
        ),
    )


def _declined_amount(card: HasAttempts, renewal: Renewal) -> Money | None:
    """What the last decline of this renewal was asked for."""
    declined = (one.amount for one in reversed(card.attempts.closed) if one.top_up is None and one.happened)
    return next(declined, None) if renewal.declines else None


def _amount_due_at(card: Remindable, renewal: Renewal, at: datetime | None) -> Money:
    """What the try at `at` will charge, with the fee if the service is off by then; None: what is due now."""
    if at is not None and at > suspends_at(card) and renewal.reactivation_fee is not None:
        return renewal.price + renewal.reactivation_fee
    return amount_due(card, renewal)


# Decisions: ahead of a charge


def notice_due_at(card: Remindable, rules: Rules) -> datetime:
    """When the holder is to be notified of the charge of the next term."""
    return _before_opening(card, rules.reminder_rule(card.custody.plan).ahead_days, rules.policy)


def charged_from(card: Remindable, opening: datetime, rules: Rules) -> datetime | None:
    """From when on the next term may be charged automatically: its opening, or when a late notice is old enough.

    None while there is no notice; consent that was given later than the notice is due is one.
    """
    notified_at = card.reminded.get("renewal_ahead")
    may_at = None if notified_at is None else _may_charge_at(card, rules, notified_at)
    if may_at is not None and may_at <= opening:
        return opening
    if card.consent is None or card.consent.given_at >= notice_due_at(card, rules):
        return opening
    return may_at


def tell_ahead(
    card: Remindable, consent: Consent, rules: Rules, at: datetime
) -> tuple[ReminderDue | DeadlinesMoved, ...]:
    """The notice of the charge; that it comes too late to charge at the opening is our own delay."""
    notice = _ahead(card, consent, "renewal_ahead", rules, at)
    opening, until = opens_at(card, rules.policy), _may_charge_at(card, rules, at)
    opened = opening if at < opening else open_since(card, rules.policy)
    return notice, *move_deadlines_by_all(card, "notice_late", opened, at, until)


def reminders(card: Remindable, rules: Rules, at: datetime) -> tuple[ReminderDue | DeadlinesMoved, ...] | Wait | None:
    """The reminder that is due, or when the next one is; None when there is none to come."""
    policy, consent = rules.policy, card.consent
    if card.status == "suspended":
        return _last_chance(card, policy, at)
    if consent is None:
        return _lapse_ahead(card, policy, at)
    if _is_open(card, policy, at):
        return None
    waits: list[Wait] = []
    for found in (
        _renewal_ahead(card, consent, rules, at),
        _renewal_far_ahead(card, consent, rules, at),
        _method_expires(card, policy, at),
    ):
        if isinstance(found, Wait):
            waits.append(found)
        elif found is not None:
            return found
    return earliest(*waits) if waits else None


def _is_open(card: Remindable, policy: Policy, at: datetime) -> bool:
    """Whether charging has begun, or would if it could: not by a try ahead of time that came to nothing."""
    renewal = card.renewal
    return renewal is not None and (renewal.rung > 0 or at >= opens_at(card, policy))


def _renewal_ahead(
    card: Remindable, consent: Consent, rules: Rules, at: datetime
) -> tuple[ReminderDue | DeadlinesMoved, ...] | Wait | None:
    due_at = notice_due_at(card, rules)
    if "renewal_ahead" in card.reminded or consent.given_at >= due_at:
        return None
    return Wait(due_at, "reminder") if at < due_at else tell_ahead(card, consent, rules, at)


def _renewal_far_ahead(
    card: Remindable, consent: Consent, rules: Rules, at: datetime
) -> tuple[ReminderDue, ...] | Wait | None:
    """For long periods; from the day of the later notice on that one says it all."""
    rule = rules.reminder_rule(card.custody.plan)
    if rule.early_days is None or consent.months not in rule.early_of_months or "renewal_far_ahead" in card.reminded:
        return None
    due_at = _before_opening(card, rule.early_days, rules.policy)
    if consent.given_at >= due_at or at >= notice_due_at(card, rules):
        return None
    return Wait(due_at, "reminder") if at < due_at else (_ahead(card, consent, "renewal_far_ahead", rules, at),)


def _ahead(
    card: Remindable,
    consent: Consent,
    kind: Literal["renewal_far_ahead", "renewal_ahead"],
    rules: Rules,
    at: datetime,
) -> ReminderDue:
    policy = rules.policy
    method = next(iter(usable_methods(card)), None)
    charged_at = max(opens_at(card, policy), _may_charge_at(card, rules, at))
    return ReminderDue(
        kind=kind,
        term_number=card.term.number,
        about=str(card.term.ends_on - timedelta(policy.lead_days)),
        amount=price_ahead(card, consent, policy),
        months=consent.months,
        method_id=method.method_id if method is not None else None,
        charge_on=local_date(charged_at, card.term.zone),
        policy_version=policy.version,
        at=at,
    )


def _may_charge_at(card: Remindable, rules: Rules, notified_at: datetime) -> datetime:
    """From when on a charge may be made of which the holder is notified at `notified_at`."""
    return notified_at + rules.reminder_rule(card.custody.plan).wait_days * DAY


def _before_opening(card: Remindable, days: int, policy: Policy) -> datetime:
    return charge_instant(card, card.term.ends_on - timedelta(policy.lead_days + days), policy)


# Decisions: other reminders


def _method_expires(card: Remindable, policy: Policy, at: datetime) -> tuple[ReminderDue, ...] | Wait | None:
    """Only the method that would be charged first matters, if it will have expired by the next term."""
    method = next(iter(usable_methods(card)), None)
    if method is None or method.expires_on is None or method.expires_on >= card.term.ends_on:
        return None
    due_at = charge_instant(card, card.term.ends_on - timedelta(policy.expiry_days), policy)
    return _once(card, "method_expires", method.method_id, due_at, at)


def _lapse_ahead(card: Remindable, policy: Policy, at: datetime) -> tuple[ReminderDue, ...] | Wait | None:
    """Of a card that nobody will charge; not within a day after its holder got it, or switched auto-renewal off."""
    if card.status != "active" or _key("lapse_ahead", "") in card.reminded:
        return None
    due_at = charge_instant(card, card.term.ends_on - timedelta(policy.lapse_ahead_days), policy)
    due_at = due_at if card.aware_at is None else max(due_at, card.aware_at + DAY)
    if max(due_at, at) >= card.term.ends_at:  # it would come after what it foretells
        return None
    if at < due_at:
        return Wait(due_at, "reminder")
    return (
        ReminderDue(
            kind="lapse_ahead",
            term_number=card.term.number,
            about=str(card.term.ends_on),
            suspends_on=local_date(suspends_at(card), card.term.zone),
            lost_on=local_date(reclaims_at(card), card.term.zone),
            policy_version=policy.version,
            at=at,
        ),
    )


def _last_chance(card: Remindable, policy: Policy, at: datetime) -> tuple[ReminderDue, ...] | Wait | None:
    lost_at = reclaims_at(card)
    due_at = lost_at - policy.last_chance_days * DAY
    return _once(card, "last_chance", str(local_date(lost_at, card.term.zone)), due_at, at)


def _once(
    card: Remindable, kind: ReminderKind, about: str, due_at: datetime, at: datetime
) -> tuple[ReminderDue, ...] | Wait | None:
    if _key(kind, about) in card.reminded:
        return None
    if at < due_at:
        return Wait(due_at, "reminder")
    return (ReminderDue(kind=kind, term_number=card.term.number, about=about, at=at),)
