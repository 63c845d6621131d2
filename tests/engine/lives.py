"""Random lives of a card: commands, answers of the gateway and time in any order, driven as the engine drives them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from engine.card.decisions import bind_payment_method, enable_auto_renew, record_answer, switch_off_auto_renew
from engine.card.events import ChargeAttempted, Events, PaymentMethod
from engine.card.next import Ask, Wait, advance, deferred, next_step, wakes_at
from engine.card.state import Card, replay
from engine.ports import Charged, Declined, NotFound, Unclear
from engine.store import Append, Store, Stream
from tests.engine.samples import CATALOGUE, DEBIT, PAYPAL, REGISTERED_AT, RULES, VISA, bound, enabled, registered

RECORDED_AT = datetime(2026, 11, 1, 12, 0, 0, 654321, tzinfo=UTC)


class Appended(NamedTuple):
    """Facts that are stored together, the card after them, and when it wakes."""

    facts: Events
    card: Card
    wake_at: datetime | None


class Life:
    """A card whose facts, wake time and question are what the engine would have stored and asked."""

    def __init__(self, card_id: UUID, grace_days: int, reclaim_days: int) -> None:
        self.card_id = card_id
        self.rules = RULES
        self.at = REGISTERED_AT
        self.card: Card | None = None
        self.wake_at: datetime | None = None
        self.question: Ask | None = None
        self.appends: list[Appended] = []
        self._command((registered(grace_days=grace_days, reclaim_days=reclaim_days), bound(), enabled()))

    @property
    def facts(self) -> Events:
        return tuple(fact for append in self.appends for fact in append.facts)

    # Moves

    def passes(self, time: timedelta) -> None:
        """Time passes and nobody looks."""
        self.at += time

    def due(self) -> None:
        """Its wake time comes, or has come already."""
        if self.wake_at is not None:
            self.at = max(self.at, self.wake_at)
            self.woken()

    def woken(self) -> None:
        """A message about it comes, at whatever time."""
        card, facts, step = advance(self.card, self.rules, self.at)
        facts = facts or deferred(step, self.wake_at, self.at)
        self._append(facts, card, step)

    def answered(self, say: Callable[[Card], Any]) -> None:
        """The gateway answers, sooner or later, once or twice."""
        attempt = self.card.open_attempt
        if attempt is None:
            return
        learned = self.question.learned if self.question else "sent"
        said, policy = say(self.card), self.rules.policy
        outcome = record_answer(self.card, attempt.attempt_id, said, learned=learned, policy=policy, at=self.at)
        card, facts, step = advance(replay(self.card, self.card_id, outcome), self.rules, self.at)
        self._append(outcome + facts, card, step)

    def binds(self, method: PaymentMethod) -> None:
        self._command(bind_payment_method(self.card, method=method, at=self.at))

    def enables(self, months: int) -> None:
        asked = {"months": months, "terms_version": "terms-1", "channel": "web"}
        self._command(enable_auto_renew(self.card, CATALOGUE, **asked, at=self.at))

    def switches_off(self) -> None:
        self._command(switch_off_auto_renew(self.card, reason="holder", at=self.at))

    def stops(self) -> None:
        """The operator stops all charging."""
        self.rules = replace(self.rules, charging_stopped=True)

    def resumes(self) -> None:
        """The operator lets it go on."""
        self.rules = replace(self.rules, charging_stopped=False)

    # Keeping

    def _command(self, facts: Events) -> None:
        if facts:
            card = replay(self.card, self.card_id, facts)
            self._append(facts, card, next_step(card, self.rules, self.at))

    def _append(self, facts: Events, card: Card, step: Events | Ask | Wait) -> None:
        sent = bool(facts) and isinstance(facts[-1], ChargeAttempted)
        self.question = step if isinstance(step, Ask) else Ask(card.open_attempt, "sent") if sent else self.question
        if facts:
            self.card, self.wake_at = card, wakes_at(step, self.at)
            self.appends.append(Appended(facts, card, self.wake_at))


def charges(card: Card) -> Charged:
    attempt = card.open_attempt
    return Charged(attempt_id=attempt.attempt_id, amount=attempt.amount, gateway_ref=f"ref-{attempt.attempt_id}")


def declines(code: str) -> Callable[[Card], Declined]:
    def say(_: Card) -> Declined:
        return Declined(code=code)

    return say


def is_unclear(_: Card) -> Unclear:
    return Unclear(reason="timeout")


def finds_nothing(_: Card) -> NotFound:
    return NotFound()


class Move(NamedTuple):
    """What happens next in a life, by the name of the method that makes it happen."""

    name: str
    argument: Any = None

    def happens_to(self, life: Life) -> None:
        getattr(life, self.name)(*[] if self.argument is None else [self.argument])


PASSING = [timedelta(seconds=1), timedelta(seconds=20), timedelta(hours=1), timedelta(days=1), timedelta(days=9)]
SOFT = ["insufficient_funds", "do_not_honor", "authentication_required"]
FINAL = ["expired_card", "stolen_card", "stop_payment_order", "revocation_of_all_authorizations"]
MOVES = (
    *[Move("due")] * 12,
    Move("woken"),
    *(Move("passes", time) for time in PASSING),
    *[Move("answered", charges)] * 3,
    *(Move("answered", declines(code)) for code in (*SOFT, *SOFT, *FINAL, "duplicate_transaction")),
    *[Move("answered", is_unclear)] * 3,
    *[Move("answered", finds_nothing)] * 2,
    *(Move("binds", method) for method in (VISA, DEBIT, PAYPAL)),
    *(Move("enables", months) for months in (1, 3, 12)),
    Move("switches_off"),
    Move("stops"),
    *[Move("resumes")] * 2,
)
KEEP_RULES = ((0, 5), (0, 90), (2, 30), (180, 270))
"""Days of grace and days to reclaim."""


def lived(moves: Iterable[Move], card_id: UUID, keep_rule: tuple[int, int] = (2, 30)) -> Life:
    life = Life(card_id, *keep_rule)
    for move in moves:
        move.happens_to(life)
    return life


def random_life(seed: int, moves: int) -> Life:
    """The same life for the same seed."""
    chance = Random(seed)
    card_id = UUID(int=chance.getrandbits(128), version=4)
    return lived(chance.choices(MOVES, k=moves), card_id, chance.choice(KEEP_RULES))


def stored_round_by_round(store: Store, lives: Sequence[Life]) -> Iterator[dict[UUID, Stream]]:
    """Stores lives side by side, one append of each at a time; gives the streams as they then are."""
    streams = {life.card_id: Stream(life.card_id, None, 0, None) for life in lives}
    for number, together in enumerate(zip_longest(*(life.appends for life in lives)), start=1):
        appends = [
            Append(streams[life.card_id], one.facts, one.card, one.wake_at, f"round-{number}")
            for life, one in zip(lives, together, strict=True)
            if one is not None
        ]
        assert store.append_many(appends, RECORDED_AT) == frozenset()
        for one in appends:
            card_id, version = one.stream.card_id, one.stream.version + len(one.facts)
            streams[card_id] = Stream(card_id, one.card, version, one.wake_at)
        yield dict(streams)


def store_all(store: Store, lives: Sequence[Life]) -> dict[UUID, Stream]:
    *_, streams = stored_round_by_round(store, lives)
    return streams
