"""Refunds: money of a charge that goes back, by the engine's own refunds or by the operator.

What decisions have in common: custody.py.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from msgspec.structs import replace

from engine.calendar import Instant
from engine.card.asking import patience
from engine.card.attempt import CaseOpened, Unknown
from engine.card.balance import BalanceCredited, BalanceDebited, BalancePaidOut, check_amount, pay_out_balance
from engine.card.consent import AutoRenewSwitchedOff
from engine.card.deadlines import HasTerm
from engine.card.event import Event
from engine.card.ids import derived_id
from engine.card.payments import Debitable, HasPayments, Payment, Recall, debit_balance, find_payment, less
from engine.card.step import Wait
from engine.card.undoing import TermUndone, Undoable, undo_term
from engine.errors import Refused
from engine.money import Money
from engine.policy import Policy
from engine.ports import RefundAnswer, RefundDeclined, Refunded, Unclear
from engine.value import Value

RefundReason = Literal["late_success", "card_closed", "number_reclaimed"]


# Facts


class RefundStarted(Event, kw_only=True):
    """A charge took money that is not ours to keep; committed before the gateway hears of it.

    `refund_id` is the idempotency key.
    """

    refund_id: UUID
    attempt_id: UUID
    gateway_ref: str
    amount: Money
    reason: RefundReason


class RefundSucceeded(Event, kw_only=True):
    """The gateway gave the money back."""

    refund_id: UUID
    attempt_id: UUID
    amount: Money
    gateway_ref: str


class RefundOutcomeUnknown(Event, kw_only=True):
    """Nobody can say whether the money went back; the same refund is asked for again."""

    refund_id: UUID
    reason: str
    asked: int
    ask_again_at: Instant


class RefundFailed(Event, kw_only=True):
    """The gateway definitely did not give the money back; a person has to find another way."""

    refund_id: UUID
    attempt_id: UUID
    code: str


class RefundRecorded(Event, kw_only=True):
    """The operator gave money back outside of the gateway's port, as `evidence` shows."""

    attempt_id: UUID
    amount: Money
    evidence: str


# State


class Refund(Value):
    """Money to give back, by one request with one key."""

    refund_id: UUID
    attempt_id: UUID
    gateway_ref: str
    amount: Money
    started_at: Instant
    unknown: Unknown | None = None
    """None until a question about it had no definite answer."""
    refused: bool = False
    """The gateway definitely did not give it back: a person has to."""

    @property
    def case_opened(self) -> bool:
        """Whether a person investigates its unknown outcome."""
        return self.unknown is not None and self.unknown.case_opened


Refunds = tuple[Refund, ...]
"""Refunds under way."""


class HasRefunds(Protocol):
    """A card with its refunds."""

    @property
    def refunds(self) -> Refunds: ...


class Refundable(HasRefunds, HasPayments, Debitable, Undoable, Protocol):
    """What refunds read of a card."""


# Fold


def started(refunds: Refunds, fact: RefundStarted) -> Refunds:
    """One more refund is under way."""
    return (*refunds, Refund(fact.refund_id, fact.attempt_id, fact.gateway_ref, fact.amount, fact.at))


def succeeded(refunds: Refunds, fact: RefundSucceeded) -> Refunds:
    """One refund less is under way."""
    return tuple(one for one in refunds if one.refund_id != fact.refund_id)


def outcome_unknown(refunds: Refunds, fact: RefundOutcomeUnknown) -> Refunds:
    """The refund is asked for again."""
    return _changed(
        refunds,
        fact.refund_id,
        lambda one: replace(one, unknown=Unknown(fact.asked, fact.ask_again_at, one.case_opened)),
    )


def refused(refunds: Refunds, fact: RefundFailed) -> Refunds:
    """A person has to give it back."""
    return _changed(refunds, fact.refund_id, lambda one: replace(one, refused=True))


def case_opened(refunds: Refunds, refund_id: UUID) -> Refunds:
    """A person investigates the refund too."""
    return _changed(
        refunds,
        refund_id,
        lambda one: replace(one, unknown=replace(one.unknown, case_opened=True)) if one.unknown else one,
    )


def replaced(refunds: Refunds, attempt_id: UUID) -> Refunds:
    """The operator gave back what the gateway could not."""
    return tuple(one for one in refunds if one.attempt_id != attempt_id)


def _changed(refunds: Refunds, refund_id: UUID, change: Callable[[Refund], Refund]) -> Refunds:
    return tuple(change(one) if one.refund_id == refund_id else one for one in refunds)


# Decisions


def record_refund(
    card: Refundable,
    recall: Recall,
    *,
    attempt_id: UUID | None,
    amount: Money,
    to: Literal["method", "balance"],
    evidence: str,
    at: datetime,
    ends_term: bool = False,
) -> tuple[RefundRecorded | BalanceDebited | BalanceCredited | BalancePaidOut | TermUndone | AutoRenewSwitchedOff, ...]:
    """Money given back by the operator: outside of the gateway's port, or onto the balance.

    Without an attempt it was left on the balance. A refund that the gateway could not make, or that became a case, ends
    with it; so does with `ends_term` the term that the charge paid for. Raises Refused `unknown_attempt`,
    `amount_not_positive`, `wrong_currency`, `more_than_charged`, `not_what_is_owed`, `is_on_balance`,
    `no_charge_named`, `more_than_balance`, and those of `undo_term`.
    """
    if attempt_id is None:
        if to == "balance" or ends_term:
            raise Refused("no_charge_named", "say which charge goes back", "attempt_id")
        return pay_out_balance(card, amount=amount, evidence=evidence, at=at)
    check_amount(card, amount)
    currency = card.custody.currency
    owed = next((one for one in card.refunds if one.attempt_id == attempt_id), None)
    if owed is not None and (owed.refused or owed.case_opened) and to == "method" and not ends_term:  # the whole
        if amount != owed.amount:
            message = f"{owed.amount.minor} {currency} minor are to be given back, not {amount.minor}"
            raise Refused("not_what_is_owed", message, "amount.minor")
        return (RefundRecorded(attempt_id=attempt_id, amount=amount, evidence=evidence, at=at),)
    payment = find_payment(card, recall, attempt_id)
    if amount.minor > payment.left:
        message = f"of that charge {payment.left} {currency} minor are left to give back, not {amount.minor}"
        raise Refused("more_than_charged", message, "amount.minor")
    is_full = amount.minor == payment.left
    ended = undo_term(card, attempt_id=attempt_id, is_full=is_full, at=at) if ends_term else ()
    if to == "method":
        refunded = RefundRecorded(attempt_id=attempt_id, amount=amount, evidence=evidence, at=at)
        return refunded, *debit_balance(card, payment, less(payment, refunded=amount.minor), "refund", at), *ended
    if payment.top_up is not None:
        raise Refused("is_on_balance", "that charge went onto the balance already; give it back to the method", "to")
    return BalanceCredited(amount=amount, reason="refund", about=attempt_id, evidence=evidence, at=at), *ended


def refund_id_of(card_id: UUID, attempt_id: UUID) -> UUID:
    """The one refund by the gateway that a charge may have."""
    return derived_id(card_id, f"refund:{attempt_id}")


def refund_started(card: HasTerm, payment: Payment, reason: RefundReason, at: datetime) -> RefundStarted:
    """The intent to give back what is left of a charge."""
    return RefundStarted(
        refund_id=refund_id_of(card.card_id, payment.attempt_id),
        attempt_id=payment.attempt_id,
        gateway_ref=payment.gateway_ref,
        amount=Money(minor=payment.left, currency=payment.amount.currency),
        reason=reason,
        at=at,
    )


# Asking


class AskRefund(Value):
    """Ask the gateway to make a refund that is already recorded."""

    refund: Refund


def ask_for_refunds(card: HasRefunds, policy: Policy, at: datetime) -> CaseOpened | AskRefund | Wait | None:
    """Ask for the refund that has waited longest, wait until it is time, or call a person; None when there is none."""
    under_way = card.refunds
    if not under_way:
        return None
    for one in under_way:
        if one.unknown and not one.case_opened and not one.refused and at >= one.started_at + policy.case_after:
            return CaseOpened(about=one.refund_id, reason="refund_unknown", attempt_id=one.attempt_id, at=at)
    open_ones = [one for one in under_way if not one.refused]
    if not open_ones:
        return None
    refund = min(open_ones, key=lambda one: _ask_at(one, policy))
    ask_at = _ask_at(refund, policy)
    return AskRefund(refund) if at >= ask_at else Wait(ask_at, "refund_awaited")


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
