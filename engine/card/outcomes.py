"""Outcomes: what an answer about an attempt means, from the gateway or a person, in whatever order answers come.

What is recorded already returns no facts.
"""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from msgspec.structs import replace

from engine.card.asking import not_answered, outcome_to_come
from engine.card.attempt import (
    Attempt,
    ChargeOutcomeUnknown,
    ChargePending,
    ClosedAttempt,
    HasAttempts,
    OutcomeSource,
    closed_attempt,
    open_attempt,
)
from engine.card.balance import BalanceCredited, HasBalance
from engine.card.custody import is_kept
from engine.card.decline import (
    TRY_AGAIN,
    Declinable,
    Decline,
    DeclineFact,
    charge_failed,
    move_for_unknown,
    term_number,
)
from engine.card.on_page import said_of_page
from engine.card.payments import ChargeSucceeded, HasPayments, RecallClosed, none_recalled, paid_with, unknown_attempt
from engine.card.refunds import RefundReason, RefundStarted, refund_started
from engine.card.term import CardRenewed, Reinstated, Renewable, Renewal, renewed
from engine.declines import (
    NEVER_HAPPENED,
    NOT_CHARGED,
    Consequence,
    verdict_on,
)
from engine.errors import Refused
from engine.money import Money
from engine.policy import Policy
from engine.ports import Answer, Charged, Declined, NotFound, Pending
from engine.provider import Provider
from engine.rules import Rules

OutcomeFact = (
    ChargeSucceeded
    | ChargeOutcomeUnknown
    | ChargePending
    | DeclineFact
    | Reinstated
    | CardRenewed
    | BalanceCredited
    | RefundStarted
)
"""What an outcome may record."""


class Settling(Declinable, HasAttempts, HasPayments, HasBalance, Renewable, Protocol):
    """What an outcome reads of a card."""


# Decisions


def record_answer(
    card: Settling,
    attempt_id: UUID,
    answer: Answer,
    *,
    learned: OutcomeSource,
    rules: Rules,
    at: datetime,
    recall: RecallClosed = none_recalled,
) -> tuple[OutcomeFact, ...]:
    """What the gateway's answer about an attempt means; () when the outcome is recorded already.

    `recall` finds a failed attempt in the card's history that the card itself does not remember any more.
    """
    attempt = open_attempt(card.attempts, attempt_id)
    if attempt is None:
        return _late_news(card, attempt_id, answer, recall, at)
    said = answer if attempt.page_until is None else said_of_page(answer, attempt.page_until, at)
    return () if said is None else _recorded(card, attempt, said, learned, rules, at)


def _recorded(
    card: Settling, attempt: Attempt, answer: Answer, learned: OutcomeSource, rules: Rules, at: datetime
) -> tuple[OutcomeFact, ...]:
    policy, attempt_id = rules.policy, attempt.attempt_id
    match answer:
        case Charged() if answer.amount == attempt.amount and answer.attempt_id == attempt_id:
            return _paid(card, attempt, answer.gateway_ref, learned, policy, at)
        case Charged():
            return _unknown(card, attempt, "answer_is_not_ours", rules, at)
        case Declined(code=code) if verdict_on(code).consequence is Consequence.RECONCILE:
            return _unknown(card, attempt, code, rules, at)
        case Declined():
            verdict = verdict_on(answer.code, answer.advice_code, answer.network_code)
            return charge_failed(card, attempt, Decline(answer, verdict, learned), policy, at)
        case Pending() if answer.attempt_id == attempt_id:
            return _pending(card, attempt, answer.gateway_ref, rules, at)
        case Pending():
            return _unknown(card, attempt, "answer_is_not_ours", rules, at)
        case NotFound() if _never_happened(attempt, rules.provider, at):
            decline = Decline(Declined(code=NEVER_HAPPENED), TRY_AGAIN, learned)
            return charge_failed(card, attempt, decline, policy, at)
        case NotFound():
            return _unknown(card, attempt, "not_found_yet", rules, at)
        case _:
            return _unknown(card, attempt, answer.reason, rules, at)


def resolve_attempt(
    card: Settling,
    *,
    attempt_id: UUID,
    charged: bool,
    gateway_ref: str | None,
    evidence: str,
    policy: Policy,
    at: datetime,
) -> tuple[OutcomeFact, ...]:
    """What a person found out about an attempt; raises Refused `unknown_attempt`, `gateway_ref_missing`."""
    if charged and not gateway_ref:
        raise Refused("gateway_ref_missing", "say under which reference the gateway keeps the charge", "gateway_ref")
    attempt = open_attempt(card.attempts, attempt_id)
    if attempt is not None:
        if charged:
            return _paid(card, attempt, gateway_ref or "", "resolved", policy, at, evidence=evidence)
        decline = Decline(Declined(code=NOT_CHARGED), TRY_AGAIN, "resolved", evidence)
        return charge_failed(card, attempt, decline, policy, at)
    was_paid = any(one.attempt_id == attempt_id for one in card.payments)
    closed = closed_attempt(card.attempts, attempt_id)
    if (was_paid and charged) or (closed is not None and not charged):
        return ()
    if closed is not None:
        return _too_much(card, closed, gateway_ref or "", at, evidence)
    if was_paid:
        raise Refused("already_charged", f"attempt {attempt_id} is recorded as charged; refund it instead", "charged")
    raise unknown_attempt(attempt_id)


def _paid(
    card: Settling,
    attempt: Attempt,
    gateway_ref: str,
    learned: OutcomeSource,
    policy: Policy,
    at: datetime,
    *,
    evidence: str | None = None,
) -> tuple[OutcomeFact, ...]:
    succeeded = ChargeSucceeded(
        attempt_id=attempt.attempt_id,
        term_number=term_number(card, attempt),
        amount=attempt.amount,
        gateway_ref=gateway_ref,
        learned=learned,
        top_up=attempt.top_up,
        from_balance=attempt.from_balance,
        evidence=evidence,
        at=at,
    )
    if not is_kept(card):
        payment = paid_with(succeeded, attempt.method_id, attempt.instrument)
        reason: RefundReason = "card_closed" if card.status == "closed" else "number_reclaimed"
        return (succeeded, *_released(card, attempt, at), refund_started(card, payment, reason, at))
    if attempt.top_up is not None:
        return succeeded, BalanceCredited(amount=attempt.amount, reason="top_up", about=attempt.attempt_id, at=at)
    payment = paid_with(succeeded, attempt.method_id, attempt.instrument)
    if card.renewal is None:  # cannot be: an open attempt keeps its renewal
        return (succeeded, refund_started(card, payment, "late_success", at))
    if attempt.reserve_taken:
        moved = move_for_unknown(card, attempt, learned, policy, at)
        back = refund_started(card, payment, "term_not_covered", at)
        return (succeeded, *_released(card, attempt, at), *moved, back)
    return (succeeded, *_renewed_by(card, card.renewal, attempt, policy, at))


def _renewed_by(
    card: Settling, renewal: Renewal, attempt: Attempt, policy: Policy, at: datetime
) -> tuple[Reinstated | CardRenewed, ...]:
    attempt_id, method_id, from_balance = attempt.attempt_id, attempt.method_id, attempt.from_balance
    return renewed(card, renewal, policy, at, from_balance=from_balance, attempt_id=attempt_id, method_id=method_id)


def _released(card: HasBalance, attempt: Attempt, at: datetime) -> tuple[BalanceCredited, ...]:
    if not attempt.from_balance:
        return ()
    amount = Money(minor=attempt.from_balance, currency=card.custody.currency)
    return (BalanceCredited(amount=amount, reason="released", about=attempt.attempt_id, at=at),)


def _late_news(
    card: Settling, attempt_id: UUID, answer: Answer, recall: RecallClosed, at: datetime
) -> tuple[OutcomeFact, ...]:
    """A success after a definite failure: recorded, and given back at once, however long ago that was."""
    if not isinstance(answer, Charged) or answer.attempt_id != attempt_id:
        return ()
    closed = closed_attempt(card.attempts, attempt_id)
    if closed is not None:
        return _too_much(card, closed, answer.gateway_ref, at)
    if any(one.attempt_id == attempt_id for one in card.payments):
        return ()
    forgotten = recall(attempt_id)
    if forgotten is None:
        return ()
    succeeded, refund = _too_much(card, forgotten, answer.gateway_ref, at)
    return replace(succeeded, closed=forgotten), refund


def _too_much(
    card: Settling, closed: ClosedAttempt, gateway_ref: str, at: datetime, evidence: str | None = None
) -> tuple[ChargeSucceeded, RefundStarted]:
    succeeded = ChargeSucceeded(
        attempt_id=closed.attempt_id,
        term_number=closed.term_number,
        amount=closed.amount,
        gateway_ref=gateway_ref,
        learned="late",
        top_up=closed.top_up,
        evidence=evidence,
        at=at,
    )
    payment = paid_with(succeeded, closed.method_id, closed.instrument)
    return succeeded, refund_started(card, payment, "late_success", at)


def _never_happened(attempt: Attempt, provider: Provider, at: datetime) -> bool:
    """Whether a charge that the complete list does not have was never made.

    Where a key is known for ever, it may have been sent just now; one that the provider has accepted is somewhere.
    """
    if provider.key_lifetime is None or attempt.pending_ref is not None:
        return False
    return at >= attempt.attempted_at + provider.key_lifetime + provider.never_happened_after


def _pending(card: Settling, attempt: Attempt, gateway_ref: str, rules: Rules, at: datetime) -> tuple[OutcomeFact, ...]:
    """The outcome comes later; () where that is known, and it is not time to ask."""
    if attempt.pending_ref is not None and attempt.unknown is not None and at < attempt.unknown.ask_again_at:
        return ()
    return (outcome_to_come(attempt, term_number(card, attempt), gateway_ref, rules, at),)


def _unknown(card: Settling, attempt: Attempt, reason: str, rules: Rules, at: datetime) -> tuple[OutcomeFact, ...]:
    """One more question without an answer; of two that were asked at once, only the first is recorded."""
    if attempt.unknown is not None and at < attempt.unknown.ask_again_at:
        return ()
    return (not_answered(attempt, term_number(card, attempt), reason, rules, at),)
