"""The public messages: what other systems may rely on, apart from how facts are stored.

Subjects are `baohao.events.<type>`; the body is JSON of `PublicEvent`. `position` grows with each message, and
`event_id` stays the same when a message is sent again, so that a reader can skip what it has seen.

After the log was restored from a backup its positions are given again, in a new `epoch`. It begins with a message
`epoch_started.v1`: what earlier epochs said of facts after its `position` is no longer in the log, unless it is said
again. `(epoch, position)` always grows.
No personal data, no card data, no decline codes that a holder must not learn.
"""

from datetime import date, datetime
from typing import Annotated, Literal, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny

from engine.card import facts
from engine.envelope import Fact, Recorded, names_of
from engine.money import Money
from engine.operations import OperationsFact

EVENTS_STREAM, EVENTS_SUBJECT = "BAOHAO_EVENTS", "baohao.events"


Fee = Annotated[Money | None, Field(default=None, exclude_if=lambda fee: fee is None)]
"""What comes on top of a price if the service is off by then; a message without a fee has no such field."""


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CardRegistered(_Message):
    """A card was registered."""

    plan: str
    currency: str
    zone: str
    starts_on: date
    ends_on: date


class PaymentMethodBound(_Message):
    """The holder added a payment method."""

    method_id: str
    kind: str


class AutoRenewEnabled(_Message):
    """Further terms will be bought."""

    months: int
    price: Money
    reactivation_fee: Fee


class PeriodChanged(_Message):
    """Terms of another length will be bought from the next one on."""

    months: int
    price: Money
    reactivation_fee: Fee


class PriceChangeAnnounced(_Message):
    """Terms that open on or after `applies_from` cost another price."""

    months: int
    price: Money
    applies_from: date
    reactivation_fee: Fee


class AutoRenewSwitchedOff(_Message):
    """Further terms will not be bought."""

    reason: str


class ChargeSucceeded(_Message):
    """Money was taken for a term, or for the balance if `top_up` numbers one."""

    attempt_id: UUID
    term_number: int
    amount: Money
    top_up: int | None = None


class ChargeRefunded(_Message):
    """Money of a charge was refunded, through the gateway or by the operator."""

    attempt_id: UUID
    amount: Money


class ChargeFailed(_Message):
    """Money was definitely not taken; `next` is the consequence."""

    attempt_id: UUID
    term_number: int
    next: str
    top_up: int | None = None


class CardRenewed(_Message):
    """The next term is paid; what was charged for it, a reactivation fee included, is in `ChargeSucceeded`."""

    term_number: int
    starts_on: date
    ends_on: date
    months: int
    price: Money


class TermUndone(_Message):
    """A paid term that had not begun ended, since its charge went back; the card is paid until `ends_on`."""

    term_number: int
    ends_on: date


class CardGraceStarted(_Message):
    """The term ended unpaid; service goes on until `suspends_on`."""

    suspends_on: date


class CardSuspended(_Message):
    """Service is off; the number is kept until `reclaimed_on`."""

    reclaimed_on: date


class BalanceCredited(_Message):
    """Money was credited to the balance: a top-up, a refund of a charge, or a reservation released."""

    amount: Money
    reason: str


class CardHeld(_Message):
    """Nothing is charged, suspended or reclaimed until the card is released."""

    by: str


class CardReleased(_Message):
    """The hold was lifted."""


class CardReclaimed(_Message):
    """The carrier took the number back; nobody else gets it before `quarantined_until`."""

    quarantined_until: date


class CardClosed(_Message):
    """The holder gave the card up."""


class CardReinstated(_Message):
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
    "balance_credited.v1",
]


class PublicEvent(_Message):
    """One message on the events stream."""

    event_id: UUID
    epoch: int
    position: int
    type: EventType
    card_id: UUID
    card_version: int
    at: datetime
    data: SerializeAsAny[_Message]


class EpochStarted(_Message):
    """The first message of an epoch, on the subject `baohao.events.epoch_started.v1`."""

    event_id: UUID
    epoch: int
    position: int
    """What follows are the facts after it."""
    type: Literal["epoch_started.v1"] = "epoch_started.v1"
    at: datetime


InternalFact = (
    OperationsFact
    | facts.ZoneChanged
    | facts.PaymentMethodsOrdered
    | facts.RenewalRequested
    | facts.RenewalRequestEnded
    | facts.RenewalStarted
    | facts.ChargingBlocked
    | facts.DeadlinesMoved
    | facts.ReminderDue
    | facts.Deferred
    | facts.Replanned
    | facts.PaymentMethodUpdated
    | facts.PaymentMethodRemoved
    | facts.ChargeAttempted
    | facts.ChargeWithheld
    | facts.ChargeOutcomeUnknown
    | facts.CaseOpened
    | facts.NumberConfirmed
    | facts.AutoTopUpSet
    | facts.TopUpStarted
    | facts.TopUpFailed
    | facts.AutoTopUpStopped
    | facts.BalanceDebited
    | facts.BalancePaidOut
    | facts.RefundStarted
    | facts.RefundOutcomeUnknown
    | facts.RefundFailed
    | facts.DisputeRecorded
    | facts.DisputeWon
)
"""The facts that are not published."""

INTERNAL_FACTS = tuple(name for kind in get_args(InternalFact) for name in names_of(kind))
"""Stored names of the facts that are not published: the publisher reads all others from the log."""


def public_event(recorded: Recorded, epoch: int = 1) -> PublicEvent | None:
    """The public message of a fact in an epoch of the stream; None for internal facts."""
    message = _message(recorded.fact)
    if message is None:
        return None
    kind, data = message
    return PublicEvent.model_construct(
        event_id=recorded.event_id,
        epoch=epoch,
        position=recorded.position,
        type=kind,
        card_id=recorded.card_id,
        card_version=recorded.version,
        at=recorded.fact.at,
        data=data,
    )


def _message(fact: Fact) -> tuple[EventType, _Message] | None:  # noqa: C901, PLR0911, PLR0912 (one case per fact)
    """The frequent ones first, and without validating again what the engine has built."""
    match fact:
        case facts.ChargeSucceeded(attempt_id=attempt_id, term_number=number, amount=amount, top_up=top_up):
            return "charge_succeeded.v1", ChargeSucceeded.model_construct(
                attempt_id=attempt_id, term_number=number, amount=amount, top_up=top_up
            )
        case facts.CardRenewed(term=term, months=months, price=price):
            return "card_renewed.v1", CardRenewed.model_construct(
                term_number=term.number, starts_on=term.starts_on, ends_on=term.ends_on, months=months, price=price
            )
        case facts.TermUndone(undone_number=number, term=term):
            return "term_undone.v1", TermUndone(term_number=number, ends_on=term.ends_on)
        case facts.ChargeFailed(attempt_id=attempt_id, term_number=number, consequence=consequence, top_up=top_up):
            return "charge_failed.v1", ChargeFailed(
                attempt_id=attempt_id, term_number=number, next=consequence.value, top_up=top_up
            )
        case facts.PaymentMethodBound(method=method):
            return "payment_method_bound.v1", PaymentMethodBound(method_id=method.method_id, kind=method.kind)
        case facts.PriceChangeAnnounced(months=months, price=price, applies_from=day, reactivation_fee=fee):
            return "price_change_announced.v1", PriceChangeAnnounced(
                months=months, price=price, applies_from=day, reactivation_fee=fee
            )
        case facts.BalanceCredited(amount=amount, reason=reason):
            return "balance_credited.v1", BalanceCredited(amount=amount, reason=reason)
        case facts.AutoRenewEnabled(months=months, price=price, reactivation_fee=fee):
            return "auto_renew_enabled.v1", AutoRenewEnabled(months=months, price=price, reactivation_fee=fee)
        case facts.PeriodChanged(months=months, price=price, reactivation_fee=fee):
            return "period_changed.v1", PeriodChanged(months=months, price=price, reactivation_fee=fee)
        case facts.AutoRenewSwitchedOff(reason=reason):
            return "auto_renew_switched_off.v1", AutoRenewSwitchedOff(reason=reason)
        case facts.CardRegistered(plan=plan, currency=currency, zone=zone, term=term):
            return "card_registered.v1", CardRegistered(
                plan=plan, currency=currency, zone=zone, starts_on=term.starts_on, ends_on=term.ends_on
            )
        case facts.GraceStarted(suspends_on=day):
            return "card_grace_started.v1", CardGraceStarted(suspends_on=day)
        case facts.Suspended(reclaimed_on=day):
            return "card_suspended.v1", CardSuspended(reclaimed_on=day)
        case facts.Reinstated(term_number=number):
            return "card_reinstated.v1", CardReinstated(term_number=number)
        case facts.NumberReclaimed(quarantined_until=day):
            return "card_reclaimed.v1", CardReclaimed(quarantined_until=day)
        case facts.CardClosed():
            return "card_closed.v1", CardClosed()
        case facts.CardHeld(by=by):
            return "card_held.v1", CardHeld(by=by)
        case facts.CardReleased():
            return "card_released.v1", CardReleased()
        case facts.RefundSucceeded() | facts.RefundRecorded():
            return "charge_refunded.v1", ChargeRefunded(attempt_id=fact.attempt_id, amount=fact.amount)
        case _:
            return _not_public(fact)


def _not_public(_: InternalFact) -> None:
    """No message; a new kind of fact fails the type check here until somebody decides whether it is public."""
