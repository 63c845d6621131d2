"""The facts of a card: what happened, in the past tense, never changed once stored.

Each fact carries the business time `at` (aware, UTC) and everything a later reader needs to understand it
without catalogue, policy or zone database. Stored names are pinned by golden files in the tests.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, TypeVar, dataclass_transform
from uuid import UUID

from engine.calendar import Term
from engine.card.method import PaymentMethod
from engine.catalogue import KeepRule, Period
from engine.instant import Instant
from engine.money import Currency, Money

SwitchOffReason = Literal["holder", "operator", "mandate_withdrawn"]
OwnTrouble = Literal["unknown_outcome", "charging_stopped", "held", "late"]
"""What kept us from charging: an outcome nobody knew, the operator's stop, a hold, or that we were not running."""
ReminderKind = Literal["renewal_ahead", "method_expires", "payment_failed", "last_chance"]


T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def fact(kind: type[T]) -> type[T]:
    """A value (see value.py) that is made with the names of its fields, and judged where it is read from JSON."""
    return dataclass(unsafe_hash=True, kw_only=True)(kind)


@fact
class Event:
    """A fact about one card."""

    at: Instant


# Custody


@fact
class CardRegistered(Event):
    """A card with its running term was taken into our care."""

    holder_id: str
    plan: str
    currency: Currency
    zone: str
    keep_rule: str
    keep: KeepRule
    term: Term
    anchor_day: int


@fact
class ZoneChanged(Event):
    """The holder lives by another clock; it applies from the next term."""

    zone: str


@fact
class CardHeld(Event):
    """The card was taken out of all automatic work: nothing is charged, suspended or given up until it is released."""

    reason: str
    by: Literal["operator", "alarm"]


@fact
class CardReleased(Event):
    """The hold was lifted."""


@fact
class CardClosed(Event):
    """The holder gave the card up; it is no longer ours to keep, and `balance` is owed to the holder."""

    reason: str
    balance: Money


# Payment methods


@fact
class PaymentMethodBound(Event):
    """The holder allowed us to charge this payment method; methods are tried in the order in which they were bound."""

    method: PaymentMethod


@fact
class PaymentMethodUpdated(Event):
    """The holder, or the card's issuer, gave us new details of a payment method."""

    method: PaymentMethod


@fact
class PaymentMethodRemoved(Event):
    """A payment method may not be charged any more."""

    method_id: str
    reason: Literal["holder", "mandate_withdrawn"]


@fact
class PaymentMethodsOrdered(Event):
    """The holder chose in which order to be charged, and whether the balance comes first."""

    method_ids: tuple[str, ...]
    balance_first: bool


# Consent


@fact
class AutoRenewEnabled(Event):
    """The holder agreed to be charged for further terms, having been shown this period, price and saving."""

    months: Period
    price: Money
    saving: Money
    catalogue_version: str
    terms_version: str
    channel: str


@fact
class PeriodChanged(Event):
    """The holder chose another period from the next term on, having been shown its price and saving."""

    months: Period
    price: Money
    saving: Money
    catalogue_version: str
    terms_version: str
    channel: str


@fact
class PriceChangeAnnounced(Event):
    """The holder was told of another price for the chosen period; it is charged for terms that open from then on."""

    months: Period
    price: Money
    saving: Money
    catalogue_version: str
    applies_from: date


@fact
class AutoRenewSwitchedOff(Event):
    """The holder withdrew consent to be charged for further terms.

    The paid term ends on `ends_on`; if nothing else happens, the number is lost on `lost_on`.
    """

    reason: SwitchOffReason
    ends_on: date | None = None
    lost_on: date | None = None


@fact
class RenewalRequested(Event):
    """The holder asked to be charged for the next term now."""


# Terms


@fact
class RenewalStarted(Event):
    """The next term was offered at this price; it stays so until paid or given up.

    `reactivation_fee` comes on top if the service is off by then.
    """

    term_number: int
    months: Period
    price: Money
    saving: Money
    catalogue_version: str
    policy_version: str
    reactivation_fee: Money | None = None


@fact
class CardRenewed(Event):
    """The next term is paid and begins where the last one ended, or on the day of payment after a lapse.

    `attempt_id` is None when the balance paid for all of it.
    """

    term: Term
    months: Period
    price: Money
    anchor_day: int
    attempt_id: UUID | None
    from_balance: int = 0
    reactivation_fee: Money | None = None


@fact
class GraceStarted(Event):
    """The term ended unpaid; the service stays on until `suspends_on`."""

    term_number: int
    suspends_on: date
    policy_version: str


@fact
class Suspended(Event):
    """Grace ended unpaid; the service is off, the number is still ours until `reclaimed_on`."""

    term_number: int
    reclaimed_on: date
    rungs: int
    last_code: str | None
    policy_version: str


@fact
class Reinstated(Event):
    """The card was paid after its term had ended; the service is on again."""

    term_number: int


@fact
class NumberReclaimed(Event):
    """The carrier took the number back: by its deadline, or because it said so; `balance` is owed to the holder."""

    term_number: int
    by: Literal["deadline", "carrier"]
    quarantined_until: date
    balance: Money
    policy_version: str


# Our own trouble


@fact
class ChargingBlocked(Event):
    """The card was to be charged while the operator had stopped all charging."""


@fact
class DeadlinesMoved(Event):
    """Grace and reclaim of the unpaid term moved by the time that we, not the holder, held the payment up."""

    reason: OwnTrouble
    by: timedelta


# Time


@fact
class ReminderDue(Event):
    """The holder is to be told of what will happen or has not; `about` is the day, the method or the declines so far.

    `code` is the last decline's.
    """

    kind: ReminderKind
    term_number: int
    about: str
    code: str | None = None


@fact
class Deferred(Event):
    """The card was woken, there was nothing to do but wait, and this is why and until when."""

    reason: str
    until: Instant | None


@fact
class Replanned(Event):
    """Rules or zone database changed, and with them the time at which this card wakes."""

    reason: str
    until: Instant | None


Events = tuple[Event, ...]
