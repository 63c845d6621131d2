"""One course of things: the cards of a past live on by given rules, in virtual time, through the engine's decisions.

All cards share one timeline and one book of network limits, so that a payment card that is bound to several of them is
tried as often as it may be, in the order of time. Cards that are not replayed have no part in that book. The replay is
never late: what the log shows of late wakes or of a gateway that was down is not repeated, a stop by an operator is.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from engine.actor import actor
from engine.card import facts as of_cards
from engine.card.attempt import ChargeAttempted
from engine.card.card import Card
from engine.card.evolve import replay as folded
from engine.card.facts import CardFact, CardFacts
from engine.card.limits import effects_of
from engine.card.methods import MethodKind
from engine.card.next import next_step, wakes_at
from engine.card.recall import Past as Recalled
from engine.decisions import Decision, card_of, on_answer, on_wake
from engine.envelope import NAME_OF
from engine.errors import BaohaoError
from engine.networks import Limited, LimitEffects
from engine.operations import OPERATIONS_ID, PaymentCardAllowed
from engine.ports import ChargeRequest, GatewayAnswer, Refunded, RefundRequest, Unclear
from engine.questions import Question
from engine.rules import Rules
from engine.store.streams import Stream
from projections.whatif.figures import Figures, SoFar
from projections.whatif.given import Prices, announced, fitting
from projections.whatif.histories import History, Past
from projections.whatif.issuer import Issuer, Source

_CONSUMER = actor("system", "whatif")
_CAUSE = "what if"
_ROUNDS_MAX = 15
"""How often one step is decided while one method after the other is found to be limited."""
_TOLD_EVERY = 5000
_Entry = tuple[datetime, int, int, "CardFact | PaymentCardAllowed | None"]
"""When, in which order, the card's place, and what is given; None: the card wakes."""


def _unknown(_: UUID) -> None:
    """Of charges that a card has forgotten nothing is recalled: they are long over."""


_NOTHING_RECALLED = Recalled(_unknown, _unknown, lambda: ())


class Course(NamedTuple):
    """What came of a replay."""

    figures: Figures
    sources: Counter[Source]
    """How many answers were recorded, inferred, sampled."""
    misfits: Counter[str]
    """Given facts that did not fit what became of their cards, by kind."""
    stuck: Counter[str]
    """Cards that the engine could not decide on, by the reason; they stand still from then on."""


@dataclass(slots=True)
class _Life:
    """One card in the replay."""

    history: History
    stream: Stream
    so_far: SoFar
    charged: set[UUID]
    is_stuck: bool = False


@dataclass
class _World:
    """Lives through one course of things."""

    past: Past
    rules: Rules
    prices: Prices | None
    issuer: Issuer
    lives: list[_Life] = field(default_factory=list[_Life])
    misfits: Counter[str] = field(default_factory=Counter[str])
    stuck: Counter[str] = field(default_factory=Counter[str])

    def __post_init__(self) -> None:
        self.figures = Figures(self.past.span.since)
        self.limits = self.past.limit_book()
        self._stopped = replace(self.rules, charging_stopped=True)
        self._heap: list[_Entry] = []
        self._order = count()
        for effects in self.past.limits:
            self.figures.take_tries(effects)
        for one in self.past.operators.allowed:
            if one.at >= self.past.span.since:
                self._add(one.at, -1, one)
        for history in self.past.histories:
            self._begin(history)

    def _begin(self, history: History) -> None:
        since, place = self.past.span.since, len(self.lives)
        so_far = SoFar(history.so_far.due, history.so_far.declined, history.so_far.rung)
        stream = Stream(history.card_id, history.card, 1 if history.card else 0, None)
        self.lives.append(_Life(history, stream, so_far, set(history.charged)))
        for fact in history.given:
            self._add(fact.at, place, fact)
        if history.card is not None:
            self._keep(place, history.card, (), since, since)  # it wakes at once, and is planned by these rules
            self._announce(place, since)

    def run(self, progress: Callable[[datetime], None]) -> Course:
        """Live to the end of the span; `progress` is told the instant now and then."""
        heap, until = self._heap, self.past.span.until
        while heap and heap[0][0] < until:
            at, order, place, given = heappop(heap)
            if order % _TOLD_EVERY == 0:
                progress(at)
            if isinstance(given, PaymentCardAllowed):
                self.limits.write(LimitEffects(OPERATIONS_ID, allowed=(given.fingerprint,)))
            elif not self.lives[place].is_stuck:
                self._act(place, given, at)
        return Course(self.figures, self.issuer.sources, self.misfits, self.stuck)

    def _act(self, place: int, given: CardFact | None, at: datetime) -> None:
        life = self.lives[place]
        try:
            if given is not None:
                self._give(place, given)
            elif life.stream.wake_at == at:  # else it was planned anew meanwhile
                self._decide(place, on_wake(_CAUSE, _CONSUMER, self._rules(at), at), at)
        except BaohaoError as error:
            life.is_stuck = True
            self.stuck[f"{type(error).__name__}: {str(error).removeprefix(f'card {life.stream.card_id}: ')}"] += 1

    def _rules(self, at: datetime) -> Rules:
        stopped = any(begins <= at < ends for begins, ends in self.past.operators.stops)
        return self._stopped if stopped else self.rules

    def _give(self, place: int, given: CardFact) -> None:
        life = self.lives[place]
        facts = fitting(life.stream.card, given, self._rules(given.at), self.prices, life.charged)
        is_paid = life.stream.card is not None and life.stream.card.status == "active"
        if facts is None or (isinstance(given, of_cards.NumberReclaimed) and life.history.lost_unpaid and is_paid):
            self.misfits[NAME_OF[type(given)].partition(".")[0].replace("_", " ")] += 1
        elif facts:
            card = folded(life.stream.card, life.stream.card_id, facts)
            self._keep(place, card, facts, self._planned(card, given.at), given.at)
            if isinstance(given, of_cards.AutoRenewEnabled | of_cards.PeriodChanged):
                self._announce(place, given.at)

    def _announce(self, place: int, at: datetime) -> None:
        card = self.lives[place].stream.card
        if self.prices is None or card is None:
            return
        facts = announced(card, self.prices, self._rules(at), at)
        if facts:
            card = folded(card, card.card_id, facts)
            self._keep(place, card, facts, at, at)

    def _decide(self, place: int, decision: Decision, at: datetime) -> None:
        """Take a decision and what follows from the answers to its questions."""
        question = self._decided(place, decision, at)
        while question is not None:
            answer = self._answer(question, at)
            rules = self._rules(at)
            decision = on_answer(question, answer, _CONSUMER, rules, at, _NOTHING_RECALLED)
            question = self._decided(place, decision, at)

    def _decided(self, place: int, decision: Decision, at: datetime) -> Question | None:
        """Append what is decided, without the methods that the limits forbid; returns the question that follows."""
        stream, limited = self.lives[place].stream, dict[str, Limited]()
        for _ in range(_ROUNDS_MAX):
            append, question = decision(stream, limited)
            if append is None:
                return question
            broken = self.limits.append(effects_of(stream.card_id, append.facts))
            if broken is None:
                self._keep(place, append.card, append.facts, append.wake_at, at)
                return question
            limited |= {one.method_id: broken for one in append.facts if isinstance(one, ChargeAttempted)}
        raise BaohaoError("its methods were limited again and again")

    def _answer(self, question: Question, at: datetime) -> GatewayAnswer:
        request = question.request
        if isinstance(request, ChargeRequest):
            return self.issuer.answer(request, _kind_of(card_of(question.stream), request), at)
        if isinstance(request, RefundRequest):
            return Refunded(refund_id=request.refund_id, amount=request.amount, gateway_ref="whatif")
        return Unclear(reason="timeout")

    def _keep(self, place: int, card: Card, facts: CardFacts, wake_at: datetime | None, at: datetime) -> None:
        """Keep a card as it is now, count its new facts, and plan its next wake."""
        life = self.lives[place]
        wake_at = None if wake_at is None else max(wake_at, at)
        life.stream = Stream(card.card_id, card, life.stream.version + len(facts), wake_at)
        self.figures.take(life.so_far, facts)
        self.figures.take_tries(effects_of(card.card_id, facts))
        named = life.history.named
        if named:
            paid = (one.attempt_id for one in facts if isinstance(one, of_cards.ChargeSucceeded))
            life.charged.update(one for one in paid if one in named)
        if wake_at is not None:
            self._add(wake_at, place, None)

    def _planned(self, card: Card, at: datetime) -> datetime | None:
        """When a card wakes that did not wake by itself."""
        return wakes_at(next_step(card, self._rules(at), at), at)

    def _add(self, at: datetime, place: int, what: CardFact | PaymentCardAllowed | None) -> None:
        heappush(self._heap, (at, next(self._order), place, what))


def _kind_of(card: Card, request: ChargeRequest) -> MethodKind:
    """What kind of method a request charges; one that is not bound any more counts as a credit card."""
    for one in card.methods.bound:
        if one.token == request.token:
            return one.kind
    return "credit_card"


def replay(
    past: Past,
    rules: Rules,
    prices: Prices | None = None,
    *,
    seed: int = 1,
    progress: Callable[[datetime], None] = lambda _: None,
) -> Course:
    """What would have come of the past by these rules; `prices` are set for another catalogue than today's."""
    return _World(past, rules, prices, Issuer(past.tries, past.shares, seed)).run(progress)
