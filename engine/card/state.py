"""The card as its facts add up to it; `evolve` only assigns, every rule lives in decisions and next."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeVar
from uuid import UUID

from engine.calendar import Term
from engine.card.events import (
    AutoRenewEnabled,
    AutoRenewSwitchedOff,
    CardRegistered,
    CardRenewed,
    ChargeAttempted,
    ChargeFailed,
    ChargeOutcomeUnknown,
    ChargeSucceeded,
    Deferred,
    Event,
    GraceStarted,
    PaymentMethod,
    PaymentMethodBound,
    Reinstated,
    RenewalStarted,
    Suspended,
)
from engine.catalogue import KeepRule, Period
from engine.declines import METHOD_ENDS, NEVER_HAPPENED
from engine.errors import CorruptHistoryError
from engine.money import Currency, Money

STATE_VERSION = 1
"""Part of every snapshot; raise it when Card or evolve changes, and old snapshots are passed over."""

Status = Literal["active", "grace", "suspended"]


T = TypeVar("T", "Card", "Renewal", "Attempt")


@dataclass(frozen=True)
class AutoRenew:
    """The consent in force."""

    months: Period
    price: Money


@dataclass(frozen=True)
class Attempt:
    """An attempt whose outcome is not recorded yet (`asked` 0) or is unknown (`asked` > 0)."""

    attempt_id: UUID
    method_id: str
    token: str
    amount: Money
    attempted_at: datetime
    asked: int = 0
    ask_again_at: datetime | None = None


@dataclass(frozen=True)
class Renewal:
    """The next term on offer, unpaid."""

    months: Period
    price: Money
    rung: int = 0
    """Passes over the payment methods begun so far."""
    rung_at: datetime | None = None
    tried: tuple[str, ...] = ()
    """Methods tried in this rung."""
    first_failed_at: datetime | None = None
    last_code: str | None = None


@dataclass(frozen=True)
class Card:
    """One number-keeping card."""

    card_id: UUID
    holder_id: str
    plan: str
    currency: Currency
    zone: str
    keep: KeepRule
    anchor_day: int
    term: Term
    status: Status = "active"
    methods: tuple[PaymentMethod, ...] = ()
    ended_methods: Mapping[str, str] = field(default_factory=dict[str, str])
    """Methods not to be tried before the holder changes something, with the code that said so."""
    auto_renew: AutoRenew | None = None
    renewal: Renewal | None = None
    open_attempt: Attempt | None = None
    attempts: int = 0
    """Attempts made for the next term, over all renewals that offered it."""


def evolve(card: Card | None, card_id: UUID, fact: Event) -> Card:
    """The card after one more fact. Total: a fact that fits nowhere raises CorruptHistoryError."""
    if isinstance(fact, CardRegistered):
        return Card(
            card_id=card_id,
            holder_id=fact.holder_id,
            plan=fact.plan,
            currency=fact.currency,
            zone=fact.zone,
            keep=fact.keep,
            anchor_day=fact.anchor_day,
            term=fact.term,
        )
    if card is None:
        raise CorruptHistoryError(f"card {card_id}: {type(fact).__name__} comes before CardRegistered")
    return changed(card, _changes(card, fact))


def changed(value: T, changes: Mapping[str, Any]) -> T:
    """A copy with `changes` by field name: `dataclasses.replace` at a tenth of its price, paid for each fact."""
    copy = object.__new__(type(value))
    copy.__dict__.update(value.__dict__, **changes)
    return copy


def replay(card: Card | None, card_id: UUID, facts: Iterable[Event]) -> Card:
    """The card after all of `facts`; raises CorruptHistoryError where they make no card."""
    for fact in facts:
        card = evolve(card, card_id, fact)
    if card is None:
        raise CorruptHistoryError(f"card {card_id} has no facts")
    return card


def _changes(card: Card, fact: Event) -> dict[str, Any]:
    match fact:
        case PaymentMethodBound(method=method):
            return {"methods": (*card.methods, method)}
        case AutoRenewEnabled(months=months, price=price):
            return {"auto_renew": AutoRenew(months=months, price=price)}
        case AutoRenewSwitchedOff():
            return {"auto_renew": None}
        case RenewalStarted(months=months, price=price):
            if card.renewal is None:
                return {"renewal": Renewal(months=months, price=price)}
            # A new offer of the same term keeps the ladder's counters.
            return {"renewal": changed(card.renewal, {"months": months, "price": price})}
        case ChargeAttempted():
            return _attempted(card, fact)
        case ChargeSucceeded():
            return {"open_attempt": None}
        case ChargeFailed():
            return _failed(card, fact)
        case ChargeOutcomeUnknown(asked=asked, ask_again_at=ask_again_at):
            update = {"asked": asked, "ask_again_at": ask_again_at}
            return {"open_attempt": changed(_open(card), update)}
        case CardRenewed(term=term, anchor_day=anchor_day):
            return {"term": term, "anchor_day": anchor_day, "status": "active", "renewal": None, "attempts": 0}
        case GraceStarted():
            return {"status": "grace"}
        case Suspended():
            return {"status": "suspended"}
        case Reinstated():
            return {"status": "active"}
        case Deferred():
            return {}
        case _:
            raise CorruptHistoryError(f"card {card.card_id}: nothing is known of the fact {type(fact).__name__}")


def _attempted(card: Card, fact: ChargeAttempted) -> dict[str, Any]:
    renewal = _renewal(card)
    same_rung = fact.rung == renewal.rung
    tried = (*renewal.tried, fact.method_id) if same_rung else (fact.method_id,)
    return {
        "attempts": fact.number,
        "open_attempt": Attempt(
            attempt_id=fact.attempt_id,
            method_id=fact.method_id,
            token=fact.token,
            amount=fact.amount,
            attempted_at=fact.at,
        ),
        "renewal": changed(
            renewal,
            {"rung": fact.rung, "rung_at": renewal.rung_at if same_rung else fact.at, "tried": tried},
        ),
    }


def _failed(card: Card, fact: ChargeFailed) -> dict[str, Any]:
    renewal = _renewal(card)
    if fact.code == NEVER_HAPPENED:
        tried = tuple(method_id for method_id in renewal.tried if method_id != fact.method_id)
        return {"open_attempt": None, "renewal": changed(renewal, {"tried": tried, "last_code": fact.code})}
    changes: dict[str, Any] = {
        "open_attempt": None,
        "renewal": changed(renewal, {"first_failed_at": renewal.first_failed_at or fact.at, "last_code": fact.code}),
    }
    if fact.consequence in METHOD_ENDS:
        changes["ended_methods"] = {**card.ended_methods, fact.method_id: fact.code}
    return changes


def _renewal(card: Card) -> Renewal:
    if card.renewal is None:
        raise CorruptHistoryError(f"card {card.card_id}: a charge without a renewal")
    return card.renewal


def _open(card: Card) -> Attempt:
    if card.open_attempt is None:
        raise CorruptHistoryError(f"card {card.card_id}: an outcome without an open attempt")
    return card.open_attempt
