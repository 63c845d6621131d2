"""What all rules share: the cards as known so far, and the promises that were found broken."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from tests.simulation.checker.attempt import Attempt
from tests.simulation.checker.card import Card, Fact
from tests.simulation.checker.limits import Limits

VIOLATIONS_MAX = 200
MINIMUM_CHARGES = {"USD": 50, "EUR": 65}
"""The least that the simulated world's gateway charges, in minor units: else the balance pays less."""

Kind = Literal[
    "actor",
    "after_switch_off",
    "amount",
    "balance",
    "command_memory",
    "custody",
    "double_charge",
    "explained",
    "failed",
    "hot",
    "intent_first",
    "ladder",
    "limits",
    "liveness",
    "lost_fact",
    "method",
    "moved_too_far",
    "moved_too_little",
    "not_to_be_charged",
    "notices",
    "old_key",
    "one_key",
    "outcome",
    "parking",
    "price",
    "refund",
    "reminder",
    "sent_page",
    "term",
    "time",
    "top_up",
    "two_intents",
    "two_open",
    "unpaid_term",
    "wrongful_suspension",
]
"""The promises that are checked."""


class Violation(NamedTuple):
    """One broken promise."""

    kind: Kind
    card_id: UUID | None
    at: datetime | None
    sentence: str


@dataclass
class Findings:
    """Everything that was found out about the world of one seed."""

    seed: int
    minimum_charges: Mapping[str, int] = field(default_factory=lambda: MINIMUM_CHARGES)
    cards: dict[UUID, Card] = field(default_factory=dict[UUID, Card])
    attempts: dict[str, Attempt] = field(default_factory=dict[str, Attempt])
    limits: Limits = field(default_factory=Limits)
    charging_stops: list[tuple[datetime, datetime]] = field(default_factory=list["tuple[datetime, datetime]"])
    """Intervals in which the operator had stopped all charging."""
    clocks_ahead: list[tuple[datetime, datetime]] = field(default_factory=list["tuple[datetime, datetime]"])
    """For each clock that was ahead, the true time and what it showed."""
    policies_since: dict[str, datetime] = field(default_factory=dict[str, datetime])
    """Since when facts are decided by a policy."""
    refunds_started: dict[str, Card] = field(default_factory=dict[str, Card])
    refunds_succeeded: set[str] = field(default_factory=set[str])
    violations: list[Violation] = field(default_factory=list[Violation])
    """The first VIOLATIONS_MAX."""
    kinds: Counter[str] = field(default_factory=Counter[str])
    """How many violations of each kind there are."""

    def violation(self, kind: Kind, where: Fact | UUID | None, sentence: str) -> None:
        """Record a broken promise, shown by a fact or by a card as a whole."""
        self.kinds[kind] += 1
        if len(self.violations) >= VIOLATIONS_MAX:
            return
        if isinstance(where, Fact):
            place = f"card {where.card_id}, fact {where.version} at {where.at:%Y-%m-%d %H:%M:%S}"
            card_id, at = where.card_id, where.at
        else:
            place, card_id = f"card {where}", where
            card = self.cards.get(where) if where else None
            at = card.at if card else None
        self.violations.append(Violation(kind, card_id, at, f"seed {self.seed}, {place}: {sentence}"))

    def is_charging_stopped(self, at: datetime) -> bool:
        """Whether the operator had stopped all charging at that instant."""
        return any(begins <= at < ends for begins, ends in self.charging_stops)

    def was_clock_ahead(self, at: datetime) -> bool:
        """Whether a clock that was ahead may have shown that instant."""
        return any(begins < at <= ends for begins, ends in self.clocks_ahead)


Handler = Callable[[Findings, Card, Fact], None]
"""Checks a fact against what is known, and updates the card."""


def no_check(_: Findings, __: Card, ___: Fact) -> None:
    """Handle a fact that changes nothing that is checked."""
