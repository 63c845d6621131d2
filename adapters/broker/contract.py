"""The public messages: what other systems may rely on, apart from how facts are stored.

Subjects are `baohao.events.<type>`; the body is JSON of `PublicEvent`. `position` grows with each message, and
`event_id` stays the same when a message is sent again, so that a reader can pass over what it has seen.
No personal data, no card data, no decline codes that a holder must not learn.
"""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, SerializeAsAny

from engine.card import events
from engine.money import Money
from engine.store import Recorded

EVENTS_STREAM, EVENTS_SUBJECT = "BAOHAO_EVENTS", "baohao.events"
DUE_STREAM, DUE_SUBJECT = "BAOHAO_DUE", "baohao.due"


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CardDue(_Message):
    """Between scheduler and consumer: look at this card. What to do is decided from the card's own facts."""

    card_id: UUID


class CardRegistered(_Message):
    """A card is in our care."""

    plan: str
    currency: str
    zone: str
    starts_on: date
    ends_on: date


class PaymentMethodBound(_Message):
    """The holder added a way to pay."""

    method_id: str
    kind: str


class AutoRenewEnabled(_Message):
    """Further terms will be bought."""

    months: int
    price: Money


class AutoRenewSwitchedOff(_Message):
    """Further terms will not be bought."""

    reason: str


class ChargeSucceeded(_Message):
    """Money was taken for a term."""

    attempt_id: UUID
    term_number: int
    amount: Money


class ChargeFailed(_Message):
    """Money was definitely not taken; `next` is what may be done about it."""

    attempt_id: UUID
    term_number: int
    next: str


class CardRenewed(_Message):
    """The next term is paid."""

    term_number: int
    starts_on: date
    ends_on: date
    months: int
    price: Money


class CardGraceStarted(_Message):
    """The term ended unpaid; service goes on until `suspends_on`."""

    suspends_on: date


class CardSuspended(_Message):
    """Service is off; the number is kept until `reclaimed_on`."""

    reclaimed_on: date


class CardReinstated(_Message):
    """Service is on again."""

    term_number: int


EventType = Literal[
    "card_registered.v1",
    "payment_method_bound.v1",
    "auto_renew_enabled.v1",
    "auto_renew_switched_off.v1",
    "charge_succeeded.v1",
    "charge_failed.v1",
    "card_renewed.v1",
    "card_grace_started.v1",
    "card_suspended.v1",
    "card_reinstated.v1",
]


class PublicEvent(_Message):
    """One message on the events stream."""

    event_id: UUID
    position: int
    type: EventType
    card_id: UUID
    card_version: int
    at: datetime
    data: SerializeAsAny[_Message]


def public_event(recorded: Recorded) -> PublicEvent | None:
    """The message that tells other systems of a fact; None for facts that are our own affair."""
    told = _told(recorded.fact)
    if told is None:
        return None
    kind, data = told
    return PublicEvent.model_construct(
        event_id=recorded.event_id,
        position=recorded.position,
        type=kind,
        card_id=recorded.card_id,
        card_version=recorded.version,
        at=recorded.fact.at,
        data=data,
    )


def _told(fact: events.Event) -> tuple[EventType, _Message] | None:  # noqa: C901, PLR0911 (one case per message)
    match fact:
        case events.ChargeSucceeded(attempt_id=attempt_id, term_number=number, amount=amount):
            data: Any = ChargeSucceeded.model_construct(attempt_id=attempt_id, term_number=number, amount=amount)
            return "charge_succeeded.v1", data
        case events.CardRenewed(term=term, months=months, price=price):
            return "card_renewed.v1", CardRenewed.model_construct(
                term_number=term.number,
                starts_on=term.starts_on,
                ends_on=term.ends_on,
                months=months,
                price=price,
            )
        case events.ChargeFailed(attempt_id=attempt_id, term_number=number, consequence=consequence):
            return "charge_failed.v1", ChargeFailed(attempt_id=attempt_id, term_number=number, next=consequence.value)
        case events.CardRegistered(plan=plan, currency=currency, zone=zone, term=term):
            return "card_registered.v1", CardRegistered(
                plan=plan, currency=currency, zone=zone, starts_on=term.starts_on, ends_on=term.ends_on
            )
        case events.PaymentMethodBound(method=method):
            return "payment_method_bound.v1", PaymentMethodBound(method_id=method.method_id, kind=method.kind)
        case events.AutoRenewEnabled(months=months, price=price):
            return "auto_renew_enabled.v1", AutoRenewEnabled(months=months, price=price)
        case events.AutoRenewSwitchedOff(reason=reason):
            return "auto_renew_switched_off.v1", AutoRenewSwitchedOff(reason=reason)
        case events.GraceStarted(suspends_on=suspends_on):
            return "card_grace_started.v1", CardGraceStarted(suspends_on=suspends_on)
        case events.Suspended(reclaimed_on=reclaimed_on):
            return "card_suspended.v1", CardSuspended(reclaimed_on=reclaimed_on)
        case events.Reinstated(term_number=number):
            return "card_reinstated.v1", CardReinstated(term_number=number)
        case _:
            return None
