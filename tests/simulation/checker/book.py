"""What the checker keeps of one card: its own account of the facts, as simple as can be."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from tests.simulation.checker.days import DAY, day_begins, local_day


class Fact(NamedTuple):
    """One stored fact as read."""

    position: int
    version: int
    topic: str
    at: datetime
    cause: str
    body: dict[str, Any]


@dataclass(slots=True)
class Try:
    """One attempt: what we said of it, and what the gateway heard."""

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
    unknown: bool = False
    parameters: str | None = None
    last_sent_at: datetime | None = None
    off_position: int | None = None
    """Where the log says that it is not wanted any more."""
    used: bool = False
    """A term or the balance was given for it."""
    given_back: int = 0
    disputed: int = 0
    refunding: int = 0
    """What of that the gateway was asked to give back."""


@dataclass(slots=True)
class Unpaid:
    """The renewal on offer."""

    price: int
    fee: int
    term_number: int
    rung: int = 0
    rung_at: datetime | None = None
    first_failed_at: datetime | None = None
    tried: set[str] = field(default_factory=set[str])
    kept_back: dict[str, datetime] = field(default_factory=dict[str, datetime])
    """Methods that a limit keeps back in this rung, and until when."""
    soon: set[str] = field(default_factory=set[str])
    declines: int = 0
    told_of: int = -1
    withheld: bool = False


@dataclass(slots=True)
class Book:
    """One card."""

    card_id: UUID
    plan: str = ""
    zone: str = ""
    zone_next: str = ""
    currency: str = ""
    grace_days: int = 0
    reclaim_days: int = 0
    anchor_day: int = 0
    term_number: int = -1
    starts_on: date = date.min
    ends_on: date = date.min
    ends_at: datetime = datetime(1, 1, 1, tzinfo=UTC)
    status: str = "nothing"
    version: int = 0
    at: datetime | None = None
    wake_at: datetime | None = None
    consent: tuple[int, ...] | None = None
    """The price agreed to; None while auto-renewal is off."""
    on_since: datetime = datetime(1, 1, 1, tzinfo=UTC)
    """When it was last switched on."""
    announced: list[tuple[date, int]] = field(default_factory=list["tuple[date, int]"])
    methods: dict[str, dict[str, Any]] = field(default_factory=dict[str, "dict[str, Any]"])
    ended: dict[str, str] = field(default_factory=dict[str, str])
    for_the_holder: set[str] = field(default_factory=set[str])
    resting: dict[str, datetime] = field(default_factory=dict[str, datetime])
    unpaid: Unpaid | None = None
    open: Try | None = None
    tries: dict[str, Try] = field(default_factory=dict[str, Try])
    balance: int = 0
    balance_first: bool = False
    must_leave: int = 0
    """What has to leave the balance now, because its top-up went back."""
    top_up: tuple[int, bool] | None = None
    top_up_declines: int = 0
    automatic_at: datetime | None = None
    refunds: dict[str, datetime] = field(default_factory=dict[str, datetime])
    refund_of: dict[str, str] = field(default_factory=dict[str, str])
    """The attempt that a refund gives back."""
    refunds_refused: set[str] = field(default_factory=set[str])
    refund_cases: set[str] = field(default_factory=set[str])
    moved: timedelta = timedelta(0)
    in_our_way: list[tuple[datetime, datetime]] = field(default_factory=list["tuple[datetime, datetime]"])
    """When something of ours kept this term from being paid."""
    blocked_since: datetime | None = None
    held_since: datetime | None = None
    off_position: int | None = None
    """Where the log says that nothing more is to be charged."""
    reinstated: bool = False
    told: set[tuple[str, ...]] = field(default_factory=set["tuple[str, ...]"])
    paid_terms: set[int] = field(default_factory=set[int])
    lately: list[datetime] = field(default_factory=list[datetime])
    last_try_at: datetime | None = None

    @property
    def over(self) -> bool:
        """Whether the card is out of our care."""
        return self.status in ("reclaimed", "closed")

    def suspends_at(self, moved: timedelta) -> datetime:
        """When service may end, if deadlines moved so far."""
        if not self.grace_days:
            return self.ends_at + moved
        return day_begins(self.ends_on + self.grace_days * DAY, self.zone) + moved

    def reclaims_at(self, moved: timedelta) -> datetime:
        """When the number may be given up, if deadlines moved so far."""
        return day_begins(self.ends_on + self.reclaim_days * DAY, self.zone) + moved

    @property
    def last_day(self) -> date:
        """The day before the number is lost."""
        return local_day(self.reclaims_at(self.moved), self.zone) - DAY

    def not_wanted(self, position: int, method_id: str | None = None) -> None:
        """The open attempt, if it is of that method, may be looked up from now on, but not sent again."""
        asked_for = self.top_up is not None and not self.top_up[1] and method_id is None
        if self.open is not None and method_id in (None, self.open.method_id) and not asked_for:
            self.open.off_position = self.open.off_position or position

    def usable(self) -> list[str]:
        """Methods that nobody forbade."""
        return [one for one in self.methods if one not in self.ended]
