"""Refunds: money of a charge that goes back, by the engine's own refunds or by the operator."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from msgspec.structs import replace

from engine.calendar import Instant
from engine.card.attempt import Unknown
from engine.card.balance import (
    HasBalance,
)
from engine.card.deadlines import HasTerm
from engine.card.event import Event
from engine.card.ids import derived_id
from engine.card.payments import (
    Debitable,
    HasPayments,
    Payment,
    not_covered,
)
from engine.card.undoing import Undoable
from engine.money import Money
from engine.value import Value

RefundReason = Literal["late_success", "card_closed", "number_reclaimed", "term_not_covered", "dispute_won", "operator"]
"""Why a charge goes back; `term_not_covered`: what was reserved beside it had gone, so it paid for no term;
`dispute_won`: the holder's bank gave back what it had taken of a charge that pays for nothing."""


# Facts


class RefundStarted(Event, kw_only=True):
    """A charge took money that is not ours to keep; committed before the gateway hears of it.

    `refund_id` is the idempotency key. `payment` is the charge as it was, where the card did not remember it any more.
    """

    refund_id: UUID
    attempt_id: UUID
    gateway_ref: str
    amount: Money
    reason: RefundReason
    payment: Payment | None = None


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


class RefundPending(Event, kw_only=True):
    """The gateway accepted the refund, and will know later whether the money arrived; it is looked up once a day."""

    refund_id: UUID
    gateway_ref: str
    asked: int
    ask_again_at: Instant


class RefundReturned(Event, kw_only=True):
    """A refund that had succeeded came back to us; a person has to find another way.

    `payment`: as in RefundStarted.
    """

    refund_id: UUID
    attempt_id: UUID
    gateway_ref: str
    amount: Money
    code: str
    payment: Payment | None = None


class RefundFailed(Event, kw_only=True):
    """The gateway definitely did not give the money back; a person has to find another way."""

    refund_id: UUID
    attempt_id: UUID
    code: str


class RefundRecorded(Event, kw_only=True):
    """The operator gave money back outside of the gateway's port, as `evidence` shows.

    In the place of a refund that a person had to look into, `refund_id`, or in older facts that of the charge: what
    went back in all, 0 if nothing did or had to.
    """

    attempt_id: UUID
    amount: Money
    evidence: str
    refund_id: UUID | None = None


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
    pending_ref: str | None = None
    """The gateway's name for it, once it has said that its outcome comes later."""
    refused: bool = False
    """The gateway definitely did not give it back: a person has to."""
    case_opened: bool = False
    """A person knows of it."""


Refunds = tuple[Refund, ...]
"""Refunds under way."""


class HasRefunds(Protocol):
    """A card with its refunds."""

    @property
    def refunds(self) -> Refunds: ...


class Refunding(HasRefunds, HasPayments, HasBalance, Protocol):
    """What a refund under way reads of a card."""


class Refundable(Refunding, Debitable, Undoable, Protocol):
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
    return _changed(refunds, fact.refund_id, lambda one: replace(one, unknown=Unknown(fact.asked, fact.ask_again_at)))


def accepted(refunds: Refunds, fact: RefundPending) -> Refunds:
    """The refund is looked up later."""
    unknown = Unknown(fact.asked, fact.ask_again_at)
    return _changed(refunds, fact.refund_id, lambda one: replace(one, unknown=unknown, pending_ref=fact.gateway_ref))


def returned(refunds: Refunds, fact: RefundReturned) -> Refunds:
    """A person has to give it back another way."""
    back = Refund(fact.refund_id, fact.attempt_id, fact.gateway_ref, fact.amount, fact.at, refused=True)
    return (*refunds, replace(back, case_opened=True))


def refused(refunds: Refunds, fact: RefundFailed) -> Refunds:
    """A person has to give it back."""
    return _changed(refunds, fact.refund_id, lambda one: replace(one, refused=True, case_opened=True))


def case_opened(refunds: Refunds, refund_id: UUID) -> Refunds:
    """A person looks into the refund too."""
    return _changed(refunds, refund_id, lambda one: replace(one, case_opened=True))


def replaced(refunds: Refunds, fact: RefundRecorded) -> Refunds:
    """The operator gave back what the gateway could not; the rest is owed if the holder's bank gives back its part."""
    meant = tuple(
        one for one in refunds if fact.refund_id in (None, one.refund_id) and one.attempt_id == fact.attempt_id
    )
    rest = (
        replace(one, amount=one.amount - fact.amount, unknown=None, refused=True, case_opened=False)
        for one in meant
        if one.amount.minor > fact.amount.minor
    )
    return (*(one for one in refunds if one not in meant), *rest)


def _changed(refunds: Refunds, refund_id: UUID, change: Callable[[Refund], Refund]) -> Refunds:
    return tuple(change(one) if one.refund_id == refund_id else one for one in refunds)


# What is owed


def to_give_back(card: Refunding, refund: Refund) -> int:
    """Minor units of the refund that the holder is owed still: not what the holder's bank has taken meanwhile."""
    payment = next((one for one in card.payments if one.attempt_id == refund.attempt_id), None)
    taken = not_covered(card.balance, payment) if payment is not None else 0
    return max(0, refund.amount.minor - taken)


def refund_id_of(card_id: UUID, attempt_id: UUID) -> UUID:
    """The first refund by the gateway that we start of a charge."""
    return derived_id(card_id, f"refund:{attempt_id}")


def refund_started(card: HasTerm, payment: Payment, reason: RefundReason, at: datetime) -> RefundStarted:
    """The intent to give back what is left of a charge."""
    attempt_id, again = payment.attempt_id, f":{payment.refunded}" if reason == "dispute_won" else ""
    return RefundStarted(
        refund_id=derived_id(card.card_id, f"refund:{attempt_id}{again}"),
        attempt_id=payment.attempt_id,
        gateway_ref=payment.gateway_ref,
        amount=Money(minor=payment.left, currency=payment.amount.currency),
        reason=reason,
        at=at,
    )
