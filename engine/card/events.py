"""The facts of a card: what happened, in the past tense, never changed once stored.

Each fact carries the business time `at` (aware, UTC) and everything a later reader needs to understand it
without catalogue, policy or zone database. Stored names are pinned by golden files in the tests.
"""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from engine.calendar import Term
from engine.catalogue import KeepRule, Period
from engine.declines import Consequence
from engine.money import Currency, Money

MethodKind = Literal["credit_card", "debit_card", "paypal", "e_wallet"]
SwitchOffReason = Literal["holder", "operator", "mandate_withdrawn"]
Learned = Literal["sent", "asked_again", "looked_up"]
"""How an outcome became known: by the first call, by the same key again, or by a look-up."""
AttemptReason = Literal["renewal_opened", "next_method", "next_rung"]
NO_NUL = r"^[^\x00]*$"
"""What holders and operators write: NUL fits in no text column, and would stop every read model at its fact."""


class PaymentMethod(BaseModel):
    """A way to pay; of a payment card only token, brand, last four, expiry and fingerprint are ever known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method_id: str = Field(min_length=1, max_length=64, pattern=NO_NUL)
    kind: MethodKind
    token: str = Field(min_length=1, max_length=200)
    brand: str | None = None
    last4: str | None = Field(default=None, pattern=r"^\d{4}$")
    expires_on: date | None = None
    """The last day on which it is valid."""
    fingerprint: str | None = None
    """The same for one payment card wherever it is bound; wallets have none."""


class Event(BaseModel):
    """A fact about one card."""

    model_config = ConfigDict(frozen=True)

    at: datetime


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


class PaymentMethodBound(Event):
    """The holder allowed us to charge this payment method; methods are tried in the order in which they were bound."""

    method: PaymentMethod


class AutoRenewEnabled(Event):
    """The holder agreed to be charged for further terms, having been shown this period, price and saving."""

    months: Period
    price: Money
    saving: Money
    catalogue_version: str
    terms_version: str
    channel: str


class AutoRenewSwitchedOff(Event):
    """The holder withdrew consent to be charged for further terms."""

    reason: SwitchOffReason


class RenewalStarted(Event):
    """The next term was offered at this price; it stays so until paid or given up."""

    term_number: int
    months: Period
    price: Money
    saving: Money
    catalogue_version: str
    policy_version: str


class ChargeAttempted(Event):
    """We decided to ask a payment method for money; committed before the gateway hears of it.

    `attempt_id` is the idempotency key. `number` counts attempts within the term, `rung` passes over the methods.
    """

    attempt_id: UUID
    term_number: int
    number: int
    rung: int
    reason: AttemptReason
    method_id: str
    token: str
    amount: Money
    policy_version: str


class ChargeSucceeded(Event):
    """The gateway took the money."""

    attempt_id: UUID
    term_number: int
    amount: Money
    gateway_ref: str
    learned: Learned


class ChargeFailed(Event):
    """The gateway definitely did not take the money, and `code` says why; `consequence` is what may be done next."""

    attempt_id: UUID
    term_number: int
    method_id: str
    code: str
    advice_code: str | None = None
    network_code: str | None = None
    consequence: Consequence
    rung: int
    policy_version: str
    learned: Learned


class ChargeOutcomeUnknown(Event):
    """Nobody can say whether money moved; until it is known nothing else is attempted and no deadline passes."""

    attempt_id: UUID
    term_number: int
    reason: str
    asked: int
    ask_again_at: datetime


class CardRenewed(Event):
    """The next term is paid and begins where the last one ended, or on the day of payment after a lapse."""

    term: Term
    months: Period
    price: Money
    anchor_day: int
    attempt_id: UUID


class GraceStarted(Event):
    """The term ended unpaid; the service stays on until `suspends_on`."""

    term_number: int
    suspends_on: date
    policy_version: str


class Suspended(Event):
    """Grace ended unpaid; the service is off, the number is still ours until `reclaimed_on`."""

    term_number: int
    reclaimed_on: date
    rungs: int
    last_code: str | None
    policy_version: str


class Reinstated(Event):
    """The card was paid after its term had ended; the service is on again."""

    term_number: int


class Deferred(Event):
    """The card was woken, there was nothing to do but wait, and this is why and until when."""

    reason: str
    until: datetime | None


Events = tuple[Event, ...]

STORED_NAMES: dict[str, type[Event]] = {
    "card_registered.v1": CardRegistered,
    "payment_method_bound.v1": PaymentMethodBound,
    "auto_renew_enabled.v1": AutoRenewEnabled,
    "auto_renew_switched_off.v1": AutoRenewSwitchedOff,
    "renewal_started.v1": RenewalStarted,
    "charge_attempted.v1": ChargeAttempted,
    "charge_succeeded.v1": ChargeSucceeded,
    "charge_failed.v1": ChargeFailed,
    "charge_outcome_unknown.v1": ChargeOutcomeUnknown,
    "card_renewed.v1": CardRenewed,
    "grace_started.v1": GraceStarted,
    "suspended.v1": Suspended,
    "reinstated.v1": Reinstated,
    "deferred.v1": Deferred,
}
"""Names under which facts are stored, for ever; a changed shape gets a new version and an upcast."""
