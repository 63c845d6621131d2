"""Random histories of a card: commands, answers of the gateway and time in any order; and storing them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from engine.actor import actor
from engine.card.attempt import open_attempts
from engine.card.card import Card
from engine.card.refunds import Refund
from engine.commands import (
    AnnouncePriceChange,
    BindPaymentMethod,
    ChangeHolder,
    ChangePeriod,
    ChangeZone,
    CloseCard,
    ConfirmNumber,
    ConfirmReclaim,
    EnableAutoRenew,
    HoldCard,
    OrderPaymentMethods,
    RecordDispute,
    RecordDisputeWon,
    RecordRefund,
    RefundCharge,
    ReleaseCard,
    RemovePaymentMethod,
    RenewNow,
    ResolveAttempt,
    SetAutoTopUp,
    SwitchOffAutoRenew,
    TopUp,
    UndoTerm,
    UpdatePaymentMethod,
)
from engine.money import Money
from engine.ports import Charged, Declined, Pending, RefundAccepted, RefundDeclined, Refunded
from engine.store.streams import Append, Store, Stream
from tests.engine.card_history import DEBIT, VISA, VISA_AGAIN, CardHistory, finds_nothing, is_unclear
from tests.engine.samples import DEARER, PAYPAL

RECORDED_AT = datetime(2026, 11, 1, 12, 0, 0, 654321, tzinfo=UTC)


def charges(card: Card) -> Charged:
    attempt = card.attempts.open
    return Charged(attempt_id=attempt.attempt_id, amount=attempt.amount, gateway_ref=f"ref-{attempt.attempt_id}")


def is_pending(card: Card) -> Pending:
    attempt = card.attempts.open
    return Pending(attempt_id=attempt.attempt_id, gateway_ref=f"ref-{attempt.attempt_id}")


def declines(code: str, advice: str | None = None) -> Callable[[Card], Declined]:
    def answer(_: Card) -> Declined:
        return Declined(code=code, advice_code=advice)

    return answer


def refunds(refund: Refund) -> Refunded:
    return Refunded(refund_id=refund.refund_id, amount=refund.amount, gateway_ref=f"back-{refund.refund_id}")


def accepts_refund(refund: Refund) -> RefundAccepted:
    return RefundAccepted(refund_id=refund.refund_id, gateway_ref=f"back-{refund.refund_id}")


def declines_refund(_: Refund) -> RefundDeclined:
    return RefundDeclined(code="too_late")


class Move(NamedTuple):
    """What happens next: a method of CardHistory and its arguments."""

    name: str
    arguments: tuple[Any, ...] = ()

    def apply_to(self, history: CardHistory) -> None:
        getattr(history, self.name)(*self.arguments)


def move(name: str, *arguments: Any) -> Move:
    return Move(name, arguments)


def command(kind: type, **fields: Any) -> Move:
    """A command with the same fields for every card."""
    return Move("command", (kind, lambda _: fields))


def cny(minor: int) -> Money:
    return Money(minor=minor, currency="CNY")


def _about_last(card: Card) -> dict[str, Any]:
    awaited = open_attempts(card.attempts)
    attempts = [one.attempt_id for one in (*card.attempts.closed, *card.payments, *awaited)]
    return {"attempt_id": attempts[-1] if attempts else UUID(int=1), "evidence": "ticket-1"}


def _resolution(*, charged: bool) -> Move:
    return Move("command", (ResolveAttempt, lambda c: {**_about_last(c), "charged": charged, "gateway_ref": "ref-r"}))


def _of_last_payment(card: Card) -> dict[str, Any]:
    payment = card.payments[-1] if card.payments else None
    about = payment.attempt_id if payment else UUID(int=1)
    return {"attempt_id": about, "amount": cny(100), "evidence": "ticket-2"}


def _whole_last_payment(card: Card) -> dict[str, Any]:
    minor = card.payments[-1].left if card.payments else 0
    return {**_of_last_payment(card), "amount": cny(minor), "ends_term": True}


PASSING = [timedelta(seconds=1), timedelta(seconds=20), timedelta(hours=1), timedelta(days=1), timedelta(days=9)]
SOFT = ["insufficient_funds", "do_not_honor", "processing_error", "card_velocity_exceeded"]
FINAL = ["expired_card", "stolen_card", "stop_payment_order", "authentication_required", "invalid_amount"]
TERMS = {"terms_version": "terms-1", "channel": "web"}
REORDER = Move(
    "command",
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
    move("answered", is_pending),
    *[move("refund_answered", refunds)] * 3,
    move("refund_answered", is_unclear),
    move("refund_answered", accepts_refund),
    move("refund_answered", declines_refund),
    move("refund_comes_back"),
    *[move("never_happened")] * 2,
    move("late_success"),
    move("limited"),
    move("replanned"),
    *(command(BindPaymentMethod, method=method) for method in (VISA, DEBIT, PAYPAL)),
    *(command(UpdatePaymentMethod, method=changed) for changed in (VISA_AGAIN, DEBIT)),
    command(RemovePaymentMethod, method_id="debit"),
    REORDER,
    *[command(EnableAutoRenew, months=months, **TERMS) for months in (1, 3, 12)] * 2,
    *(command(ChangePeriod, months=months, **TERMS) for months in (1, 6)),
    command(AnnouncePriceChange, version=DEARER),
    command(SwitchOffAutoRenew),
    command(RenewNow),
    *(command(TopUp, amount=cny(minor)) for minor in (700, 2000)),
    command(SetAutoTopUp, threshold=cny(500), amount=cny(1000)),
    command(SetAutoTopUp),
    command(ChangeZone, zone="Europe/London"),
    command(HoldCard, reason="asked"),
    *[command(ReleaseCard)] * 2,
    command(ConfirmNumber, evidence="ticket-4"),
    _resolution(charged=True),
    _resolution(charged=False),
    Move("command", (RecordRefund, _of_last_payment)),
    Move("command", (RecordRefund, lambda c: {**_of_last_payment(c), "to": "balance"})),
    command(RecordRefund, amount=cny(50), evidence="ticket-3"),
    *[Move("command", (RecordRefund, _whole_last_payment))] * 2,
    Move("command", (RefundCharge, lambda c: {"attempt_id": _of_last_payment(c)["attempt_id"], "amount": cny(100)})),
    Move("command", (RefundCharge, lambda c: {"attempt_id": _of_last_payment(c)["attempt_id"], "ends_term": True})),
    Move("command", (RecordDispute, _of_last_payment)),
    Move("command", (RecordDisputeWon, _of_last_payment)),
    Move("command", (UndoTerm, lambda c: {"attempt_id": _of_last_payment(c)["attempt_id"]})),
    move("stops"),
    *[move("resumes")] * 2,
)
ENDINGS = (command(CloseCard), command(ConfirmReclaim))
"""Now and then, since little happens after them."""
HANDED_OVER = (
    command(SwitchOffAutoRenew),
    command(RemovePaymentMethod, method_id="visa"),
    command(ChangeHolder, holder_id="holder-2"),
    command(BindPaymentMethod, method=VISA),
    command(EnableAutoRenew, months=1, **TERMS),
)
"""How some begin: with a card that nobody uses, and that comes to another holder."""
KEEP_RULES = ((0, 5), (0, 90), (2, 30), (180, 270))
"""Days of grace and days to reclaim."""


def history_after(moves: Iterable[Move], card_id: UUID, keep_rule: tuple[int, int] = (2, 30)) -> CardHistory:
    history = CardHistory(card_id, *keep_rule)
    for move in moves:
        move.apply_to(history)
    return history


def random_history(seed: int, moves: int) -> CardHistory:
    """The same history for the same seed."""
    chance = Random(seed)
    card_id = UUID(int=chance.getrandbits(128), version=4)
    happens = [*chance.choices(MOVES, k=moves), chance.choice(ENDINGS), *chance.choices(MOVES, k=moves // 6)]
    begins = HANDED_OVER if seed % 7 == 0 else ()
    return history_after([*begins, *happens], card_id, chance.choice(KEEP_RULES))


def stored_round_by_round(store: Store, histories: Sequence[CardHistory]) -> Iterator[dict[UUID, Stream]]:
    """Stores histories in parallel, one append of each per round; yields the streams after each round."""
    streams = {history.card_id: Stream(history.card_id, None, 0, None) for history in histories}
    for number, together in enumerate(zip_longest(*(history.appends for history in histories)), start=1):
        appends = [
            Append(
                streams[history.card_id],
                one.facts,
                one.card,
                one.wake_at,
                f"round-{number}",
                actor("system", "tests"),
                event_ids=tuple(store.event_ids(len(one.facts))),
            )
            for history, one in zip(histories, together, strict=True)
            if one is not None
        ]
        answers = store.append_many(appends)
        assert (answers.conflicts, answers.limited) == (frozenset(), {})
        for one in appends:
            streams[one.stream.card_id] = one.stored
        yield dict(streams)


def store_all(store: Store, histories: Sequence[CardHistory]) -> dict[UUID, Stream]:
    *_, streams = stored_round_by_round(store, histories)
    return streams
