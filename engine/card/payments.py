"""Payments: charges that succeeded, as far as their money may still have to go back.

Over a card's life no decision of ours gives back more than was taken in: what was refunded, what the holder's bank
took, what is on the balance unspent, and what was paid out of it. What goes back is taken once, from wherever it is
now: from what the balance has free, from what is reserved, from what it paid for terms that may come back, or from a
refund that is not finished. Only the bank itself may take what went back already.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Protocol
from uuid import UUID

from msgspec.structs import replace

from engine.calendar import Instant, Term
from engine.card.attempt import (
    Attempts,
    ClosedAttempt,
    HasAttempts,
    OutcomeSource,
    attempt_ended,
    closed_attempt,
    open_attempt,
)
from engine.card.balance import (
    Balance,
    BalanceCredited,
    BalanceDebited,
    GoneBy,
    HasBalance,
    claw_back_from_terms,
    clawed_back_with,
)
from engine.card.custody import HasCustody
from engine.card.event import Event
from engine.errors import CorruptHistoryError, Refused
from engine.money import Money
from engine.value import Value

# Facts


class ChargeSucceeded(Event, kw_only=True):
    """The gateway took the money.

    `closed` is the attempt as it failed, where the card did not remember it any more.
    """

    attempt_id: UUID
    term_number: int
    amount: Money
    gateway_ref: str
    learned: OutcomeSource
    top_up: int | None = None
    from_balance: int = 0
    evidence: str | None = None
    closed: ClosedAttempt | None = None


# State


class Payment(Value):
    """A charge that succeeded; `refunded` and `disputed` count minor units that we and the holder's bank took back."""

    attempt_id: UUID
    term_number: int
    amount: Money
    method_id: str
    gateway_ref: str
    top_up: int | None = None
    refunded: int = 0
    disputed: int = 0
    credited: int = 0
    """The part of `refunded` that went onto the balance."""
    debited: int = 0
    """What left the balance with it."""
    instrument: str | None = None
    """What was charged: the payment card's fingerprint, or else the token."""
    refunded_by: tuple[UUID, ...] = ()
    """Refunds of it by the gateway that succeeded, and did not come back."""
    paid_at: Instant | None = None
    """None in facts that hold a payment from before this was kept."""
    goes_back: bool = False
    """It pays for no term and is not on the balance: whatever we have of it is the holder's."""

    @property
    def left(self) -> int:
        """Minor units that we still have of it."""
        return max(0, self.amount.minor - self.refunded - self.disputed)

    @property
    def excess(self) -> int:
        """Minor units that went back beyond what was charged."""
        return max(0, self.refunded + self.disputed - self.amount.minor)

    @property
    def back_twice(self) -> int:
        """Minor units that it brought onto the balance, and that went back another way as well."""
        if self.top_up is not None:
            return min(self.amount.minor, self.refunded + self.disputed)
        return min(self.credited, self.excess)


Payments = tuple[Payment, ...]
"""Those for terms that are not over, those that are to go back, and the last one."""


class HasPayments(Protocol):
    """A card with its payments."""

    @property
    def payments(self) -> Payments: ...


# Fold


def settled(attempts: Attempts, fact: ChargeSucceeded) -> Attempts:
    """The money came: for the open attempt, or late for one that was closed."""
    attempt = open_attempt(attempts, fact.attempt_id)
    if attempt is not None:
        return attempt_ended(attempts, attempt)
    return replace(attempts, closed=tuple(one for one in attempts.closed if one.attempt_id != fact.attempt_id))


def payment_of(attempts: Attempts, fact: ChargeSucceeded) -> Payment:
    """The payment that an attempt, open or closed before, became; raises CorruptHistoryError."""
    attempt = open_attempt(attempts, fact.attempt_id) or closed_attempt(attempts, fact.attempt_id) or fact.closed
    if attempt is None:
        raise CorruptHistoryError("an outcome without an attempt")
    return paid_with(fact, attempt.method_id, attempt.instrument)


def paid_with(fact: ChargeSucceeded, method_id: str, instrument: str | None) -> Payment:
    """The payment by that method."""
    return Payment(
        attempt_id=fact.attempt_id,
        term_number=fact.term_number,
        amount=fact.amount,
        method_id=method_id,
        gateway_ref=fact.gateway_ref,
        top_up=fact.top_up,
        instrument=instrument,
        paid_at=fact.at,
    )


def paid(payments: Payments, payment: Payment, term: Term, going_back: Collection[UUID]) -> Payments:
    """The new payment and those that may still have to go back; all others stand in the card's history."""
    kept = [
        one
        for one in payments
        if one.attempt_id in going_back or (one.top_up is None and one.term_number >= term.number)
    ]
    return (*kept, payment)


def recalled(payments: Payments, payment: Payment | None) -> Payments:
    """A charge that was forgotten is remembered again, since it goes back."""
    return payments if payment is None else (payment, *payments)


def unless_remembered(card: HasPayments, payment: Payment) -> Payment | None:
    """The charge, if the card does not remember it any more."""
    return None if any(one.attempt_id == payment.attempt_id for one in card.payments) else payment


def taken_back(
    payments: Payments, attempt_id: UUID, refunded: int = 0, disputed: int = 0, credited: int = 0
) -> Payments:
    """Of the payment so many minor units less are left; of what is refunded, `credited` went onto the balance."""
    return tuple(less(one, refunded, disputed, credited) if one.attempt_id == attempt_id else one for one in payments)


class _OfRefund(Protocol):
    @property
    def attempt_id(self) -> UUID: ...

    @property
    def refund_id(self) -> UUID: ...


def refund_arrived(payments: Payments, fact: _OfRefund) -> Payments:
    """A refund by the gateway succeeded."""
    return _refunded_by(payments, fact.attempt_id, lambda ids: (*ids, fact.refund_id))


def refund_came_back(payments: Payments, fact: _OfRefund) -> Payments:
    """A refund that had succeeded did not."""
    return _refunded_by(payments, fact.attempt_id, lambda ids: tuple(one for one in ids if one != fact.refund_id))


def _refunded_by(
    payments: Payments, attempt_id: UUID, change: Callable[[tuple[UUID, ...]], tuple[UUID, ...]]
) -> Payments:
    return tuple(
        replace(one, refunded_by=change(one.refunded_by)) if one.attempt_id == attempt_id else one for one in payments
    )


def debited(payments: Payments, attempt_id: UUID, minor: int) -> Payments:
    """So much of what the payment had brought onto the balance left it again; less than 0: it came back."""
    return tuple(replace(one, debited=one.debited + minor) if one.attempt_id == attempt_id else one for one in payments)


def going_back(payments: Payments, attempt_ids: Collection[UUID]) -> Payments:
    """Those charges pay for nothing any more."""
    return tuple(replace(one, goes_back=True) if one.attempt_id in attempt_ids else one for one in payments)


def credited(payments: Payments, fact: BalanceCredited) -> Payments:
    """A charge refunded onto the balance, or whose dispute was won, as far as it may still go back."""
    match fact:
        case BalanceCredited(reason="refund", about=UUID() as about, amount=amount):
            return taken_back(payments, about, refunded=amount.minor, credited=amount.minor)
        case BalanceCredited(reason="dispute_won", about=UUID() as about, amount=amount):
            return debited(payments, about, -amount.minor)
        case _:
            return payments


def less(payment: Payment, refunded: int = 0, disputed: int = 0, credited: int = 0) -> Payment:
    """The payment of which so many more minor units went back."""
    return replace(
        payment,
        refunded=payment.refunded + refunded,
        disputed=payment.disputed + disputed,
        credited=payment.credited + credited,
    )


# Decisions


class Debitable(HasBalance, HasAttempts, Protocol):
    """What leaves the balance with a charge reads of a card."""


def is_of_former_holder(card: HasCustody, payment: Payment) -> bool:
    """Whether the card has changed hands since: the balance on it is another holder's."""
    since, paid_at = card.custody.since, payment.paid_at
    return since is not None and paid_at is not None and paid_at < since


def debit_balance(
    card: Debitable, before: Payment, after: Payment, reason: GoneBy, at: datetime
) -> tuple[BalanceDebited, ...]:
    """What a charge brought onto the balance goes with it, each minor unit once, as far as it is still there.

    What an open attempt has reserved is still there. What paid for terms is clawed back from them: should a term be
    undone, the balance gets that much less.
    """
    wanted = after.back_twice - before.back_twice
    if wanted <= 0 or is_of_former_holder(card, after):
        return ()
    attempt = card.attempts.open
    reserved = attempt.from_balance if attempt is not None else 0
    minor, about = min(wanted, card.balance.minor + reserved), after.attempt_id
    spent = claw_back_from_terms(card, wanted - minor, reason, about, at)
    if not minor:
        return tuple(spent)
    amount = Money(minor=minor, currency=card.custody.currency)
    from_reserve = max(0, minor - card.balance.minor)
    left = BalanceDebited(amount=amount, reason=reason, about=about, from_reserve=from_reserve, at=at)
    return left, *spent


def not_covered(balance: Balance, payment: Payment) -> int:
    """Minor units that went back beyond what was charged, and that the balance could not make good.

    Of a top-up the balance gave up only what went back at first: more than was charged is covered by nothing.
    """
    if payment.top_up is not None:
        return payment.excess
    return max(0, payment.excess - payment.debited - clawed_back_with(balance, payment.attempt_id))


# Finding


Recall = Callable[[UUID], Payment | None]
"""Finds in a card's history a payment that the card itself does not remember any more."""


RecallClosed = Callable[[UUID], ClosedAttempt | None]
"""Finds in a card's history a failed attempt that the card itself does not remember any more."""


def none_recalled(_: UUID) -> None:
    """For an attempt that the card remembers."""


def find_payment(card: HasPayments, recall: Recall, attempt_id: UUID) -> Payment:
    """A charge that succeeded, however old; raises Refused `unknown_attempt`."""
    payment = next((one for one in card.payments if one.attempt_id == attempt_id), None) or recall(attempt_id)
    if payment is None:
        raise unknown_attempt(attempt_id)
    return payment


def unknown_attempt(attempt_id: UUID) -> Refused:
    """The refusal of an attempt that the card does not remember."""
    message = f"the card has no attempt {attempt_id} that took money; see its history"
    return Refused("unknown_attempt", message, "attempt_id")
