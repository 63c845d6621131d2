"""Giving back: refunds that the operator decides, by the gateway, outside of it, or onto the balance."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from engine.card.balance import (
    BalanceCredited,
    BalanceDebited,
    BalancePaidOut,
    check_amount,
    pay_out_balance,
)
from engine.card.consent import AutoRenewSwitchedOff
from engine.card.ids import derived_id
from engine.card.payments import (
    Payment,
    Recall,
    debit_balance,
    find_payment,
    is_of_former_holder,
    less,
    unless_remembered,
)
from engine.card.refunds import Refund, Refundable, RefundRecorded, RefundStarted, to_give_back
from engine.card.undoing import TermUndone, undo_term
from engine.errors import Refused
from engine.money import Money


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
    with it, see `_made_by_hand`; so does with `ends_term` the term that the charge paid for. Raises Refused
    `unknown_attempt`, `amount_not_positive`, `wrong_currency`, `more_than_charged`, `not_what_is_owed`,
    `is_on_balance`, `another_holder`, `no_charge_named`, `more_than_balance`, and those of `undo_term`.
    """
    if attempt_id is None:
        if to == "balance" or ends_term:
            raise Refused("no_charge_named", "say which charge goes back", "attempt_id")
        return pay_out_balance(card, amount=amount, evidence=evidence, at=at)
    of_charge = (one for one in card.refunds if one.attempt_id == attempt_id)
    owed = next((one for one in of_charge if one.refused or one.case_opened), None)
    if owed is not None and to == "method" and not ends_term:
        return _made_by_hand(card, owed, amount, evidence, at)
    payment = find_payment(card, recall, attempt_id)
    _check_left(card, payment, amount)
    ended = _ended(card, payment, amount, at) if ends_term else ()
    if to == "method":
        _check_none_under_way(card, attempt_id)
        refunded = RefundRecorded(attempt_id=attempt_id, amount=amount, evidence=evidence, at=at)
        return refunded, *_debits(card, payment, amount, at), *ended
    if payment.top_up is not None:
        raise Refused("is_on_balance", "that charge went onto the balance already; give it back to the method", "to")
    if is_of_former_holder(card, payment):
        message = "the card has another holder since, whose balance it would go onto; give it back to the method"
        raise Refused("another_holder", message, "to")
    return BalanceCredited(amount=amount, reason="refund", about=attempt_id, evidence=evidence, at=at), *ended


def refund_charge(
    card: Refundable, recall: Recall, *, attempt_id: UUID, amount: Money | None, ends_term: bool, at: datetime
) -> tuple[RefundStarted | BalanceDebited | BalanceCredited | TermUndone | AutoRenewSwitchedOff, ...]:
    """Refund a charge by the gateway, all that is left of it where no amount is named, and maybe end its term.

    Raises Refused `unknown_attempt`, `amount_not_positive`, `wrong_currency`, `more_than_charged`,
    `refund_under_way`, `more_than_balance`, and those of `undo_term`.
    """
    payment = find_payment(card, recall, attempt_id)
    if amount is None and not payment.left:
        raise Refused("more_than_charged", "of that charge nothing is left to give back", "attempt_id")
    amount = amount or payment.amount.of(payment.left)
    _check_left(card, payment, amount)
    _check_none_under_way(card, attempt_id)
    started = RefundStarted(
        refund_id=derived_id(card.card_id, f"refund:{attempt_id}:{payment.refunded}"),
        attempt_id=attempt_id,
        gateway_ref=payment.gateway_ref,
        amount=amount,
        reason="operator",
        payment=unless_remembered(card, payment),
        at=at,
    )
    return started, *_debits(card, payment, amount, at), *(_ended(card, payment, amount, at) if ends_term else ())


def _check_left(card: Refundable, payment: Payment, amount: Money) -> None:
    """So much of the charge has to be left to give back."""
    check_amount(card, amount)
    if amount.minor > payment.left:
        message = f"of that charge {amount.of(payment.left)} is left to give back, not {amount}"
        raise Refused("more_than_charged", message, "amount.minor")


def _check_none_under_way(card: Refundable, attempt_id: UUID) -> None:
    """One refund of a charge is made after the other."""
    if any(one.attempt_id == attempt_id for one in card.refunds):
        raise Refused("refund_under_way", "a refund of that charge is not finished yet; see its history", "attempt_id")


def _ended(
    card: Refundable, payment: Payment, amount: Money, at: datetime
) -> tuple[TermUndone | BalanceCredited | BalanceDebited | AutoRenewSwitchedOff, ...]:
    return undo_term(card, attempt_id=payment.attempt_id, is_full=amount.minor == payment.left, at=at)


def _debits(card: Refundable, payment: Payment, amount: Money, at: datetime) -> tuple[BalanceDebited, ...]:
    """What leaves the balance with a refund to the method."""
    debits = debit_balance(card, payment, less(payment, refunded=amount.minor), "refund", at)
    if payment.top_up is not None:
        _check_not_paid_out(card, amount.minor - sum(one.amount.minor for one in debits))
    return debits


def _check_not_paid_out(card: Refundable, missing: int) -> None:
    """Of a top-up goes back what is on the balance or was spent; what was paid out went back already."""
    if min(missing, card.balance.paid_out):
        gone = Money(minor=missing, currency=card.custody.currency)
        message = f"{gone} of it is not on the balance any more, which was paid out"
        raise Refused("more_than_balance", message, "amount.minor")


def _made_by_hand(card: Refundable, owed: Refund, amount: Money, evidence: str, at: datetime) -> tuple[RefundRecorded]:
    """What is owed now in all, also 0; or the whole refund, if the gateway may have made it and is found to have."""
    due = to_give_back(card, owed)
    if amount.minor or due:
        check_amount(card, amount)
    whole = 0 if owed.refused else owed.amount.minor
    if amount.currency != card.custody.currency or amount.minor not in (due, whole or due):
        made = f", or {owed.amount} if the gateway has made the refund" if whole not in (0, due) else ""
        message = f"{owed.amount.of(due)} is to be given back{made}, not {amount}"
        raise Refused("not_what_is_owed", message, "amount.minor")
    about = {"attempt_id": owed.attempt_id, "refund_id": owed.refund_id}
    return (RefundRecorded(**about, amount=amount, evidence=evidence, at=at),)
