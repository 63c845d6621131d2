"""Refunding: who asks the gateway for a refund when, what it answers, and when a person is called."""

from datetime import datetime
from uuid import UUID

from engine.card.asking import patience
from engine.card.attempt import CaseOpened
from engine.card.refunds import (
    HasRefunds,
    Refund,
    RefundFailed,
    Refunding,
    RefundOutcomeUnknown,
    RefundSucceeded,
    to_give_back,
)
from engine.card.step import Wait
from engine.policy import Policy
from engine.ports import RefundAnswer, RefundDeclined, Refunded, Unclear
from engine.reasons import CaseReason
from engine.value import Value


class AskRefund(Value):
    """Ask the gateway to make a refund that is already recorded."""

    refund: Refund


def ask_for_refunds(card: Refunding, policy: Policy, at: datetime) -> CaseOpened | AskRefund | Wait | None:
    """Ask for the refund that has waited longest, wait until it is time, or call a person; None when there is none.

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
    return "refund_unknown" if refund.unknown and at >= refund.started_at + policy.case_after else None


def _exceeds(card: Refunding, refund: Refund) -> bool:
    return to_give_back(card, refund) < refund.amount.minor


def _ask_at(refund: Refund, policy: Policy) -> datetime:
    return refund.unknown.ask_again_at if refund.unknown else refund.started_at + policy.gateway_budget


def record_refund_answer(
    card: HasRefunds, refund_id: UUID, answer: RefundAnswer, *, policy: Policy, at: datetime
) -> tuple[RefundSucceeded | RefundFailed | RefundOutcomeUnknown, ...]:
    """What the gateway's answer about a refund means; () when the outcome is recorded already."""
    refund = next((one for one in card.refunds if one.refund_id == refund_id and not one.refused), None)
    if refund is None:
        return ()
    attempt_id = refund.attempt_id
    match answer:
        case Refunded() if answer.amount == refund.amount and answer.refund_id == refund_id:
            ref, amount = answer.gateway_ref, refund.amount
            return (RefundSucceeded(refund_id=refund_id, attempt_id=attempt_id, amount=amount, gateway_ref=ref, at=at),)
        case RefundDeclined(code=code):
            return (RefundFailed(refund_id=refund_id, attempt_id=attempt_id, code=code, at=at),)
        case _ if refund.unknown is not None and at < refund.unknown.ask_again_at:
            return ()  # of two questions asked at once, only the first is recorded
        case _:
            reason = answer.reason if isinstance(answer, Unclear) else "answer_is_not_ours"
            asked = (refund.unknown.asked if refund.unknown else 0) + 1
            again = at + patience(policy, asked, refund.started_at, at)
            return (RefundOutcomeUnknown(refund_id=refund_id, reason=reason, asked=asked, ask_again_at=again, at=at),)
