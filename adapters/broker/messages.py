"""The shapes of the public messages; contract.py says which fact becomes which."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny

from engine.money import Money

Fee = Annotated[Money | None, Field(default=None, exclude_if=lambda fee: fee is None)]
"""What comes on top of a price if the service is off by then; a message without a fee has no such field."""


class Message(BaseModel):
    """What all messages have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CardRegistered(Message):
    """A card was registered."""

    plan: str
    currency: str
    zone: str
    starts_on: date
    ends_on: date


class PaymentMethodBound(Message):
    """The holder added a payment method."""

    method_id: str
    kind: str


class AutoRenewEnabled(Message):
    """Further terms will be bought."""

    months: int
    price: Money
    reactivation_fee: Fee


class PeriodChanged(Message):
    """Terms of another length will be bought from the next one on."""

    months: int
    price: Money
    reactivation_fee: Fee


class PriceChangeAnnounced(Message):
    """Terms that open on or after `applies_from` cost another price."""

    months: int
    price: Money
    applies_from: date
    reactivation_fee: Fee


class AutoRenewSwitchedOff(Message):
    """Further terms will not be bought."""

    reason: str


class ChargeSucceeded(Message):
    """Money was taken for a term, or for the balance if `top_up` numbers one."""

    attempt_id: UUID
    term_number: int
    amount: Money
    top_up: int | None = None


class ChargeRefunded(Message):
    """Money of a charge was refunded, through the gateway or by the operator."""

    attempt_id: UUID
    amount: Money


class RefundReturned(Message):
    """A refund by the gateway came back after it had succeeded; a person finds another way."""

    attempt_id: UUID
    amount: Money


class ChargeFailed(Message):
    """Money was definitely not taken; `next` is the consequence."""

    attempt_id: UUID
    term_number: int
    next: str
    top_up: int | None = None


class CardRenewed(Message):
    """The next term is paid; what was charged for it, a reactivation fee included, is in `ChargeSucceeded`."""

    term_number: int
    starts_on: date
    ends_on: date
    months: int
    price: Money


class TermUndone(Message):
    """A paid term that had not begun ended, since its charge went back; the card is paid until `ends_on`."""

    term_number: int
    ends_on: date


class CardGraceStarted(Message):
    """The term ended unpaid; service goes on until `suspends_on`."""

    suspends_on: date


class CardSuspended(Message):
    """Service is off; the number is kept until `reclaimed_on`."""

    reclaimed_on: date


class BalanceCredited(Message):
    """Money was credited to the balance: a top-up, a refund of a charge, or a reservation released."""

    amount: Money
    reason: str


class CardHeld(Message):
    """Nothing is charged, suspended or reclaimed until the card is released."""

    by: str


class CardReleased(Message):
    """The hold was lifted."""


class CardReclaimed(Message):
    """The carrier took the number back; nobody else gets it before `quarantined_until`."""

    quarantined_until: date


class CardClosed(Message):
    """The holder gave the card up."""


class CardReinstated(Message):
    """Service is on again."""

    term_number: int


EventType = Literal[
    "card_registered.v1",
    "payment_method_bound.v1",
    "auto_renew_enabled.v1",
    "auto_renew_switched_off.v1",
    "period_changed.v1",
    "price_change_announced.v1",
    "charge_succeeded.v1",
    "charge_failed.v1",
    "card_renewed.v1",
    "term_undone.v1",
    "card_grace_started.v1",
    "card_suspended.v1",
    "card_reinstated.v1",
    "card_reclaimed.v1",
    "card_closed.v1",
    "card_held.v1",
    "card_released.v1",
    "charge_refunded.v1",
    "refund_returned.v1",
    "balance_credited.v1",
]


class PublicEvent(Message):
    """One message on the events stream."""

    event_id: UUID
    epoch: int
    position: int
    type: EventType
    card_id: UUID
    card_version: int
    at: datetime
    data: SerializeAsAny[Message]


class EpochStarted(Message):
    """The first message of an epoch, on the subject `baohao.events.epoch_started.v1`."""

    event_id: UUID
    epoch: int
    position: int
    """What follows are the facts after it."""
    type: Literal["epoch_started.v1"] = "epoch_started.v1"
    at: datetime
