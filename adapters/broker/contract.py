"""The public messages: what other systems may rely on, apart from how facts are stored.

Subjects are `baohao.events.<type>`; the body is JSON of `PublicEvent`. `position` grows with each message, and
`event_id` stays the same when a message is sent again, so that a reader can pass over what it has seen.
No personal data, no card data, no decline codes that a holder must not learn.
"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, SerializeAsAny

from engine.card import facts
from engine.card.event import Event
from engine.envelope import NAME_OF, Recorded
from engine.money import Money

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


class PeriodChanged(_Message):
    """Terms of another length will be bought from the next one on."""

    months: int
    price: Money


class PriceChangeAnnounced(_Message):
    """Terms that open on or after `applies_from` cost another price."""

    months: int
    price: Money
    applies_from: date


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
    """Money of a charge was given back, through the gateway or by the operator."""

    attempt_id: UUID
    amount: Money


class ChargeFailed(_Message):
    """Money was definitely not taken; `next` is what may be done about it."""

    attempt_id: UUID
    term_number: int
    next: str
    top_up: int | None = None


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


class BalanceCredited(_Message):
    """Money came onto the balance: paid in, given back for a charge, or no longer needed for a term."""

    amount: Money
    reason: str


class CardHeld(_Message):
    """Nothing is charged, suspended or given up until the card is released."""

    by: str


class CardReleased(_Message):
    """The card is looked after again."""


class CardReclaimed(_Message):
    """The carrier took the number; nobody else gets it before `quarantined_until`."""

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
    position: int
    type: EventType
    card_id: UUID
    card_version: int
    at: datetime
    data: SerializeAsAny[_Message]


def public_event(recorded: Recorded) -> PublicEvent | None:
    """The message that tells other systems of a fact; None for facts that are our own affair."""
    told = _TOLD.get(type(recorded.fact))
    if told is None:
        return None
    kind, data_of = told
    return PublicEvent.model_construct(
        event_id=recorded.event_id,
        position=recorded.position,
        type=kind,
        card_id=recorded.card_id,
        card_version=recorded.version,
        at=recorded.fact.at,
        data=data_of(recorded.fact),
    )


def _charge_succeeded(fact: facts.ChargeSucceeded) -> _Message:
    return ChargeSucceeded.model_construct(
        attempt_id=fact.attempt_id, term_number=fact.term_number, amount=fact.amount, top_up=fact.top_up
    )


def _card_renewed(fact: facts.CardRenewed) -> _Message:
    return CardRenewed.model_construct(
        term_number=fact.term.number,
        starts_on=fact.term.starts_on,
        ends_on=fact.term.ends_on,
        months=fact.months,
        price=fact.price,
    )


def _charge_failed(fact: facts.ChargeFailed) -> _Message:
    return ChargeFailed(
        attempt_id=fact.attempt_id, term_number=fact.term_number, next=fact.consequence.value, top_up=fact.top_up
    )


def _charge_refunded(fact: facts.RefundSucceeded | facts.RefundRecorded) -> _Message:
    return ChargeRefunded(attempt_id=fact.attempt_id, amount=fact.amount)


def _card_registered(fact: facts.CardRegistered) -> _Message:
    return CardRegistered(
        plan=fact.plan,
        currency=fact.currency,
        zone=fact.zone,
        starts_on=fact.term.starts_on,
        ends_on=fact.term.ends_on,
    )


def _payment_method_bound(fact: facts.PaymentMethodBound) -> _Message:
    return PaymentMethodBound(method_id=fact.method.method_id, kind=fact.method.kind)


_TOLD: dict[type[Event], tuple[EventType, Callable[[Any], _Message]]] = {
    facts.CardRegistered: ("card_registered.v1", _card_registered),
    facts.PaymentMethodBound: ("payment_method_bound.v1", _payment_method_bound),
    facts.AutoRenewEnabled: (
        "auto_renew_enabled.v1",
        lambda fact: AutoRenewEnabled(months=fact.months, price=fact.price),
    ),
    facts.AutoRenewSwitchedOff: (
        "auto_renew_switched_off.v1",
        lambda fact: AutoRenewSwitchedOff(reason=fact.reason),
    ),
    facts.ChargeSucceeded: ("charge_succeeded.v1", _charge_succeeded),
    facts.ChargeFailed: ("charge_failed.v1", _charge_failed),
    facts.CardRenewed: ("card_renewed.v1", _card_renewed),
    facts.GraceStarted: ("card_grace_started.v1", lambda fact: CardGraceStarted(suspends_on=fact.suspends_on)),
    facts.Suspended: ("card_suspended.v1", lambda fact: CardSuspended(reclaimed_on=fact.reclaimed_on)),
    facts.PeriodChanged: ("period_changed.v1", lambda fact: PeriodChanged(months=fact.months, price=fact.price)),
    facts.PriceChangeAnnounced: (
        "price_change_announced.v1",
        lambda fact: PriceChangeAnnounced(months=fact.months, price=fact.price, applies_from=fact.applies_from),
    ),
    facts.NumberReclaimed: (
        "card_reclaimed.v1",
        lambda fact: CardReclaimed(quarantined_until=fact.quarantined_until),
    ),
    facts.CardClosed: ("card_closed.v1", lambda _: CardClosed()),
    facts.CardHeld: ("card_held.v1", lambda fact: CardHeld(by=fact.by)),
    facts.CardReleased: ("card_released.v1", lambda _: CardReleased()),
    facts.RefundSucceeded: ("charge_refunded.v1", _charge_refunded),
    facts.RefundRecorded: ("charge_refunded.v1", _charge_refunded),
    facts.BalanceCredited: (
        "balance_credited.v1",
        lambda fact: BalanceCredited(amount=fact.amount, reason=fact.reason),
    ),
    facts.Reinstated: ("card_reinstated.v1", lambda fact: CardReinstated(term_number=fact.term_number)),
}

PUBLIC_FACTS: tuple[str, ...] = tuple(NAME_OF[fact] for fact in _TOLD)
"""The stored names of the facts that other systems are told of."""
