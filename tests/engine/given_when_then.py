"""Given facts, when a decision is made, then facts: the form of the engine's tests.

    given(*DECLINED).when(switch_off_auto_renew, reason="holder").then(fact(AutoRenewSwitchedOff))
    given(*DECLINED).at(local("2026-03-30 10:00")).then(fact(ChargeAttempted, number=2, rung=2))

An expected fact names the fields that matter to its test; only those are compared.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from engine.card.asking import AskCharge
from engine.card.card import Card
from engine.card.event import Event
from engine.card.evolve import replay
from engine.card.facts import CardFacts
from engine.card.gap import ListCharges
from engine.card.next import advance
from engine.card.refunding import AskRefund
from engine.card.wait import Wait
from engine.errors import Refused
from engine.rules import Rules
from tests.engine.samples import CARD_ID, RULES


class Expected(NamedTuple):
    """A fact of this kind whose named fields are these."""

    kind: str
    fields: dict[str, Any]


def fact(kind: type[Event], /, **fields: Any) -> Expected:
    return Expected(kind.__name__, fields)


def seen(facts: CardFacts, expected: tuple[Expected, ...]) -> list[Expected]:
    """The facts, reduced to the fields that `expected` names."""
    looked_at = [one.fields for one in expected] + [{}] * len(facts)
    return [
        Expected(type(one).__name__, {name: getattr(one, name, "no such field") for name in fields})
        for one, fields in zip(facts, looked_at, strict=False)
    ]


@dataclass(frozen=True)
class Then:
    """The result: facts, or a refusal, the card after it and the step that remains."""

    facts: CardFacts = ()
    refusal: Refused | None = None
    card: Card | None = None
    step: AskCharge | AskRefund | ListCharges | Wait | None = None

    def then(self, *expected: Expected) -> "Then":
        assert self.refusal is None, self.refusal
        assert seen(self.facts, expected) == list(expected)
        return self

    def nothing(self) -> "Then":
        return self.then()

    def refused(self, code: str) -> None:
        assert self.refusal is not None, f"not refused: {self.facts}"
        assert self.refusal.code == code

    def waits(self, until: datetime | None, reason: str) -> None:
        assert isinstance(self.step, Wait), self.step
        assert (self.step.until, self.step.reason) == (until, reason)

    def gives_back(self) -> None:
        assert isinstance(self.step, AskRefund), self.step

    def looks_up_its_charges(self) -> None:
        assert isinstance(self.step, ListCharges), self.step
        assert not self.facts, self.facts

    def asks(self, learned: str) -> None:
        assert isinstance(self.step, AskCharge), self.step
        assert self.step.learned == learned


@dataclass(frozen=True)
class Given:
    """A card with a history."""

    card: Card | None

    def when(self, decision: Callable[..., CardFacts], *args: Any, at: datetime, **asked: Any) -> Then:
        try:
            facts = decision(self.card, *args, at=at, **asked)
        except Refused as refusal:
            return Then(refusal=refusal)
        return Then(facts, card=replay(self.card, CARD_ID, facts) if facts else self.card)

    def at(self, instant: datetime, rules: Rules = RULES) -> Then:
        """The card wakes: every step that is due at `instant`."""
        assert self.card is not None
        card, facts, step = advance(self.card, rules, instant)
        return Then(facts, card=card, step=step)


def given(*facts: Event) -> Given:
    return Given(replay(None, CARD_ID, facts) if facts else None)


def no_older_charge(_: UUID) -> None:
    """A history in which no older charge is found."""
