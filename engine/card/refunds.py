"""Money that goes back: by the engine's own refunds, by the operator, by the holder's bank.

See custody.py for what all decisions have in common.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Literal
from uuid import UUID

from engine.card.events import Event, Events
from engine.card.ids import derived_id
from engine.card.payments import (
    BalanceCredited,
    BalanceDebited,
    ChargeAttempted,
    ChargeSucceeded,
    DisputeRecorded,
    RefundReason,
    RefundRecorded,
    RefundStarted,
    RefundSucceeded,
)
from engine.card.state import Card, Payment
from engine.errors import Refused
from engine.money import Money

Recall = Callable[[UUID], Payment | None]
"""Finds a charge that the card does not remember any more in its history."""

AMOUNT_MAX_MINOR = 1_000_000_000
"""More is a slip of the keyboard."""


def record_refund(
    card: Card,
    recall: Recall,
    *,
    attempt_id: UUID,
    amount: Money,
    to: Literal["method", "balance"],
    evidence: str,
    at: datetime,
) -> Events:
    """Money given back by the operator: outside of the gateway's port, or onto the balance.

    A refund that the gateway could not make, or that became a case, ends with it. Raises Refused `unknown_attempt`,
    `amount_not_positive`, `wrong_currency`, `more_than_charged`, `not_what_is_owed`, `is_on_balance`.
    """
    check_amount(card, amount)
    owed = next((one for one in card.refunds if one.attempt_id == attempt_id), None)
    if owed is not None and (owed.refused or owed.case_opened) and to == "method":  # the whole of it
        if amount != owed.amount:
            message = f"{owed.amount.minor} {card.currency} minor are to be given back, not {amount.minor}"
            raise Refused("not_what_is_owed", message, "amount.minor")
        return (RefundRecorded(attempt_id=attempt_id, amount=amount, evidence=evidence, at=at),)
    payment = _charge(card, recall, attempt_id)
    if amount.minor > payment.left:
        message = f"of that charge {payment.left} {card.currency} minor are left to give back, not {amount.minor}"
        raise Refused("more_than_charged", message, "amount.minor")
    if to == "method":
        refunded = RefundRecorded(attempt_id=attempt_id, amount=amount, evidence=evidence, at=at)
        return refunded, *_off_balance(card, payment, amount, "refund", at)
    if payment.top_up is not None:
        raise Refused("is_on_balance", "that charge went onto the balance already; give it back to the method", "to")
    return (BalanceCredited(amount=amount, reason="refund", about=attempt_id, evidence=evidence, at=at),)


def record_dispute(
    card: Card, recall: Recall, *, attempt_id: UUID, amount: Money, evidence: str, at: datetime
) -> Events:
    """A charge that the holder's bank took back, though we may have; its method is not charged by itself any more.

    Raises Refused `unknown_attempt`, `amount_not_positive`, `wrong_currency`, `more_than_charged`.
    """
    check_amount(card, amount)
    payment = _charge(card, recall, attempt_id)
    if amount.minor > payment.amount.minor - payment.disputed:
        raise Refused("more_than_charged", "more is disputed than was charged", "amount.minor")
    method_id = payment.method_id
    disputed = DisputeRecorded(attempt_id=attempt_id, method_id=method_id, amount=amount, evidence=evidence, at=at)
    return disputed, *_off_balance(card, payment, amount, "dispute", at)


def _charge(card: Card, recall: Recall, attempt_id: UUID) -> Payment:
    payment = next((one for one in card.payments if one.attempt_id == attempt_id), None) or recall(attempt_id)
    if payment is None:
        raise unknown_attempt(attempt_id)
    return payment


def _off_balance(
    card: Card, payment: Payment, amount: Money, reason: Literal["refund", "dispute"], at: datetime
) -> Events:
    """What a top-up brought goes with it, as far as it is still there."""
    minor = min(amount.minor, card.balance.minor) if payment.top_up is not None else 0
    if minor <= 0:
        return ()
    debit = Money(minor=minor, currency=card.currency)
    return (BalanceDebited(amount=debit, reason=reason, about=payment.attempt_id, at=at),)


def charge_in(facts: Iterable[Event], attempt_id: UUID) -> Payment | None:
    """A charge as a whole history tells of it, however old; None if it never succeeded."""
    about = [fact for fact in facts if attempt_id in (getattr(fact, "attempt_id", None), getattr(fact, "about", None))]
    method_id = next((fact.method_id for fact in about if isinstance(fact, ChargeAttempted)), "")
    paid = next((fact for fact in about if isinstance(fact, ChargeSucceeded)), None)
    if paid is None:
        return None
    disputed = sum(fact.amount.minor for fact in about if isinstance(fact, DisputeRecorded))
    back = _refunded(about)
    return Payment(attempt_id, paid.term_number, paid.amount, method_id, paid.gateway_ref, paid.top_up, back, disputed)


def _refunded(about: Iterable[Event]) -> int:
    """What we gave back of a charge, in minor units."""
    minor, under_way = 0, False
    for fact in about:
        match fact:
            case RefundRecorded() if under_way:  # it takes the place of one that the gateway could not make
                under_way = False
            case RefundStarted() | RefundRecorded() | BalanceCredited(reason="refund"):
                minor += fact.amount.minor
                under_way = isinstance(fact, RefundStarted)
            case RefundSucceeded():
                under_way = False
            case _:
                pass
    return minor


def refund_id_of(card_id: UUID, attempt_id: UUID) -> UUID:
    """The one refund by the gateway that a charge may have."""
    return derived_id(card_id, f"refund:{attempt_id}")


def refund_started(card: Card, payment: Payment, reason: RefundReason, at: datetime) -> RefundStarted:
    """The intent to give back what is left of a charge."""
    return RefundStarted(
        refund_id=refund_id_of(card.card_id, payment.attempt_id),
        attempt_id=payment.attempt_id,
        gateway_ref=payment.gateway_ref,
        amount=Money(minor=payment.left, currency=payment.amount.currency),
        reason=reason,
        at=at,
    )


def check_amount(card: Card, amount: Money, field: str = "amount") -> None:
    """Raise Refused `amount_not_positive`, `amount_too_large` or `wrong_currency` for what this card cannot take."""
    if amount.currency != card.currency:
        message = f"the card is kept in {card.currency}, not {amount.currency}"
        raise Refused("wrong_currency", message, f"{field}.currency")
    if amount.minor > AMOUNT_MAX_MINOR:
        message = f"an amount is at most {AMOUNT_MAX_MINOR}, not {amount.minor}"
        raise Refused("amount_too_large", message, f"{field}.minor")
    if amount.minor <= 0:
        message = f"an amount must be more than 0, not {amount.minor}"
        raise Refused("amount_not_positive", message, f"{field}.minor")


def unknown_attempt(attempt_id: UUID) -> Refused:
    """The refusal of an attempt that the card does not remember."""
    message = f"the card has no such attempt {attempt_id}; see its history"
    return Refused("unknown_attempt", message, "attempt_id")
