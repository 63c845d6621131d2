"""Random lives of a card: commands, answers of the gateway and time in any order, and how they are stored."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from engine.actor import actor
from engine.card.card import Card
from engine.card.refunds import Refund
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
    RecordDisputeWon,
    RecordRefund,
    ReleaseCard,
    RemovePaymentMethod,
    RenewNow,
    ResolveAttempt,
    SetAutoTopUp,
    SwitchOffAutoRenew,
    TopUp,
    UpdatePaymentMethod,
)
from engine.money import Money
from engine.ports import Charged, Declined, RefundDeclined, Refunded
from engine.store.streams import Append, Store, Stream
from tests.engine.card_life import DEBIT, VISA, VISA_AGAIN, Life, finds_nothing, is_unclear
from tests.engine.samples import DEARER, PAYPAL

RECORDED_AT = datetime(2026, 11, 1, 12, 0, 0, 654321, tzinfo=UTC)


def charges(card: Card) -> Charged:
    attempt = card.attempts.open
    return Charged(attempt_id=attempt.attempt_id, amount=attempt.amount, gateway_ref=f"ref-{attempt.attempt_id}")


def declines(code: str, advice: str | None = None) -> Callable[[Card], Declined]:
    def say(_: Card) -> Declined:
        return Declined(code=code, advice_code=advice)

    return say


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
    open_one = (card.attempts.open,) if card.attempts.open else ()
    attempts = [one.attempt_id for one in (*card.attempts.closed, *card.payments, *open_one)]
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
        lambda c: {"method_ids": tuple(m.method_id for m in reversed(c.methods.bound)), "balance_first": True},
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
    Move("asks", (RecordDisputeWon, _of_last_payment)),
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
