"""The checker's own model of one card, built from the stored facts alone."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from tests.simulation.checker.attempt import Attempt
from tests.simulation.checker.days import DAY, HOUR, day_begins, instant, local_day, openings
from tests.simulation.checker.spent import Spent

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


class Announced(NamedTuple):
    """A price of which the holder was notified, from which day on it applies, and for which period."""

    begins_on: date
    price: int
    fee: int
    months: int


class ToldTry(NamedTuple):
    """The next try that the holder was told of with a failure."""

    at: datetime | None
    """None: there is none to come."""
    policy: str


class Before(NamedTuple):
    """What was before a term was paid: the term that ran, and what belonged to it."""

    attempt_id: str | None
    begins_at: datetime
    """When the term that was paid begins."""
    term: dict[str, Any]
    anchor_day: int
    deadlines_moved: timedelta
    not_holders_fault: list[tuple[datetime, datetime]]
    reminders: set[tuple[str, ...]]


@dataclass(slots=True)
class Renewal:
    """The unpaid renewal of the next term."""

    price: int
    fee: int
    months: int = 0
    rung: int = 0
    rung_at: datetime | None = None
    first_failed_at: datetime | None = None
    tried: set[str] = field(default_factory=set[str])
    limited_until: dict[str, datetime] = field(default_factory=dict[str, datetime])
    """Methods that a limit keeps from being tried in this rung, and until when."""
    retried_soon: set[str] = field(default_factory=set[str])
    declines: int = 0
    declined_minor: int = 0
    """What the last decline was asked for."""
    declines_reported: int = -1
    """Declines up to the last notice of a failed payment; -1 before the first."""
    is_withheld: bool = False
    is_stale: bool = False
    """Consent changed since it was offered."""
    is_asked_for: bool = False
    """The holder asked for it, and the pass that follows is not over."""
    is_untried: bool = False
    """The holder asked for it, and nothing was tried since."""
    is_untold: bool = False
    """The last try was withheld, and the holder does not know yet."""
    told_try: ToldTry | None = None
    """None: no failure was told, or something else happened since."""


@dataclass(slots=True)
class Card:
    """One card."""

    card_id: UUID
    plan: str = ""
    zone: str = ""
    next_zone: str = ""
    grace_days: int = 0
    reclaim_days: int = 0
    term: dict[str, Any] = field(default_factory=dict[str, Any])
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
    agreed_fee: int = 0
    """What the holder agreed to pay on top where the service is off."""
    agreed_months: int = 0
    agreed_by: str = ""
    """The command by which the holder agreed."""
    consent_at: datetime = datetime(1, 1, 1, tzinfo=UTC)
    """When the holder last agreed to a price or period."""
    told_ahead_at: datetime | None = None
    """When the holder was notified of the charge of the next term."""
    is_told_days: bool = False
    """The holder was notified when the service ends and the number is lost."""
    off_since: datetime = datetime(1, 1, 1, tzinfo=UTC)
    """When the holder got the card, or auto-renewal went off."""
    busy_until: datetime = datetime(1, 1, 1, tzinfo=UTC)
    """Up to when something kept us from reminding the holder."""
    enabled_at: datetime = datetime(1, 1, 1, tzinfo=UTC)
    """When auto-renewal was last switched on."""
    announced: list[Announced] = field(default_factory=list[Announced])
    """Prices later than the consent, in their order; they outlive a switch-off."""
    methods: dict[str, dict[str, Any]] = field(default_factory=dict[str, "dict[str, Any]"])
    unusable: dict[str, str] = field(default_factory=dict[str, str])
    """Methods that may not be charged, and why."""
    needs_holder: set[str] = field(default_factory=set[str])
    """Methods that may be charged only while the holder is present."""
    not_before: dict[str, datetime] = field(default_factory=dict[str, datetime])
    """Methods that may not be charged before an instant."""
    delayed_before_last_rungs: set[str] = field(default_factory=set[str])
    """Those of them that a network limit delays, but not for last rungs."""
    delayed_by: dict[str, str] = field(default_factory=dict[str, str])
    """By method, the network limit that delays it; whatever else is delayed, an issuer's advice delays."""
    renewal: Renewal | None = None
    before: "Before | None" = None
    """What was before the last term was paid, as long as that term has not begun."""
    to_release: int = 0
    """What the balance paid of a term that was undone, and has to come back within the same append."""
    must_be_off: bool = False
    """A term was undone in this append, so that auto-renewal must be off at its end."""
    passed_twice: timedelta = timedelta(0)
    """The time that passes once more, since a clock that was ahead was put right."""
    open_attempt: Attempt | None = None
    """The one for the renewal."""
    open_top_up: Attempt | None = None
    attempts: dict[str, Attempt] = field(default_factory=dict[str, Attempt])
    balance: int = 0
    balance_changed_at: datetime | None = None
    balance_first: bool = False
    withheld_for_open_tries: str | None = None
    """A method that was withheld in this append, though declines leave room in the limit; nothing was tried since."""
    to_debit: int = 0
    """What a charge brought onto the balance and has to leave it within the same append, as the charge went back."""
    top_up: tuple[int, bool] | None = None
    """Number of the top-up under way, and whether it is automatic."""
    is_top_up_withdrawn: bool = False
    """The last top-up that failed was automatic, and auto-renewal was off by then."""
    top_up_declines: int = 0
    is_top_up_not_taken: bool = False
    """The gateway does not take the amount of the last top-up."""
    automatic_top_up_at: datetime | None = None
    automatic_declined: int = 0
    """Automatic top-ups declined since one was paid or the standing order set."""
    has_order: bool = False
    declined_by_hand: list[datetime] = field(default_factory=list[datetime])
    top_up_declined: list[tuple[str, datetime]] = field(default_factory=list["tuple[str, datetime]"])
    """Payment cards that were declined for a top-up, and when."""
    open_refunds: dict[str, datetime] = field(default_factory=dict[str, datetime])
    disputed: dict[str, str] = field(default_factory=dict[str, str])
    """Attempts that the bank took back, and what they charged: the fingerprint, or the token where there is none."""
    to_credit: int = 0
    """What has to come back onto the balance within the same append, since a dispute was won."""
    attempt_of_refund: dict[str, str] = field(default_factory=dict[str, str])
    refund_minor: dict[str, int] = field(default_factory=dict[str, int])
    """What each refund is to give back still."""
    refused_refunds: dict[str, str] = field(default_factory=dict[str, str])
    """The refund of an attempt that only a person can make."""
    spent: Spent = field(default_factory=Spent)
    cases: set[str] = field(default_factory=set[str])
    deadlines_moved: timedelta = timedelta(0)
    not_holders_fault: list[tuple[datetime, datetime]] = field(default_factory=list["tuple[datetime, datetime]"])
    """Intervals in which we kept this term from being paid."""
    blocked_since: datetime | None = None
    held_since: datetime | None = None
    must_be_confirmed: bool = False
    """It was released after the carrier's own date, and nobody has said since that the number still exists."""
    confirmed_at: datetime | None = None
    """When a person last said that the number still exists, in this term."""
    noted_before_confirmed: int = 0
    """How many of `not_holders_fault` were noted by then."""
    late_notices: list[tuple[datetime, datetime]] = field(default_factory=list["tuple[datetime, datetime]"])
    """Those of `not_holders_fault` that late notices cause: they make a confirmation no older."""
    doubted_since: datetime | None = None
    """Since when that is a case for a person."""
    unwanted_position: int | None = None
    """The position of the fact since which no renewal may be charged."""
    is_reinstated: bool = False
    reminders: set[tuple[str, ...]] = field(default_factory=set["tuple[str, ...]"])
    paid_terms: set[int] = field(default_factory=set[int])
    recent_facts: list[datetime] = field(default_factory=list[datetime])
    last_attempt_at: datetime | None = None

    @property
    def opens_at_earliest(self) -> datetime:
        """When the renewal opens, by the earliest of the policies."""
        return min(openings(self.ends_on, self.zone))

    @property
    def opens_at_latest(self) -> datetime:
        """When the renewal opens, by the latest of the policies and hours."""
        return max(openings(self.ends_on, self.zone)) + HOUR

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

    @property
    def is_in_last_rung(self) -> bool:
        """Whether no rung may come after the current one."""
        begun_at = self.renewal.rung_at if self.renewal else None
        return begun_at is not None and local_day(begun_at, self.zone) >= self.last_day

    @property
    def open_attempts(self) -> list[Attempt]:
        """The attempts whose outcomes are awaited."""
        return [one for one in (self.open_attempt, self.open_top_up) if one is not None]

    def usable_methods(self) -> list[str]:
        """Bound methods that may be charged."""
        return [method_id for method_id in self.methods if method_id not in self.unusable]

    def begin_term(self, term: dict[str, Any]) -> None:
        """Make `term` the running one."""
        self.term = term
        self.term_number, self.zone = term["number"], term["zone"]
        self.ends_on, self.ends_at = date.fromisoformat(term["ends_on"]), instant(term["ends_at"])

    def mark_unwanted(self, position: int, method_id: str | None = None) -> None:
        """From `position` on the open attempts, those of that method, may only be looked up, not sent."""
        for attempt in self.open_attempts:
            asked_for = attempt.top_up is not None and self.top_up is not None and not self.top_up[1]
            if method_id == attempt.method_id or (method_id is None and not asked_for):
                attempt.unwanted_position = attempt.unwanted_position or position

    def end_disputed(self) -> None:
        """Whatever is bound of what was disputed may not be charged, under whatever id and details."""
        for method_id, method in self.methods.items():
            if (method["fingerprint"] or method["token"]) in self.disputed.values():
                self.unusable.setdefault(method_id, "disputed")

    def mark_for_debit(self, attempt: Attempt, back_twice_before: int) -> None:
        """What went back twice has to leave the balance, as far as it is there or reserved with the open attempt."""
        reserved = self.open_attempt.from_balance if self.open_attempt is not None else 0
        wanted = max(0, attempt.back_twice - back_twice_before)
        self.to_debit = min(wanted, self.balance + reserved)
        spent = sum(self.spent.left(number) for number in self.spent.paid)
        self.spent.to_claw_back = min(wanted - self.to_debit, spent)
