"""Declines: an attempt by which the money was definitely not taken, and what that means for method, ladder and card."""

from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from msgspec.structs import replace

from engine.calendar import Instant
from engine.card.attempt import (
    CLOSED_KEPT,
    Attempt,
    Attempts,
    ClosedAttempt,
    HasHold,
    OutcomeSource,
    attempt_ended,
    open_attempt_of,
    soon_again,
)
from engine.card.consent import AutoRenewSwitchedOff, HasConsent, switched_off
from engine.card.custody import HasStatus, is_kept
from engine.card.deadlines import DeadlinesMoved, HasDeadlines, move_deadlines
from engine.card.event import Event
from engine.card.hold import CardHeld
from engine.card.methods import HasMethods, Methods, PaymentMethodRemoved, delayed, ended
from engine.card.on_page import surely_closed_at
from engine.card.term import HasRenewal, Renewal, open_since
from engine.declines import (
    METHOD_ENDS,
    NO_CHARGE_MADE,
    NOT_PAID_ON_PAGE,
    OF_THE_AMOUNT,
    Authority,
    Consequence,
    Verdict,
)
from engine.networks import NEVER
from engine.policy import Policy
from engine.ports import Declined


class ChargeFailed(Event, kw_only=True):
    """The gateway definitely did not take the money, and `code` says why; `consequence` is what may be done next.

    `decided_by` is the code that decided. `happened` is false for an attempt that no issuer ever saw: it uses up
    nothing. If it succeeded after all, the money goes back. `counts` says whether it is a decline to the ladder.
    `ends_method`: the method is not tried again automatically before the holder changes something. It is left alone
    until `not_before`; `within_rung` says that it is then tried again in the same rung.
    """

    attempt_id: UUID
    term_number: int
    method_id: str
    code: str
    advice_code: str | None = None
    network_code: str | None = None
    consequence: Consequence
    rung: int
    policy_version: str
    learned: OutcomeSource
    top_up: int | None = None
    decided_by: Authority = "code"
    not_before: Instant | None = None
    within_rung: bool = False
    fingerprint: str | None = None
    evidence: str | None = None
    happened: bool
    counts: bool
    ends_method: bool


DeclineFact = ChargeFailed | PaymentMethodRemoved | AutoRenewSwitchedOff | CardHeld | DeadlinesMoved
"""What a decline may record."""


class Declinable(HasConsent, HasMethods, HasRenewal, HasDeadlines, HasStatus, HasHold, Protocol):
    """What a decline reads of a card."""


# Fold


def failed(attempts: Attempts, fact: ChargeFailed) -> Attempts:
    """The attempt is over; the last ones are remembered, since the gateway may yet say that they succeeded."""
    attempt = open_attempt_of(attempts, fact.attempt_id)
    closed = ClosedAttempt(
        attempt.attempt_id,
        fact.term_number,
        attempt.amount,
        attempt.method_id,
        attempt.top_up,
        attempt.instrument,
        fact.happened,
    )
    alike = [one for one in attempts.closed if one.happened == fact.happened]
    oldest = alike[0] if len(alike) == CLOSED_KEPT else None  # by kind, since declines are many
    remembered = (*(one for one in attempts.closed if one is not oldest), closed)
    return replace(attempt_ended(attempts, attempt), closed=remembered)


def method_failed(methods: Methods, fact: ChargeFailed) -> Methods:
    """What the decline means for its method."""
    if fact.ends_method:
        needs_holder = fact.consequence is Consequence.HOLDER_PRESENT
        why = NEVER if fact.consequence is Consequence.NEVER else fact.code  # an operator may allow it again
        methods = ended(methods, fact.method_id, why, needs_holder=needs_holder)
    return methods if fact.not_before is None else delayed(methods, fact.method_id, fact.not_before)


def renewal_failed(renewal: Renewal, fact: ChargeFailed) -> Renewal:
    """What the decline means for the ladder."""
    renewal = replace(renewal, last_code=fact.code)
    if fact.counts:
        first_failed_at = renewal.first_failed_at or fact.at if fact.rung else renewal.first_failed_at
        renewal = replace(renewal, declines=renewal.declines + 1, first_failed_at=first_failed_at)
    elif fact.method_id not in renewal.soon:  # one repeat: a silent method holds up no other
        renewal = soon_again(renewal, fact.method_id)
    return soon_again(renewal, fact.method_id) if fact.within_rung else renewal


# Decisions


class Decline(NamedTuple):
    """A definite no, what it allows, and how it became known."""

    answer: Declined
    verdict: Verdict
    learned: OutcomeSource
    evidence: str | None = None


TRY_AGAIN = Verdict(Consequence.RETRY, "code")
"""The verdict on an attempt that no issuer ever saw."""


def charge_failed(
    card: Declinable, attempt: Attempt, decline: Decline, policy: Policy, at: datetime
) -> tuple[DeclineFact, ...]:
    """The decline as a fact, and what follows from it for method, consent, card and deadlines."""
    answer, verdict, learned, evidence = decline
    if attempt.page_until is not None:
        return _not_paid(card, attempt, attempt.page_until, decline, policy, at)
    happened = answer.code not in NO_CHARGE_MADE
    consequence = verdict.consequence
    renewal = card.renewal if attempt.top_up is None else None
    soon = consequence is Consequence.RETRY_SOON and renewal is not None and attempt.method_id not in renewal.soon
    wait = policy.retry_soon_after if soon else verdict.wait
    fact = ChargeFailed(
        attempt_id=attempt.attempt_id,
        term_number=term_number(card, attempt),
        method_id=attempt.method_id,
        code=answer.code,
        advice_code=answer.advice_code,
        network_code=answer.network_code,
        consequence=consequence,
        rung=attempt.rung,
        policy_version=policy.version,
        learned=learned,
        top_up=attempt.top_up,
        decided_by=verdict.decided_by,
        not_before=at + wait if wait else None,
        within_rung=soon,
        fingerprint=attempt.fingerprint,
        evidence=evidence,
        happened=happened,
        counts=happened and consequence is not Consequence.ALARM,
        ends_method=consequence in METHOD_ENDS,
        at=at,
    )
    return (fact, *_follow(card, attempt, fact, at), *move_for_unknown(card, attempt, learned, policy, at))


def _not_paid(
    card: Declinable, attempt: Attempt, page_until: datetime, decline: Decline, policy: Policy, at: datetime
) -> tuple[DeclineFact, ...]:
    """What the holder did not pay on the provider's page: whatever the wallet said there, it uses nothing up.

    That the page was open kept nobody waiting; that nobody could say what became of it did.
    """
    fact = ChargeFailed(
        attempt_id=attempt.attempt_id,
        term_number=term_number(card, attempt),
        method_id=attempt.method_id,
        code=NOT_PAID_ON_PAGE,
        consequence=TRY_AGAIN.consequence,
        rung=attempt.rung,
        policy_version=policy.version,
        learned=decline.learned,
        top_up=attempt.top_up,
        evidence=decline.evidence,
        happened=False,
        counts=False,
        ends_method=False,
        at=at,
    )
    since = surely_closed_at(page_until)
    if attempt.top_up is not None or not is_kept(card) or (attempt.unknown is None and at - since <= policy.late_after):
        return (fact,)
    since = min(since, card.deadlines.blocked_since or since)
    return fact, *move_deadlines(card, "unknown_outcome", since, open_since(card, policy), at)


def term_number(card: HasRenewal, attempt: Attempt) -> int:
    """The term that an attempt is for, or the running one if it is for a top-up."""
    return card.term.number + (attempt.top_up is None)


def _follow(card: Declinable, attempt: Attempt, fact: ChargeFailed, at: datetime) -> tuple[DeclineFact, ...]:
    """What a decline means beyond its method's next try.

    A top-up of an amount that the provider does not take only ends: its holder chose the amount, and nothing of ours is
    wrong that a hold would protect.
    """
    if attempt.top_up is not None and fact.code in OF_THE_AMOUNT:
        return ()
    match fact.consequence:
        case Consequence.MANDATE_WITHDRAWN_METHOD if any(m.method_id == attempt.method_id for m in card.methods.bound):
            return (PaymentMethodRemoved(method_id=attempt.method_id, reason="mandate_withdrawn", at=at),)
        case Consequence.MANDATE_WITHDRAWN_CARD if card.consent is not None:
            return (switched_off(card, "mandate_withdrawn", at),)
        case Consequence.ALARM if card.held_since is None and is_kept(card):
            return (CardHeld(reason="the gateway calls our request wrong", by="alarm", at=at),)
        case _:
            return ()


class _Delayed(HasRenewal, HasDeadlines, HasStatus, Protocol):
    """What moving the deadlines for an unknown outcome reads of a card."""


def move_for_unknown(
    card: _Delayed, attempt: Attempt, learned: OutcomeSource, policy: Policy, at: datetime
) -> tuple[DeadlinesMoved, ...]:
    """The time for which the outcome of a charge for the renewal was unknown does not count against the holder."""
    if attempt.top_up is not None or learned == "sent" or not is_kept(card):
        return ()
    return move_deadlines(card, "unknown_outcome", attempt.attempted_at, open_since(card, policy), at)
