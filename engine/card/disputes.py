"""Disputes: charges that the holder's bank took back.

What decisions have in common: custody.py.
"""

from datetime import datetime
from uuid import UUID

from engine.card.balance import BalanceDebited, check_amount
from engine.card.event import Event
from engine.card.payments import Recall, debit_balance, find_payment, less
from engine.card.refunds import Refundable
from engine.errors import Refused
from engine.money import Money


class DisputeRecorded(Event, kw_only=True):
    """The holder's bank took a charge back; its method is not charged by itself any more."""

    attempt_id: UUID
    method_id: str
    amount: Money
    evidence: str


def record_dispute(
    card: Refundable, recall: Recall, *, attempt_id: UUID, amount: Money, evidence: str, at: datetime
) -> tuple[DisputeRecorded | BalanceDebited, ...]:
    """A charge that the holder's bank took back, though we may have; its method is not charged by itself any more.

    Raises Refused `unknown_attempt`, `amount_not_positive`, `wrong_currency`, `more_than_charged`.
    """
    check_amount(card, amount)
    payment = find_payment(card, recall, attempt_id)
    if amount.minor > payment.amount.minor - payment.disputed:
        raise Refused("more_than_charged", "more is disputed than was charged", "amount.minor")
    method_id = payment.method_id
    disputed = DisputeRecorded(attempt_id=attempt_id, method_id=method_id, amount=amount, evidence=evidence, at=at)
    return disputed, *debit_balance(card, payment, less(payment, disputed=amount.minor), "dispute", at)
