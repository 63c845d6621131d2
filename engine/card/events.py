"""The facts of a card: what happened, in the past tense, never changed once stored.

Each fact carries the business time `at` (aware, UTC) and everything a later reader needs to understand it
without catalogue, policy or zone database. Stored names are pinned by golden files in the tests.
"""

from datetime import date, timedelta
from typing import Literal
from uuid import UUID

from engine.calendar import Instant, Term
from engine.card.method import PaymentMethod
from engine.catalogue import KeepRule, Period
from engine.money import Currency, Money
from engine.value import Value

SwitchOffReason = Literal["holder", "operator", "mandate_withdrawn"]
OwnTrouble = Literal["unknown_outcome", "charging_stopped", "held", "late"]
"""What kept us from charging: an outcome nobody knew, the operator's stop, a hold, or that we were not running."""
ReminderKind = Literal["renewal_ahead", "method_expires", "payment_failed", "last_chance"]


class Event(Value, kw_only=True):
    """A fact about one card."""

    at: Instant


# Custody


class CardRegistered(Event, kw_only=True):
    """A card with its running term was taken into our care."""

    holder_id: str
    plan: str
    currency: Currency
    zone: str
    keep_rule: str
    keep: KeepRule
    term: Term
    anchor_day: int


class ZoneChanged(Event, kw_only=True):
    """The holder lives by another clock; it applies from the next term."""

    zone: str


class CardHeld(Event, kw_only=True):
    """The card was taken out of all automatic work: nothing is charged, suspended or given up until it is released."""

    reason: str
    by: Literal["operator", "alarm"]


class CardReleased(Event, kw_only=True):
    """The hold was lifted."""


class CardClosed(Event, kw_only=True):
    """The holder gave the card up; it is no longer ours to keep, and `balance` is owed to the holder."""

    reason: str
    balance: Money


# Payment methods


class PaymentMethodBound(Event, kw_only=True):
    """The holder allowed us to charge this payment method; methods are tried in the order in which they were bound."""

    method: PaymentMethod


class PaymentMethodUpdated(Event, kw_only=True):
    """The holder, or the card's issuer, gave us new details of a payment method."""

    method: PaymentMethod


class PaymentMethodRemoved(Event, kw_only=True):
    """A payment method may not be charged any more."""

    method_id: str
    reason: Literal["holder", "mandate_withdrawn"]


class PaymentMethodsOrdered(Event, kw_only=True):
    """The holder chose in which order to be charged, and whether the balance comes first."""

    method_ids: tuple[str, ...]
    balance_first: bool


# Consent


class AutoRenewEnabled(Event, kw_only=True):
    """The holder agreed to be charged for further terms, having been shown this period, price and saving."""

    months: Period
    price: Money
    saving: Money
    catalogue_version: str
    terms_version: str
    channel: str


class PeriodChanged(Event, kw_only=True):
    """The holder chose another period from the next term on, having been shown its price and saving."""

    months: Period
    price: Money
    saving: Money
    catalogue_version: str
    terms_version: str
    channel: str


class PriceChangeAnnounced(Event, kw_only=True):
    """The holder was told of another price for the chosen period; it is charged for terms that open from then on."""

    months: Period
    price: Money
    saving: Money
    catalogue_version: str
    applies_from: date


class AutoRenewSwitchedOff(Event, kw_only=True):
    """The holder withdrew consent to be charged for further terms.

    The paid term ends on `ends_on`; if nothing else happens, the number is lost on `lost_on`.
    """

    reason: SwitchOffReason
    ends_on: date | None = None
    lost_on: date | None = None


class RenewalRequested(Event, kw_only=True):
    """The holder asked to be charged for the next term now."""


# Terms


class RenewalStarted(Event, kw_only=True):
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


class CardRenewed(Event, kw_only=True):
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


class GraceStarted(Event, kw_only=True):
    """The term ended unpaid; the service stays on until `suspends_on`."""

    term_number: int
    suspends_on: date
    policy_version: str


class Suspended(Event, kw_only=True):
    """Grace ended unpaid; the service is off, the number is still ours until `reclaimed_on`."""

    term_number: int
    reclaimed_on: date
    rungs: int
    last_code: str | None
    policy_version: str


class Reinstated(Event, kw_only=True):
    """The card was paid after its term had ended; the service is on again."""

    term_number: int


class NumberReclaimed(Event, kw_only=True):
    """The carrier took the number back: by its deadline, or because it said so; `balance` is owed to the holder."""

    term_number: int
    by: Literal["deadline", "carrier"]
    quarantined_until: date
    balance: Money
    policy_version: str


# Our own trouble


class ChargingBlocked(Event, kw_only=True):
    """The card was to be charged while the operator had stopped all charging."""


class DeadlinesMoved(Event, kw_only=True):
    """Grace and reclaim of the unpaid term moved by the time that we, not the holder, held the payment up."""

    reason: OwnTrouble
    by: timedelta


# Time


class ReminderDue(Event, kw_only=True):
    """The holder is to be told of what will happen or has not; `about` is the day, the method or the declines so far.

    `code` is the last decline's.
    """

    kind: ReminderKind
    term_number: int
    about: str
    code: str | None = None


class Deferred(Event, kw_only=True):
    """The card was woken, there was nothing to do but wait, and this is why and until when."""

    reason: str
    until: Instant | None


class Replanned(Event, kw_only=True):
    """Rules or zone database changed, and with them the time at which this card wakes."""

    reason: str
    until: Instant | None


Events = tuple[Event, ...]
