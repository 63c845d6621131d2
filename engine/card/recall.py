"""What a card itself does not remember: charges and failed attempts in its whole history, however old."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from engine.card.attempt import ChargeAttempted, ClosedAttempt
from engine.card.balance import BalanceCredited, BalanceDebited
from engine.card.decline import ChargeFailed
from engine.card.disputes import DisputeRecorded, DisputeWon
from engine.card.event import Event
from engine.card.facts import CardFact
from engine.card.gap import ChargeFound
from engine.card.payments import (
    ChargeSucceeded,
    Payment,
    Recall,
    RecallClosed,
    less,
    paid_with,
    refund_arrived,
    refund_came_back,
)
from engine.card.refunds import RefundRecorded, RefundReturned, RefundStarted, RefundSucceeded
from engine.card.undoing import TermUndone


class Past(NamedTuple):
    """The history of one card, read when it is asked for."""

    charge: Recall
    failed: RecallClosed
    facts: Callable[[], Sequence[CardFact]]
    """All of them, oldest first."""


def charge_in(facts: Iterable[Event], attempt_id: UUID) -> Payment | None:
    """The charge of an attempt as a whole history shows it; None if it never succeeded."""
    about = [fact for fact in facts if attempt_id in (getattr(fact, "attempt_id", None), getattr(fact, "about", None))]
    attempted = next((fact for fact in about if isinstance(fact, ChargeAttempted | ChargeFound)), None)
    paid = next((fact for fact in about if isinstance(fact, ChargeSucceeded)), None)
    if attempted is None or paid is None:
        return None
    payment = paid_with(paid, attempted.method_id, attempted.fingerprint or attempted.token)
    for fact in about:
        payment = _after(payment, fact)
    return less(payment, refunded=_given_back(about))


def failed_in(facts: Iterable[Event], attempt_id: UUID) -> ClosedAttempt | None:
    """The attempt as it failed, as a whole history shows it; None if it did not, or succeeded after all."""
    about = [fact for fact in facts if getattr(fact, "attempt_id", None) == attempt_id]
    attempted = next((fact for fact in about if isinstance(fact, ChargeAttempted)), None)
    failed = next((fact for fact in about if isinstance(fact, ChargeFailed)), None)
    if attempted is None or failed is None or any(isinstance(fact, ChargeSucceeded) for fact in about):
        return None
    return ClosedAttempt(
        attempt_id,
        failed.term_number,
        attempted.amount,
        attempted.method_id,
        attempted.top_up,
        attempted.fingerprint or attempted.token,
        failed.happened,
    )


def _after(payment: Payment, fact: Event) -> Payment:
    match fact:
        case DisputeRecorded():
            return less(payment, disputed=fact.amount.minor)
        case DisputeWon():
            return less(payment, disputed=-fact.amount.minor)
        case BalanceCredited(reason="refund"):
            return less(payment, refunded=fact.amount.minor, credited=fact.amount.minor)
        case BalanceCredited(reason="dispute_won"):
            return replace(payment, debited=payment.debited - fact.amount.minor)
        case BalanceDebited(of_term=None):
            return replace(payment, debited=payment.debited + fact.amount.minor)
        case RefundStarted(reason=reason):
            return payment if reason == "operator" else replace(payment, goes_back=True)
        case TermUndone():
            return replace(payment, goes_back=True)
        case RefundSucceeded():
            return refund_arrived((payment,), fact)[0]
        case RefundReturned():
            return refund_came_back((payment,), fact)[0]
        case _:
            return payment


def _given_back(about: Iterable[Event]) -> int:
    """What went back to the method by us, in minor units."""
    minor = 0
    unfinished: dict[UUID, int] = {}
    for fact in about:
        match fact:
            case RefundRecorded(amount=amount) if unfinished:  # in the place of one that the gateway could not make
                refund_id = fact.refund_id or next(iter(unfinished))
                unfinished[refund_id] -= amount.minor
                if unfinished[refund_id] <= 0:
                    del unfinished[refund_id]
            case RefundStarted(refund_id=refund_id, amount=amount):
                minor += amount.minor
                unfinished[refund_id] = amount.minor
            case RefundRecorded(amount=amount):
                minor += amount.minor
            case RefundSucceeded(refund_id=refund_id):
                unfinished.pop(refund_id, None)
            case RefundReturned(refund_id=refund_id, amount=amount):
                unfinished[refund_id] = amount.minor
            case _:
                pass
    return minor
