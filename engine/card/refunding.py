"""Refunding: who asks the gateway for a refund when, what it answers, and when it becomes a case for a person."""

from datetime import datetime

from engine.card.asking import asked_once_more, patience
from engine.card.attempt import CaseOpened
from engine.card.payments import Recall, find_payment, unless_remembered
from engine.card.refunds import (
    Refund,
    RefundFailed,
    Refunding,
    RefundOutcomeUnknown,
    RefundPending,
    RefundReturned,
    RefundSucceeded,
    to_give_back,
)
from engine.card.wait import Wait
from engine.policy import Policy
from engine.ports import NotFound, RefundAccepted, RefundAnswer, RefundDeclined, Refunded, RefundRequest, Unclear
from engine.reasons import CaseReason
from engine.rules import Rules
from engine.value import Value

RefundAnswerFact = RefundSucceeded | RefundPending | RefundOutcomeUnknown | RefundFailed | RefundReturned
"""What an answer about a refund may record."""


class AskRefund(Value):
    """Ask the gateway to make a refund that is already recorded."""

    refund: Refund


def ask_for_refunds(card: Refunding, policy: Policy, at: datetime) -> CaseOpened | AskRefund | Wait | None:
    """Ask for the refund that has waited longest, wait until it is time, or open a case; None when there is none.

    One that exceeds what is owed, since the holder's bank took back the charge meanwhile, is not asked for any more:
    whether it was made already only a person can find out.
    """
    if not card.refunds:
        return None
    for one in card.refunds:
        reason = None if one.case_opened else _case_reason(card, one, policy, at)
        if reason is not None:
            return CaseOpened(about=one.refund_id, reason=reason, attempt_id=one.attempt_id, at=at)
    open_ones = [one for one in card.refunds if not one.refused and not (one.case_opened and _exceeds(card, one))]
    if not open_ones:
        return None
    refund = min(open_ones, key=lambda one: _ask_at(one, policy))
    ask_at = _ask_at(refund, policy)
    return AskRefund(refund) if at >= ask_at else Wait(ask_at, "refund_awaited")


def _case_reason(card: Refunding, refund: Refund, policy: Policy, at: datetime) -> CaseReason | None:
    """Why a person has to look into a refund now, if so."""
    if refund.refused:  # what was left of it when a person closed its case: it is owed again
        return "refund_owed" if to_give_back(card, refund) else None
    if _exceeds(card, refund):
        return "refund_disputed" if at >= _ask_at(refund, policy) else None
    patient_for = policy.case_after if refund.pending_ref is None else policy.pending_case_after
    return "refund_unknown" if refund.unknown and at >= refund.started_at + patient_for else None


def _exceeds(card: Refunding, refund: Refund) -> bool:
    return to_give_back(card, refund) < refund.amount.minor


def _ask_at(refund: Refund, policy: Policy) -> datetime:
    return refund.unknown.ask_again_at if refund.unknown else refund.started_at + policy.gateway_budget


def record_refund_answer(
    card: Refunding, request: RefundRequest, answer: RefundAnswer, *, rules: Rules, recall: Recall, at: datetime
) -> tuple[RefundAnswerFact, ...]:
    """What the gateway's answer about a refund means; () when the outcome is recorded already."""
    refund_id = request.refund_id
    refund = next((one for one in card.refunds if one.refund_id == refund_id), None)
    if refund is None:
        return _late_news(card, request, answer, recall, at)
    if refund.refused:
        return ()
    attempt_id = refund.attempt_id
    match answer:
        case Refunded() if answer.amount == refund.amount and answer.refund_id == refund_id:
            ref, amount = answer.gateway_ref, refund.amount
            return (RefundSucceeded(refund_id=refund_id, attempt_id=attempt_id, amount=amount, gateway_ref=ref, at=at),)
        case RefundDeclined(code=code):
            return (RefundFailed(refund_id=refund_id, attempt_id=attempt_id, code=code, at=at),)
        case RefundAccepted() if refund.pending_ref is None and answer.refund_id == refund_id:
            return (_accepted(refund, answer.gateway_ref, rules.policy, at),)
        case _ if refund.unknown is not None and at < refund.unknown.ask_again_at:
            return ()  # of two questions asked at once, only the first is recorded
        case RefundAccepted() if answer.refund_id == refund_id:
            return (_accepted(refund, answer.gateway_ref, rules.policy, at),)
        case _:
            return (_not_answered(refund, answer, rules, at),)


def _accepted(refund: Refund, gateway_ref: str, policy: Policy, at: datetime) -> RefundPending:
    again = at + policy.look_up_every
    return RefundPending(
        refund_id=refund.refund_id,
        gateway_ref=gateway_ref,
        asked=asked_once_more(refund.unknown),
        ask_again_at=again,
        at=at,
    )


def _not_answered(refund: Refund, answer: RefundAnswer, rules: Rules, at: datetime) -> RefundOutcomeUnknown:
    match answer:
        case Unclear(reason=reason):
            pass
        case NotFound():
            reason = "not_found_yet"
        case _:
            reason = "answer_is_not_ours"
    asked, pending = asked_once_more(refund.unknown), refund.pending_ref is not None
    wait = rules.policy.look_up_every if pending else patience(rules, asked, refund.started_at, at)
    return RefundOutcomeUnknown(refund_id=refund.refund_id, reason=reason, asked=asked, ask_again_at=at + wait, at=at)


def _late_news(
    card: Refunding, request: RefundRequest, answer: RefundAnswer, recall: Recall, at: datetime
) -> tuple[RefundReturned, ...]:
    """A refund that had succeeded came back; () where that is known."""
    if not isinstance(answer, RefundDeclined):
        return ()
    payment = find_payment(card, recall, request.attempt_id)
    if request.refund_id not in payment.refunded_by:
        return ()
    returned = RefundReturned(
        refund_id=request.refund_id,
        attempt_id=request.attempt_id,
        gateway_ref=request.gateway_ref,
        amount=request.amount,
        code=answer.code,
        payment=unless_remembered(card, payment),
        at=at,
    )
    return (returned,)
