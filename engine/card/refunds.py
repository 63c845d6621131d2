"""Money that goes back: by the engine's own refunds, by the operator, by the holder's bank.

See custody.py for what all decisions have in common.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID, uuid5

from engine.card.events import Events
from engine.card.payments import (
    BalanceCredited,
    DisputeRecorded,
    RefundReason,
    RefundRecorded,
    RefundStarted,
)
from engine.card.state import Card, Payment
from engine.errors import Refused
from engine.money import Money

AMOUNT_MAX_MINOR = 1_000_000_000
"""More is a slip of the keyboard."""


def record_refund(
    card: Card, *, attempt_id: UUID, amount: Money, to: Literal["method", "balance"], evidence: str, at: datetime
) -> Events:
    """Money given back by the operator: outside of the gateway's port, or onto the balance.

    Raises Refused `unknown_attempt`, `amount_not_positive`, `wrong_currency`, `more_than_charged`,
    `not_what_is_owed`.
    """
    payment = next((one for one in card.payments if one.attempt_id == attempt_id), None)
    if payment is None:
        raise unknown_attempt(attempt_id)
    check_amount(card, amount)
    refused = next((one for one in card.refunds if one.attempt_id == attempt_id and one.refused), None)
    if refused is not None and to == "method":  # the whole of what the gateway could not give back
        if amount != refused.amount:
            message = f"{refused.amount.minor} {card.currency} minor are to be given back, not {amount.minor}"
            raise Refused("not_what_is_owed", message, "amount.minor")
        return (RefundRecorded(attempt_id=attempt_id, amount=amount, evidence=evidence, at=at),)
    left = payment.amount.minor - payment.refunded
    if amount.minor > left:
        message = f"of that charge {left} {card.currency} minor are left to give back, not {amount.minor}"
        raise Refused("more_than_charged", message, "amount.minor")
    if to == "balance":
        return (BalanceCredited(amount=amount, reason="refund", about=attempt_id, evidence=evidence, at=at),)
    return (RefundRecorded(attempt_id=attempt_id, amount=amount, evidence=evidence, at=at),)


def record_dispute(card: Card, *, attempt_id: UUID, amount: Money, evidence: str, at: datetime) -> Events:
    """A charge that the holder's bank took back; its method is not charged by itself any more.

    Raises Refused like `record_refund`.
    """
    payment = next((one for one in card.payments if one.attempt_id == attempt_id), None)
    if payment is None:
        raise unknown_attempt(attempt_id)
    check_amount(card, amount)
    if amount.minor > payment.amount.minor - payment.refunded:
        raise Refused("more_than_charged", "more is disputed than was charged and not given back", "amount.minor")
    return (
        DisputeRecorded(attempt_id=attempt_id, method_id=payment.method_id, amount=amount, evidence=evidence, at=at),
    )


def refund_id_of(card_id: UUID, attempt_id: UUID) -> UUID:
    """The one refund by the gateway that a charge may have."""
    return uuid5(card_id, f"refund:{attempt_id}")


def refund_started(card: Card, payment: Payment, reason: RefundReason, at: datetime) -> RefundStarted:
    """The intent to give back what is left of a charge."""
    return RefundStarted(
        refund_id=refund_id_of(card.card_id, payment.attempt_id),
        attempt_id=payment.attempt_id,
        gateway_ref=payment.gateway_ref,
        amount=Money(minor=payment.amount.minor - payment.refunded, currency=payment.amount.currency),
        reason=reason,
        at=at,
    )


def check_amount(card: Card, amount: Money) -> None:
    """Raise Refused `amount_not_positive`, `amount_too_large` or `wrong_currency` for what this card cannot take."""
    if amount.currency != card.currency:
        message = f"the card is kept in {card.currency}, not {amount.currency}"
        raise Refused("wrong_currency", message, "amount.currency")
    if amount.minor > AMOUNT_MAX_MINOR:
        raise Refused(
            "amount_too_large", f"an amount is at most {AMOUNT_MAX_MINOR}, not {amount.minor}", "amount.minor"
        )
    if amount.minor <= 0:
        raise Refused("amount_not_positive", f"an amount must be more than 0, not {amount.minor}", "amount.minor")


def unknown_attempt(attempt_id: UUID) -> Refused:
    """The refusal of an attempt that the card does not remember."""
    message = f"attempt {attempt_id} is not among the card's recent ones; see its history"
    return Refused("unknown_attempt", message, "attempt_id")
