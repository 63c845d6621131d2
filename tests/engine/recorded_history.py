"""Histories as the store returns them: made by the engine's own decisions, each fact in its envelope."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from engine.actor import actor
from engine.card.card import Card
from engine.card.event import Event
from engine.card.evolve import replay
from engine.card.facts import CardFacts
from engine.card.next import next_step, wakes_at
from engine.card.recall import Past, charge_in, failed_in
from engine.decisions import Decided, on_answer, on_wake
from engine.envelope import Recorded
from engine.networks import Limited
from engine.ports import Charged, ChargeRequest, Declined, Refunded, RefundRequest
from engine.questions import Question
from engine.rules import Rules
from engine.store.streams import Stream
from tests.engine.samples import CARD_ID, REGISTERED_AT, RULES, SECOND, VISA, bound, enabled, registered


def recorded(*facts: Event, wake_at: datetime | None = None, last: bool = True, version: int = 1) -> list[Recorded]:
    """Facts in envelopes; of the last append, unless `last` is False, each is an append of its own."""
    return [
        Recorded(
            position=0,
            card_id=CARD_ID,
            version=version + place,
            event_id=UUID(int=version + place),
            recorded_at=fact.at,
            actor="consumer",
            cause=f"cause-{version + place}",
            wake_at=wake_at,
            last=last or place == len(facts) - 1,
            fact=fact,
        )
        for place, fact in enumerate(facts)
    ]


CONSUMER = actor("system", "consumer")


class History:
    """One card's history, written by commands, by time and by the gateway's answers."""

    def __init__(self, *facts: Event, rules: Rules = RULES) -> None:
        self.rules = rules
        self.records: list[Recorded] = []
        self.question: Question | None = None
        self.at = facts[0].at if facts else REGISTERED_AT
        self.does(facts or (registered(), bound(VISA), enabled()))

    @property
    def card(self) -> Card:
        return replay(None, CARD_ID, (one.fact for one in self.records))

    @property
    def wake_at(self) -> datetime | None:
        return self.records[-1].wake_at

    @property
    def stream(self) -> Stream:
        return Stream(CARD_ID, self.card, len(self.records), self.wake_at)

    def does(self, facts: CardFacts) -> "History":
        """Facts that a command led to, stored together."""
        self.at = facts[-1].at
        card = replay(self.card if self.records else None, CARD_ID, facts)
        self._store(facts, wakes_at(next_step(card, self.rules, facts[-1].at), facts[-1].at))
        return self

    def decides(self, decision: Callable[..., CardFacts], *args: Any, at: datetime, **asked: Any) -> "History":
        """A decision of the aggregate."""
        return self.does(decision(self.card, *args, at=at, **asked))

    def wakes(self, at: datetime | None = None, limited: Mapping[str, Limited] | None = None) -> "History":
        """The card wakes, by default at its wake time."""
        at = at or self.wake_at
        assert at is not None
        self.at = at
        return self._take(on_wake("due", CONSUMER, self.rules, at)(self.stream, limited or {}))

    def wakes_until(self, at: datetime) -> "History":
        """The card wakes at each wake time up to and with `at`, or until an attempt is open."""
        while self.card.attempts.open is None and self.wake_at is not None and self.wake_at <= at:
            self.wakes(max(self.wake_at, self.at))
        return self

    def declined(self, code: str = "insufficient_funds", after: timedelta = SECOND, **codes: str) -> "History":
        return self.answered(Declined(code=code, **codes), after)

    def paid(self, after: timedelta = SECOND) -> "History":
        request = self.question.request
        assert isinstance(request, ChargeRequest)
        return self.answered(Charged(attempt_id=request.attempt_id, amount=request.amount, gateway_ref="ref-1"), after)

    def refunded(self, after: timedelta = SECOND) -> "History":
        request = self.question.request
        assert isinstance(request, RefundRequest)
        return self.answered(Refunded(refund_id=request.refund_id, amount=request.amount, gateway_ref="back-1"), after)

    def answered(self, reply: Any, after: timedelta = SECOND) -> "History":
        """The gateway answers what it was asked last, so long after it was asked."""
        assert self.question is not None
        self.at += after
        facts = [one.fact for one in self.records]
        past = Past(partial(charge_in, facts), partial(failed_in, facts), lambda: facts)
        return self._take(on_answer(self.question, reply, CONSUMER, self.rules, self.at, past)(self.stream, {}))

    def attempts(self) -> list[UUID]:
        return [one.fact.attempt_id for one in self.records if type(one.fact).__name__ == "ChargeAttempted"]

    def _take(self, decided: Decided) -> "History":
        if decided.append is not None:
            self._store(decided.append.facts, decided.append.wake_at)
        if decided.question is not None:
            self.question = decided.question
        return self

    def _store(self, facts: CardFacts, wake_at: datetime | None) -> None:
        self.records += recorded(*facts, wake_at=wake_at, last=False, version=len(self.records) + 1)
