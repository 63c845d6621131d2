"""Disputes: charges that the holder's bank took back, and that may come back when the dispute is won."""

from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from engine.card.balance import BalanceCredited, BalanceDebited, check_amount, clawed_back_with
from engine.card.event import Event
from engine.card.payments import Payment, Recall, debit_balance, find_payment, less, unless_remembered
from engine.card.refunds import Refundable, RefundStarted, refund_started
from engine.errors import Refused
from engine.money import Money

DISPUTED_MOST = 2
"""A bank takes back at its own rate of exchange; more than so many times the charge is a slip of the keyboard."""


class DisputeRecorded(Event, kw_only=True):
    """The holder's bank took a charge back; what was charged is not charged automatically any more.

    `amount` is what the bank took, which may be more than the charge. `instrument` is the fingerprint of the payment
    card that was charged, or its token where it has none; None, in older facts, stands for the method alone.
    """

    attempt_id: UUID
    method_id: str
    amount: Money
    evidence: str
    instrument: str | None = None


class DisputeWon(Event, kw_only=True):
    """The holder's bank gave back what it had taken of a charge: the charge was right.

    `over`: nothing of the charge is disputed any more, and what was charged may be charged automatically again.
    `to_terms`: minor units of what was clawed back from terms that the balance gets again, should they be undone.
    """

    attempt_id: UUID
    method_id: str
    amount: Money
    evidence: str
    over: bool
    to_terms: int = 0


def record_dispute(
    card: Refundable, recall: Recall, *, attempt_id: UUID, amount: Money, evidence: str, at: datetime
) -> tuple[DisputeRecorded | BalanceDebited, ...]:
    """The holder's bank took a charge back, perhaps one that we had refunded; its method is not charged automatically.

    Raises Refused `unknown_attempt`, `amount_not_positive`, `wrong_currency`, `more_than_charged`.
    """
    check_amount(card, amount)
    payment = find_payment(card, recall, attempt_id)
    most = payment.amount.minor - payment.disputed if payment.disputed else payment.amount.minor * DISPUTED_MOST
    if amount.minor > most:
        raise Refused("more_than_charged", "more is disputed than was charged", "amount.minor")
    disputed = DisputeRecorded(
        attempt_id=attempt_id,
        method_id=payment.method_id,
        amount=amount,
        evidence=evidence,
        instrument=payment.instrument,
        at=at,
    )
    return disputed, *debit_balance(card, payment, less(payment, disputed=amount.minor), "dispute", at)


def record_dispute_won(
    card: Refundable, recall: Recall, *, attempt_id: UUID, amount: Money, evidence: str, at: datetime
) -> tuple[DisputeWon | BalanceCredited | RefundStarted, ...]:
    """The holder's bank gave back what it had taken; what had left the balance with it comes back too.

    As much stays away as has to for what is disputed still. A refund that was not sent because of it is sent; of a
    charge that pays for nothing goes back what is left.

    Raises Refused `unknown_attempt`, `amount_not_positive`, `wrong_currency`, `more_than_disputed`.
    """
    check_amount(card, amount)
    payment = find_payment(card, recall, attempt_id)
    if amount.minor > payment.disputed:
        message = f"of that charge {amount.of(payment.disputed)} is disputed, not {amount}"
        raise Refused("more_than_disputed", message, "amount.minor")
    after = less(payment, disputed=-amount.minor)
    back = max(0, payment.debited + clawed_back_with(card.balance, attempt_id) - after.back_twice)
    to_balance = Money(minor=min(back, payment.debited), currency=card.custody.currency)
    won = DisputeWon(
        attempt_id=attempt_id,
        method_id=payment.method_id,
        amount=amount,
        evidence=evidence,
        over=after.disputed == 0,
        to_terms=back - to_balance.minor,
        at=at,
    )
    credit = BalanceCredited(amount=to_balance, reason="dispute_won", about=attempt_id, at=at)
    return won, *((credit,) if to_balance.minor else ()), *_owed_again(card, after, to_balance.minor, at)


def _owed_again(card: Refundable, payment: Payment, credited: int, at: datetime) -> tuple[RefundStarted, ...]:
    """What is left of a charge that pays for nothing, besides refunds that are not finished, goes back at once."""
    if not payment.goes_back or not payment.left:
        return ()
    known = unless_remembered(card, replace(payment, debited=payment.debited - credited))
    return (replace(refund_started(card, payment, "dispute_won", at), payment=known),)
