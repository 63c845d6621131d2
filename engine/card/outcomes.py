"""What answers mean, from the gateway or from a person, in whatever order they come.

No clock, no I/O, no randomness. What is recorded already gives ().
"""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from engine.card.consent import switched_off
from engine.card.events import CardHeld, Events, PaymentMethodRemoved
from engine.card.lapse import moved
from engine.card.payments import (
    BalanceCredited,
    ChargeFailed,
    ChargeOutcomeUnknown,
    ChargeSucceeded,
    Learned,
    RefundFailed,
    RefundOutcomeUnknown,
    RefundReason,
    RefundSucceeded,
)
from engine.card.refunds import refund_started, unknown_attempt
from engine.card.state import Attempt, Card, Failed, Payment
from engine.card.terms import renewed
from engine.declines import NEVER_HAPPENED, NOT_CHARGED, Consequence, Verdict, verdict_on
from engine.errors import Refused
from engine.money import Money
from engine.policy import Policy
from engine.ports import Answer, Charged, Declined, NotFound, RefundAnswer, RefundDeclined, Refunded, Unclear


def record_answer(
    card: Card, attempt_id: UUID, answer: Answer, *, learned: Learned, policy: Policy, at: datetime
) -> Events:
    """What the gateway's answer about an attempt means; () when the outcome is recorded already."""
    attempt = card.open_attempt
    if attempt is None or attempt.attempt_id != attempt_id:
        return _late_news(card, attempt_id, answer, at)
    match answer:
        case Charged() if answer.amount == attempt.amount and answer.attempt_id == attempt_id:
            return _paid(card, attempt, answer.gateway_ref, learned, policy, at)
        case Charged():
            return _unknown(card, attempt, "answer_is_not_ours", policy, at)
        case Declined(code=code) if verdict_on(code).consequence is Consequence.RECONCILE:
            return _unknown(card, attempt, code, policy, at)
        case Declined():
            verdict = verdict_on(answer.code, answer.advice_code, answer.network_code)
            return _failed(card, attempt, _Decline(answer, verdict, learned), policy, at)
        case NotFound() if at >= attempt.attempted_at + policy.key_lifetime + policy.never_happened_after:
            return _failed(card, attempt, _Decline(Declined(code=NEVER_HAPPENED), _AGAIN, learned), policy, at)
        case NotFound():
            return _unknown(card, attempt, "not_found_yet", policy, at)
        case _:
            return _unknown(card, attempt, answer.reason, policy, at)


def record_refund_answer(card: Card, refund_id: UUID, answer: RefundAnswer, *, policy: Policy, at: datetime) -> Events:
    """What the gateway's answer about a refund means; () when the outcome is recorded already."""
    refund = next((one for one in card.refunds if one.refund_id == refund_id and not one.refused), None)
    if refund is None:
        return ()
    match answer:
        case Refunded() if answer.amount == refund.amount and answer.refund_id == refund_id:
            ref = answer.gateway_ref
            about = {"refund_id": refund_id, "attempt_id": refund.attempt_id}
            return (RefundSucceeded(**about, amount=refund.amount, gateway_ref=ref, at=at),)
        case RefundDeclined(code=code):
            return (RefundFailed(refund_id=refund_id, attempt_id=refund.attempt_id, code=code, at=at),)
        case _:
            reason = answer.reason if isinstance(answer, Unclear) else "answer_is_not_ours"
            asked = refund.asked + 1
            ask_again_at = at + _patience(policy, asked)
            return (
                RefundOutcomeUnknown(refund_id=refund_id, reason=reason, asked=asked, ask_again_at=ask_again_at, at=at),
            )


def resolve_attempt(
    card: Card,
    *,
    attempt_id: UUID,
    charged: bool,
    gateway_ref: str | None,
    evidence: str,
    policy: Policy,
    at: datetime,
) -> Events:
    """What a person found out about an attempt; raises Refused `unknown_attempt`, `gateway_ref_missing`."""
    if charged and not gateway_ref:
        raise Refused("gateway_ref_missing", "say under which reference the gateway keeps the charge", "gateway_ref")
    attempt = card.open_attempt
    if attempt is not None and attempt.attempt_id == attempt_id:
        if charged:
            return _paid(card, attempt, gateway_ref or "", "resolved", policy, at, evidence=evidence)
        decline = _Decline(Declined(code=NOT_CHARGED), _AGAIN, "resolved", evidence)
        return _failed(card, attempt, decline, policy, at)
    was_paid = any(one.attempt_id == attempt_id for one in card.payments)
    failed = next((one for one in card.failed if one.attempt_id == attempt_id), None)
    if (was_paid and charged) or (failed is not None and not charged):
        return ()
    if failed is not None:
        return _too_much(card, failed, gateway_ref or "", at, evidence)
    if was_paid:
        raise Refused("already_charged", f"attempt {attempt_id} is recorded as charged; refund it instead", "charged")
    raise unknown_attempt(attempt_id)


class _Decline(NamedTuple):
    """A definite no, what it allows, and how it became known."""

    answer: Declined
    verdict: Verdict
    learned: Learned
    evidence: str | None = None


_AGAIN = Verdict(Consequence.RETRY, "code")


def _paid(
    card: Card,
    attempt: Attempt,
    gateway_ref: str,
    learned: Learned,
    policy: Policy,
    at: datetime,
    *,
    evidence: str | None = None,
) -> Events:
    succeeded = ChargeSucceeded(
        attempt_id=attempt.attempt_id,
        term_number=_term_number(card, attempt),
        amount=attempt.amount,
        gateway_ref=gateway_ref,
        learned=learned,
        top_up=attempt.top_up,
        from_balance=attempt.from_balance,
        evidence=evidence,
        at=at,
    )
    if card.status in ("reclaimed", "closed"):
        payment = _payment(succeeded, attempt.method_id)
        reason: RefundReason = "card_closed" if card.status == "closed" else "number_reclaimed"
        return (succeeded, *_released(card, attempt, at), refund_started(card, payment, reason, at))
    if attempt.top_up is not None:
        credit = BalanceCredited(amount=attempt.amount, reason="top_up", about=attempt.attempt_id, at=at)
        return succeeded, credit, *_held_up(card, attempt, learned, policy, at)
    if card.renewal is None:  # cannot be: an open attempt keeps its renewal
        return (succeeded, refund_started(card, _payment(succeeded, attempt.method_id), "late_success", at))
    return (succeeded, *renewed(card, card.renewal, attempt.attempt_id, attempt.from_balance, at))


def _released(card: Card, attempt: Attempt, at: datetime) -> Events:
    if not attempt.from_balance:
        return ()
    amount = Money(minor=attempt.from_balance, currency=card.currency)
    return (BalanceCredited(amount=amount, reason="released", about=attempt.attempt_id, at=at),)


def _payment(fact: ChargeSucceeded, method_id: str) -> Payment:
    return Payment(fact.attempt_id, fact.term_number, fact.amount, method_id, fact.gateway_ref, fact.top_up)


def _late_news(card: Card, attempt_id: UUID, answer: Answer, at: datetime) -> Events:
    """A success after a definite failure: recorded, and given back at once."""
    failed = next((one for one in card.failed if one.attempt_id == attempt_id), None)
    if failed is None or not isinstance(answer, Charged) or answer.attempt_id != attempt_id:
        return ()
    return _too_much(card, failed, answer.gateway_ref, at)


def _too_much(card: Card, failed: Failed, gateway_ref: str, at: datetime, evidence: str | None = None) -> Events:
    succeeded = ChargeSucceeded(
        attempt_id=failed.attempt_id,
        term_number=failed.term_number,
        amount=failed.amount,
        gateway_ref=gateway_ref,
        learned="late",
        top_up=failed.top_up,
        evidence=evidence,
        at=at,
    )
    return succeeded, refund_started(card, _payment(succeeded, failed.method_id), "late_success", at)


def _failed(card: Card, attempt: Attempt, decline: _Decline, policy: Policy, at: datetime) -> Events:
    answer, verdict, learned, evidence = decline
    consequence = verdict.consequence
    renewal = card.renewal if attempt.top_up is None else None
    soon = consequence is Consequence.RETRY_SOON and renewal is not None and attempt.method_id not in renewal.soon
    wait = policy.retry_soon_after if soon else verdict.wait
    failed = ChargeFailed(
        attempt_id=attempt.attempt_id,
        term_number=_term_number(card, attempt),
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
        at=at,
    )
    return (failed, *_follow(card, attempt, consequence, at), *_held_up(card, attempt, learned, policy, at))


def _term_number(card: Card, attempt: Attempt) -> int:
    return card.term.number + (attempt.top_up is None)


def _follow(card: Card, attempt: Attempt, consequence: Consequence, at: datetime) -> Events:
    """What a decline means beyond its method's next try."""
    match consequence:
        case Consequence.MANDATE_WITHDRAWN_METHOD if any(m.method_id == attempt.method_id for m in card.methods):
            return (PaymentMethodRemoved(method_id=attempt.method_id, reason="mandate_withdrawn", at=at),)
        case Consequence.MANDATE_WITHDRAWN_CARD if card.auto_renew is not None:
            return (switched_off(card, "mandate_withdrawn", at),)
        case Consequence.ALARM if card.held_since is None and card.status not in ("reclaimed", "closed"):
            return (CardHeld(reason="the gateway calls our request wrong", by="alarm", at=at),)
        case _:
            return ()


def _held_up(card: Card, attempt: Attempt, learned: Learned, policy: Policy, at: datetime) -> Events:
    """The time for which nobody knew the outcome does not count against the holder."""
    if learned == "sent" or card.status in ("reclaimed", "closed"):
        return ()
    return moved(card, "unknown_outcome", attempt.attempted_at, policy, at)


def _unknown(card: Card, attempt: Attempt, reason: str, policy: Policy, at: datetime) -> Events:
    asked = attempt.asked + 1
    fact = ChargeOutcomeUnknown(
        attempt_id=attempt.attempt_id,
        term_number=_term_number(card, attempt),
        reason=reason,
        asked=asked,
        ask_again_at=at + _patience(policy, asked),
        at=at,
    )
    return (fact,)


def _patience(policy: Policy, asked: int) -> timedelta:
    waits = policy.ask_again_after
    return waits[min(asked, len(waits)) - 1]
