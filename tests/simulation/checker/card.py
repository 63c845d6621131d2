"""The checker's own model of one card, built from the stored facts alone."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from tests.simulation.checker.days import DAY, day_begins, instant, local_day

KEY_LIFETIME = timedelta(hours=24)
"""How long the gateway remembers the key of an attempt."""


class Fact(NamedTuple):
    """One stored fact as read."""

    card_id: UUID
    position: int
    version: int
    topic: str
    at: datetime
    cause: str
    actor: str
    body: dict[str, Any]

    @property
    def is_by_command(self) -> bool:
        """Whether a command led to it; the causes of wakes contain a space."""
        return " " not in self.cause and "replan" not in self.cause

    @property
    def is_by_wake(self) -> bool:
        """Whether a wake led to it."""
        return " " in self.cause


@dataclass(slots=True)
class Attempt:
    """One attempt to charge: what is stored of it, and what the gateway received."""

    attempt_id: str
    position: int
    at: datetime
    term_number: int
    top_up: int | None
    method_id: str
    token: str
    minor: int
    currency: str
    from_balance: int
    rung: int
    fingerprint: str | None
    purpose: str
    card_id: UUID
    outcome: str | None = None
    """charged or the code of the decline; None while it is open."""
    is_unknown: bool = False
    parameters: str | None = None
    last_sent_at: datetime | None = None
    unwanted_position: int | None = None
    """The position of the fact since which it is unwanted."""
    is_used: bool = False
    """A term or the balance was given for it."""
    given_back: int = 0
    disputed: int = 0
    refunding: int = 0
    """The part of `given_back` that the gateway was asked to refund."""


@dataclass(slots=True)
class Renewal:
    """The unpaid renewal of the next term."""

    price: int
    fee: int
    rung: int = 0
    rung_at: datetime | None = None
    first_failed_at: datetime | None = None
    tried: set[str] = field(default_factory=set[str])
    limited_until: dict[str, datetime] = field(default_factory=dict[str, datetime])
    """Methods that a limit keeps from being tried in this rung, and until when."""
    retried_soon: set[str] = field(default_factory=set[str])
    declines: int = 0
    declines_reported: int = -1
    """Declines up to the last notice of a failed payment; -1 before the first."""
    is_withheld: bool = False
    is_stale: bool = False
    """Consent changed since it was offered."""
    is_asked_for: bool = False
    """The holder asked to be charged, and nothing was tried since."""


@dataclass(slots=True)
class Card:
    """One card."""

    card_id: UUID
    zone: str = ""
    next_zone: str = ""
    grace_days: int = 0
    reclaim_days: int = 0
    anchor_day: int = 0
    term_number: int = -1
    ends_on: date = date.min
    ends_at: datetime = datetime(1, 1, 1, tzinfo=UTC)
    status: str = "unregistered"
    version: int = 0
    at: datetime | None = None
    wake_at: datetime | None = None
    agreed_price: int | None = None
    """None while auto-renewal is off."""
    months: int | None = None
    """The period agreed to."""
    consent_at: datetime = datetime(1, 1, 1, tzinfo=UTC)
    """When the holder last agreed to a price or period."""
    told_ahead_at: datetime | None = None
    """When the holder was told of the charge of the next term."""
    is_told_days: bool = False
    """The holder knows when the service ends and the number is lost."""
    busy_until: datetime = datetime(1, 1, 1, tzinfo=UTC)
    """Up to when something kept us from reminding the holder."""
    enabled_at: datetime = datetime(1, 1, 1, tzinfo=UTC)
    """When auto-renewal was last switched on."""
    announced: list[tuple[date, int]] = field(default_factory=list["tuple[date, int]"])
    methods: dict[str, dict[str, Any]] = field(default_factory=dict[str, "dict[str, Any]"])
    unusable: dict[str, str] = field(default_factory=dict[str, str])
    """Methods that may not be charged, and why."""
    needs_holder: set[str] = field(default_factory=set[str])
    """Methods that may be charged only while the holder is present."""
    not_before: dict[str, datetime] = field(default_factory=dict[str, datetime])
    """Methods that may not be charged before an instant."""
    renewal: Renewal | None = None
    open_attempt: Attempt | None = None
    attempts: dict[str, Attempt] = field(default_factory=dict[str, Attempt])
    balance: int = 0
    balance_first: bool = False
    to_debit: int = 0
    """The part of a returned top-up that has to leave the balance within the same append."""
    top_up: tuple[int, bool] | None = None
    """Number of the top-up under way, and whether it is automatic."""
    top_up_declines: int = 0
    automatic_top_up_at: datetime | None = None
    open_refunds: dict[str, datetime] = field(default_factory=dict[str, datetime])
    attempt_of_refund: dict[str, str] = field(default_factory=dict[str, str])
    refused_refunds: set[str] = field(default_factory=set[str])
    """Attempts whose refund the gateway refused."""
    cases: set[str] = field(default_factory=set[str])
    deadlines_moved: timedelta = timedelta(0)
    not_holders_fault: list[tuple[datetime, datetime]] = field(default_factory=list["tuple[datetime, datetime]"])
    """Intervals in which we kept this term from being paid."""
    blocked_since: datetime | None = None
    held_since: datetime | None = None
    unwanted_position: int | None = None
    """The position of the fact since which no renewal may be charged."""
    is_reinstated: bool = False
    reminders: set[tuple[str, ...]] = field(default_factory=set["tuple[str, ...]"])
    paid_terms: set[int] = field(default_factory=set[int])
    recent_facts: list[datetime] = field(default_factory=list[datetime])
    last_attempt_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        """Whether the card was reclaimed or closed."""
        return self.status in ("reclaimed", "closed")

    @property
    def last_day(self) -> date:
        """The day before the number is lost."""
        return local_day(self.reclaims_at(self.deadlines_moved), self.zone) - DAY

    def suspends_at(self, moved: timedelta) -> datetime:
        """When service may end, if deadlines moved by `moved`."""
        if not self.grace_days:
            return self.ends_at + moved
        return day_begins(self.ends_on + self.grace_days * DAY, self.zone) + moved

    def reclaims_at(self, moved: timedelta) -> datetime:
        """When the number may be given up, if deadlines moved by `moved`."""
        return day_begins(self.ends_on + self.reclaim_days * DAY, self.zone) + moved

    def usable_methods(self) -> list[str]:
        """Bound methods that may be charged."""
        return [method_id for method_id in self.methods if method_id not in self.unusable]

    def begin_term(self, term: dict[str, Any]) -> None:
        """Make `term` the running one."""
        self.term_number, self.zone = term["number"], term["zone"]
        self.ends_on, self.ends_at = date.fromisoformat(term["ends_on"]), instant(term["ends_at"])

    def mark_unwanted(self, position: int, method_id: str | None = None) -> None:
        """From `position` on the open attempt, if it is of that method, may only be looked up, not sent."""
        attempt = self.open_attempt
        asked_for = self.top_up is not None and not self.top_up[1] and method_id is None
        if attempt is not None and method_id in (None, attempt.method_id) and not asked_for:
            attempt.unwanted_position = attempt.unwanted_position or position

    def mark_for_debit(self, attempt_id: str, minor: int) -> None:
        """What goes back of a top-up has to leave the balance, as far as it is there."""
        attempt = self.attempts.get(attempt_id)
        if attempt is not None and attempt.top_up is not None:
            self.to_debit = max(0, min(minor, self.balance))
