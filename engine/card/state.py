"""The card as its facts add up to it. See evolve.py for how."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Literal
from uuid import UUID

from engine.calendar import Instant, Term
from engine.card.method import PaymentMethod
from engine.card.payments import AttemptReason
from engine.catalogue import KeepRule, Period
from engine.money import Currency, Money
from engine.value import Value

STATE_VERSION = 5
"""Part of every snapshot; raise it when Card or evolve changes, and old snapshots are passed over."""

Status = Literal["active", "grace", "suspended", "reclaimed", "closed"]

Changes = dict[str, Any]
"""What a fact changes, by field name."""


class Announced(Value):
    """A price for the chosen period that the holder was told of, and the first local day on which it applies."""

    price: Money
    saving: Money
    catalogue_version: str
    applies_from: date


class AutoRenew(Value):
    """The consent in force: period, price and saving as they were shown."""

    months: Period
    price: Money
    saving: Money
    catalogue_version: str
    announced: tuple[Announced, ...] = ()
    """Later prices, in the order in which they were announced."""


class Attempt(Value):
    """An attempt whose outcome is not recorded yet (`asked` 0) or is unknown (`asked` > 0)."""

    attempt_id: UUID
    method_id: str
    token: str
    amount: Money
    attempted_at: Instant
    rung: int
    top_up: int | None = None
    """The number of the top-up that it is for; None for a renewal."""
    from_balance: int = 0
    """Minor units reserved from the balance besides."""
    fingerprint: str | None = None
    asked: int = 0
    ask_again_at: Instant | None = None
    case_opened: bool = False
    only_look: bool = False
    """It is not wanted any more, and must not be sent again: it might charge for the first time."""


class Failed(Value):
    """An attempt closed without the gateway's own no: late news of a success means money to give back."""

    attempt_id: UUID
    term_number: int
    amount: Money
    method_id: str
    top_up: int | None = None


class Payment(Value):
    """A charge that succeeded; `refunded` and `disputed` count minor units that we and the holder's bank took back."""

    attempt_id: UUID
    term_number: int
    amount: Money
    method_id: str
    gateway_ref: str
    top_up: int | None = None
    refunded: int = 0
    disputed: int = 0

    @property
    def left(self) -> int:
        """Minor units that we still have of it."""
        return max(0, self.amount.minor - self.refunded - self.disputed)


class Refund(Value):
    """Money to give back: not answered yet (`asked` 0) or of unknown outcome."""

    refund_id: UUID
    attempt_id: UUID
    gateway_ref: str
    amount: Money
    started_at: Instant
    asked: int = 0
    ask_again_at: Instant | None = None
    case_opened: bool = False
    refused: bool = False
    """The gateway definitely did not give it back: a person has to."""


class Renewal(Value):
    """The next term on offer, unpaid, since `offered_at`."""

    months: Period
    price: Money
    offered_at: Instant
    reactivation_fee: Money | None = None
    stale: bool = False
    """Consent changed since: nothing more is attempted at this price."""
    rung: int = 0
    """Passes over the payment methods begun so far."""
    rung_at: Instant | None = None
    tried: tuple[str, ...] = ()
    """Methods tried in this pass."""
    soon: tuple[str, ...] = ()
    """Methods that had their quick second try in this rung."""
    asked_for: AttemptReason | None = None
    """What a pass outside of the ladder is for."""
    first_failed_at: Instant | None = None
    """Of the first rung."""
    last_code: str | None = None
    declines: int = 0
    told_of: int = -1
    """How many declines there were when the holder was last told that the payment failed; -1: never told."""


class TopUp(Value):
    """A payment onto the balance under way."""

    number: int
    amount: Money
    automatic: bool
    attempts: int = 0
    declines: int = 0
    tried: tuple[str, ...] = ()
    last_code: str | None = None


class AutoTopUp(Value):
    """The holder's standing order."""

    threshold: Money
    amount: Money


class Balance(Value):
    """Prepaid money on the card, in minor units of its currency."""

    minor: int = 0
    first: bool = False
    """It is spent before any payment method is charged."""
    standing_order: AutoTopUp | None = None
    last_automatic_at: Instant | None = None
    top_ups: int = 0
    """Top-ups begun so far."""
    top_up: TopUp | None = None


class Card(Value):
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
    ended_methods: Mapping[str, str] = {}
    """Methods not to be tried before the holder changes something, with the code that said so."""
    for_the_holder: tuple[str, ...] = ()
    """Those of the ended methods that may be tried while the holder is present."""
    not_before: Mapping[str, Instant] = {}
    """Methods to be left alone for some time."""
    auto_renew: AutoRenew | None = None
    renewal: Renewal | None = None
    open_attempt: Attempt | None = None
    attempts: int = 0
    """Attempts made for the next term, over all renewals that offered it."""
    failed: tuple[Failed, ...] = ()
    """The last attempts that never happened, or so it was found."""
    payments: tuple[Payment, ...] = ()
    """Charges that succeeded: those for terms that are not over, those that are to go back, and the last one."""
    refunds: tuple[Refund, ...] = ()
    """Refunds under way."""
    balance: Balance = Balance()
    moved: timedelta = timedelta(0)
    """How far this term's deadlines moved by our own trouble."""
    moved_until: Instant | None = None
    """Up to when our own trouble is counted in that."""
    blocked_since: Instant | None = None
    """Since when the operator's stop keeps it from being charged."""
    held_since: Instant | None = None
    from_balance: Mapping[int, int] = {}
    """What the balance paid for the last two terms, by their number."""
    reminded: tuple[str, ...] = ()
    """Reminders of this term that are out."""
