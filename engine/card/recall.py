"""A charge recalled from a card's whole history, however old, with what went back of it."""

from collections.abc import Iterable
from uuid import UUID

from engine.card.attempt import ChargeAttempted
from engine.card.balance import BalanceCredited
from engine.card.disputes import DisputeRecorded
from engine.card.event import Event
from engine.card.payments import ChargeSucceeded, Payment, less, paid_with
from engine.card.refunds import RefundRecorded, RefundStarted, RefundSucceeded


def charge_in(facts: Iterable[Event], attempt_id: UUID) -> Payment | None:
    """The charge of an attempt as a whole history shows it; None if it never succeeded."""
    about = [fact for fact in facts if attempt_id in (getattr(fact, "attempt_id", None), getattr(fact, "about", None))]
    method_id = next((fact.method_id for fact in about if isinstance(fact, ChargeAttempted)), "")
    paid = next((fact for fact in about if isinstance(fact, ChargeSucceeded)), None)
    if paid is None:
        return None
    disputed = sum(fact.amount.minor for fact in about if isinstance(fact, DisputeRecorded))
    credited = sum(one.amount.minor for one in about if isinstance(one, BalanceCredited) and one.reason == "refund")
    payment = paid_with(paid, method_id)
    return less(payment, refunded=_refunded(about), disputed=disputed, credited=credited)


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
