"""Random lives of a card: commands, answers of the gateway and time in any order, driven as the engine drives them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import zip_longest
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from msgspec.structs import replace

from engine.actor import actor
from engine.card.events import Events, Replanned
from engine.card.evolve import replay
from engine.card.next import Ask, Step, advance, deferred, held_up, next_step, wakes_at
from engine.card.outcomes import record_answer, record_refund_answer
from engine.card.payments import ChargeAttempted
from engine.card.refunds import charge_in
from engine.card.state import Card, Refund
from engine.card.step import Wait
from engine.commands import (
    AnnouncePriceChange,
    BindPaymentMethod,
    ChangePeriod,
    ChangeZone,
    CloseCard,
    ConfirmReclaim,
    EnableAutoRenew,
    HoldCard,
    OrderPaymentMethods,
    RecordDispute,
    RecordRefund,
    ReleaseCard,
    RemovePaymentMethod,
    RenewNow,
    ResolveAttempt,
    SetAutoTopUp,
    SwitchOffAutoRenew,
    TopUp,
    UpdatePaymentMethod,
    decide,
)
from engine.errors import Refused
from engine.money import Money
from engine.networks import Limited
from engine.ports import Charged, Declined, NotFound, RefundDeclined, Refunded, Unclear
from engine.store.streams import Append, Store, Stream
from tests.engine import samples
from tests.engine.samples import DEARER, PAYPAL, REGISTERED_AT, TWO_VERSIONS, bound, enabled, registered

VISA, VISA_AGAIN, DEBIT = (
    replace(method, fingerprint=None)  # else lives would limit one another
    for method in (samples.VISA, samples.VISA_AGAIN, samples.DEBIT)
)
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
        self.rules = TWO_VERSIONS
        self.at = REGISTERED_AT
        self.card: Card | None = None
        self.wake_at: datetime | None = None
        self.question: Ask | None = None
        self.appends: list[Appended] = []
        self._command((registered(grace_days=grace_days, reclaim_days=reclaim_days), bound(VISA), enabled()))

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
        late = held_up(self.card, self.wake_at, self.rules.policy, self.at)
        card, facts, step = advance(replay(self.card, self.card_id, late), self.rules, self.at)
        facts = late + facts or deferred(step, self.wake_at, self.at)
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

    def forgotten(self) -> None:
        """Nobody can say what became of the charge, and after days the gateway knows nothing of it."""
        self.answered(is_unclear)
        self.passes(timedelta(days=3))
        self.due()
        self.answered(finds_nothing)

    def given_back(self, say: Callable[[Refund], Any]) -> None:
        """The gateway answers about a refund."""
        for refund in self.card.refunds[:1]:
            policy = self.rules.policy
            outcome = record_refund_answer(self.card, refund.refund_id, say(refund), policy=policy, at=self.at)
            card, facts, step = advance(replay(self.card, self.card_id, outcome), self.rules, self.at)
            self._append(outcome + facts, card, step)

    def late_news(self) -> None:
        """The gateway remembers that an attempt which had failed took the money after all."""
        for failed in self.card.failed[:1]:
            said = Charged(attempt_id=failed.attempt_id, amount=failed.amount, gateway_ref=f"late-{failed.attempt_id}")
            policy = self.rules.policy
            outcome = record_answer(self.card, failed.attempt_id, said, learned="late", policy=policy, at=self.at)
            card, facts, step = advance(replay(self.card, self.card_id, outcome), self.rules, self.at)
            self._append(outcome + facts, card, step)

    def asks(self, kind: type, fields: Callable[[Card], dict[str, Any]]) -> None:
        """Somebody asks for something, and may be refused."""
        command = kind(command_id="any", card_id=self.card_id, **fields(self.card))
        with suppress(Refused):
            self._command(decide(command, self.card, self.rules, self.at, partial(charge_in, self.facts)))

    def limited(self) -> None:
        """A message comes while the networks forbid every try."""
        limits = dict.fromkeys(("visa", "debit", "paypal"), Limited("retries_30d", self.at + timedelta(days=3)))
        card, facts, step = advance(self.card, self.rules, self.at, limits)
        self._append(facts or deferred(step, self.wake_at, self.at), card, step)

    def replanned(self) -> None:
        """The operator had all cards planned anew."""
        step = next_step(self.card, self.rules, self.at)
        wake_at = wakes_at(step, self.at)
        if isinstance(step, Wait) and not step.blocks_lapse:
            self._append((Replanned(reason=step.reason, until=wake_at, at=self.at),), self.card, step)

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

    def _append(self, facts: Events, card: Card, step: Step) -> None:
        sent = bool(facts) and isinstance(facts[-1], ChargeAttempted)
        self.question = step if isinstance(step, Ask) else Ask(card.open_attempt, "sent") if sent else self.question
        if facts:
            self.card, self.wake_at = card, wakes_at(step, self.at)
            self.appends.append(Appended(facts, card, self.wake_at))


def charges(card: Card) -> Charged:
    attempt = card.open_attempt
    return Charged(attempt_id=attempt.attempt_id, amount=attempt.amount, gateway_ref=f"ref-{attempt.attempt_id}")


def declines(code: str, advice: str | None = None) -> Callable[[Card], Declined]:
    def say(_: Card) -> Declined:
        return Declined(code=code, advice_code=advice)

    return say


def is_unclear(_: Card | Refund) -> Unclear:
    return Unclear(reason="timeout")


def finds_nothing(_: Card) -> NotFound:
    return NotFound()


def gives_back(refund: Refund) -> Refunded:
    return Refunded(refund_id=refund.refund_id, amount=refund.amount, gateway_ref=f"back-{refund.refund_id}")


def keeps_it(_: Refund) -> RefundDeclined:
    return RefundDeclined(code="too_late")


class Move(NamedTuple):
    """What happens next in a life, by the name of the method that makes it happen."""

    name: str
    arguments: tuple[Any, ...] = ()

    def happens_to(self, life: Life) -> None:
        getattr(life, self.name)(*self.arguments)


def move(name: str, *arguments: Any) -> Move:
    return Move(name, arguments)


def asks(kind: type, **fields: Any) -> Move:
    """The same is asked of every card."""
    return Move("asks", (kind, lambda _: fields))


def cny(minor: int) -> Money:
    return Money(minor=minor, currency="CNY")


def _about_last(card: Card) -> dict[str, Any]:
    open_one = (card.open_attempt,) if card.open_attempt else ()
    attempts = [one.attempt_id for one in (*card.failed, *card.payments, *open_one)]
    return {"attempt_id": attempts[-1] if attempts else UUID(int=1), "evidence": "ticket-1"}


def _resolution(*, charged: bool) -> Move:
    return Move("asks", (ResolveAttempt, lambda c: {**_about_last(c), "charged": charged, "gateway_ref": "ref-r"}))


def _of_last_payment(card: Card) -> dict[str, Any]:
    payment = card.payments[-1] if card.payments else None
    about = payment.attempt_id if payment else UUID(int=1)
    return {"attempt_id": about, "amount": cny(100), "evidence": "ticket-2"}


PASSING = [timedelta(seconds=1), timedelta(seconds=20), timedelta(hours=1), timedelta(days=1), timedelta(days=9)]
SOFT = ["insufficient_funds", "do_not_honor", "processing_error", "card_velocity_exceeded"]
FINAL = ["expired_card", "stolen_card", "stop_payment_order", "authentication_required", "invalid_amount"]
TERMS = {"terms_version": "terms-1", "channel": "web"}
REORDER = Move(
    "asks",
    (
        OrderPaymentMethods,
        lambda c: {"method_ids": tuple(m.method_id for m in reversed(c.methods)), "balance_first": True},
    ),
)
MOVES = (
    *[move("due")] * 24,
    move("woken"),
    *(move("passes", time) for time in PASSING),
    *[move("answered", charges)] * 4,
    *(move("answered", declines(code)) for code in (*SOFT, *SOFT, *FINAL, "duplicate_transaction")),
    move("answered", declines("revocation_of_all_authorizations")),
    move("answered", declines("do_not_honor", advice="28")),
    *[move("answered", is_unclear)] * 3,
    *[move("answered", finds_nothing)] * 2,
    *[move("given_back", gives_back)] * 3,
    move("given_back", is_unclear),
    move("given_back", keeps_it),
    *[move("forgotten")] * 2,
    move("late_news"),
    move("limited"),
    move("replanned"),
    *(asks(BindPaymentMethod, method=method) for method in (VISA, DEBIT, PAYPAL)),
    *(asks(UpdatePaymentMethod, method=changed) for changed in (VISA_AGAIN, DEBIT)),
    asks(RemovePaymentMethod, method_id="debit"),
    REORDER,
    *[asks(EnableAutoRenew, months=months, **TERMS) for months in (1, 3, 12)] * 2,
    *(asks(ChangePeriod, months=months, **TERMS) for months in (1, 6)),
    asks(AnnouncePriceChange, version=DEARER),
    asks(SwitchOffAutoRenew),
    asks(RenewNow),
    *(asks(TopUp, amount=cny(minor)) for minor in (700, 2000)),
    asks(SetAutoTopUp, threshold=cny(500), amount=cny(1000)),
    asks(SetAutoTopUp),
    asks(ChangeZone, zone="Europe/London"),
    asks(HoldCard, reason="asked"),
    *[asks(ReleaseCard)] * 2,
    _resolution(charged=True),
    _resolution(charged=False),
    Move("asks", (RecordRefund, _of_last_payment)),
    Move("asks", (RecordRefund, lambda c: {**_of_last_payment(c), "to": "balance"})),
    asks(RecordRefund, amount=cny(50), evidence="ticket-3"),
    Move("asks", (RecordDispute, _of_last_payment)),
    move("stops"),
    *[move("resumes")] * 2,
)
ENDINGS = (asks(CloseCard), asks(ConfirmReclaim))
"""Now and then, since little happens after them."""
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
    happens = [*chance.choices(MOVES, k=moves), chance.choice(ENDINGS), *chance.choices(MOVES, k=moves // 6)]
    return lived(happens, card_id, chance.choice(KEEP_RULES))


def stored_round_by_round(store: Store, lives: Sequence[Life]) -> Iterator[dict[UUID, Stream]]:
    """Stores lives side by side, one append of each at a time; gives the streams as they then are."""
    streams = {life.card_id: Stream(life.card_id, None, 0, None) for life in lives}
    for number, together in enumerate(zip_longest(*(life.appends for life in lives)), start=1):
        appends = [
            Append(streams[life.card_id], one.facts, one.card, one.wake_at, f"round-{number}", actor("system", "tests"))
            for life, one in zip(lives, together, strict=True)
            if one is not None
        ]
        answers = store.append_many(appends, RECORDED_AT)
        assert (answers.conflicts, answers.limited) == (frozenset(), {})
        for one in appends:
            card_id, version = one.stream.card_id, one.stream.version + len(one.facts)
            streams[card_id] = Stream(card_id, one.card, version, one.wake_at)
        yield dict(streams)


def store_all(store: Store, lives: Sequence[Life]) -> dict[UUID, Stream]:
    *_, streams = stored_round_by_round(store, lives)
    return streams
