"""A card's money counted from the outside: what the gateway moved, what the bank took, what is on the balance."""

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from engine.card.attempt import ChargeAttempted
from engine.card.balance import BalanceCredited, BalanceDebited, BalancePaidOut
from engine.card.decline import ChargeFailed
from engine.card.disputes import DisputeRecorded, DisputeWon
from engine.card.event import Event
from engine.card.payments import ChargeSucceeded
from engine.card.refunds import RefundRecorded
from engine.card.term import CardRenewed


class Ledger(NamedTuple):
    """What has happened to the money, in minor units."""

    taken: Mapping[UUID, int] = {}
    """By each charge."""
    given: Mapping[UUID, int] = {}
    """Of each charge to its method: by the gateway, also where it did not say so, or by hand."""
    disputed: Mapping[UUID, int] = {}
    by_gateway: frozenset[UUID] = frozenset()
    """The refunds that the gateway has made."""
    paid_out: int = 0
    balance: int = 0
    reserved: int = 0
    lost: int = 0
    """What the bank took though it had gone back: nobody can help that."""

    def plus(self, what: str, attempt_id: UUID, minor: int) -> "Ledger":
        before = getattr(self, what)
        return self._replace(**{what: {**before, attempt_id: before.get(attempt_id, 0) + minor}})

    @property
    def beyond(self) -> int:
        """What went back or is owed beyond what was taken; less than 0: what we earned."""
        gone = sum(self.given.values()) + sum(self.disputed.values()) + self.paid_out
        return gone + self.balance + self.reserved - sum(self.taken.values())

    def twice(self, attempt_id: UUID) -> int:
        """What went back of a charge more than it took."""
        gone = self.given.get(attempt_id, 0) + self.disputed.get(attempt_id, 0)
        return max(0, gone - self.taken[attempt_id])

    def by_bank(self, attempt_id: UUID, minor: int) -> "Ledger":
        after = self.plus("disputed", attempt_id, minor)
        return after._replace(lost=self.lost + after.twice(attempt_id) - self.twice(attempt_id))


def booked(ledger: Ledger, fact: Event, *, is_known: bool) -> Ledger:  # noqa: C901, PLR0911, PLR0912 (one case per fact)
    """The ledger after one more fact; `is_known`: what it says of a refund is counted already."""
    match fact:
        case ChargeSucceeded():
            return ledger.plus("taken", fact.attempt_id, fact.amount.minor)
        case ChargeAttempted(from_balance=minor):
            return ledger._replace(balance=ledger.balance - minor, reserved=ledger.reserved + minor)
        case ChargeFailed(top_up=None):
            return ledger._replace(balance=ledger.balance + ledger.reserved, reserved=0)
        case CardRenewed(from_balance=minor, attempt_id=None):
            return ledger._replace(balance=ledger.balance - minor)
        case CardRenewed(from_balance=minor):
            return ledger._replace(reserved=ledger.reserved - minor)
        case BalanceCredited(reason="released", about=UUID()):
            return ledger._replace(balance=ledger.balance + fact.amount.minor, reserved=0)
        case BalanceCredited():
            return ledger._replace(balance=ledger.balance + fact.amount.minor)
        case BalanceDebited(of_term=None):
            minor = fact.amount.minor - fact.from_reserve
            return ledger._replace(balance=ledger.balance - minor, reserved=ledger.reserved - fact.from_reserve)
        case BalancePaidOut(amount=amount):
            return ledger._replace(balance=ledger.balance - amount.minor, paid_out=ledger.paid_out + amount.minor)
        case RefundRecorded() if not is_known:
            return ledger.plus("given", fact.attempt_id, fact.amount.minor)
        case DisputeRecorded():
            return ledger.by_bank(fact.attempt_id, fact.amount.minor)
        case DisputeWon():
            return ledger.by_bank(fact.attempt_id, -fact.amount.minor)
        case _:
            return ledger
