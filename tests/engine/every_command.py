"""One valid example of each command: the history of a card that accepts it, and its fields besides the ids."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple, get_args
from uuid import UUID, uuid4

from msgspec import to_builtins
from pydantic import TypeAdapter

from engine import commands
from engine.actor import actor
from engine.card.attempt import CaseOpened
from engine.card.custody import CardClosed
from engine.card.disputes import DisputeRecorded
from engine.card.event import Event
from engine.card.evolve import replay
from engine.card.hold import CardHeld
from engine.card.ids import derived_id
from engine.card.lapse import NumberReclaimed
from engine.card.refunds import RefundFailed, RefundRecorded, RefundStarted, refund_id_of
from engine.money import Money
from engine.store.streams import Append, Store, Stream
from tests.engine.samples import (
    CARD_ID,
    CHARGING,
    DEARER,
    DEBIT,
    ENDS_AT,
    MONTH_PRICE,
    PAID,
    PAYING,
    PAYPAL,
    POLICY,
    VISA,
    VISA_AGAIN,
    ZONE,
    attempt_id,
    attempted,
    bound,
    failed,
    local,
    registered,
    unknown,
)

COMMANDS = TypeAdapter(commands.Command)
KINDS: tuple[type, ...] = get_args(commands.AnyCommand)
NOW = local("2026-03-29 12:00")

TWO_METHODS = (*PAYING, bound(PAYPAL))
REFUNDED = RefundRecorded(attempt_id=attempt_id(), amount=MONTH_PRICE, evidence="ticket-1", at=NOW)
HELD = CardHeld(reason="a doubt", by="operator", at=NOW)
IN_DOUBT = CaseOpened(about=derived_id(CARD_ID, "number_may_be_lost"), reason="number_may_be_lost", at=NOW)
NOTHING = Money(minor=0, currency="CNY")
CLOSED = CardClosed(reason="holder", balance=NOTHING, at=NOW)
RECLAIMED = NumberReclaimed(
    term_number=0,
    by="carrier",
    quarantined_until=date(2026, 6, 15),
    balance=NOTHING,
    policy_version=POLICY.version,
    at=NOW,
)
REFUND = RefundStarted(
    refund_id=refund_id_of(CARD_ID, attempt_id()),
    attempt_id=attempt_id(),
    gateway_ref="ref-1",
    amount=MONTH_PRICE,
    reason="number_reclaimed",
    at=NOW,
)
REFUNDING = (*PAID, RECLAIMED, REFUND)
OWED = (*REFUNDING, RefundFailed(refund_id=REFUND.refund_id, attempt_id=attempt_id(), code="too_late", at=NOW))

TERMS = {"terms_version": "terms-2", "channel": "app"}
FIVE, TEN = {"minor": 500, "currency": "CNY"}, {"minor": 1000, "currency": "CNY"}
DISPUTED = DisputeRecorded(
    attempt_id=attempt_id(), method_id="visa", amount=Money(minor=500, currency="CNY"), evidence="bank", at=ENDS_AT
)
OF_ATTEMPT = {"attempt_id": str(attempt_id()), "evidence": "ticket-1"}


class Example(NamedTuple):
    """A card's history (empty: it is not registered), and a command's own fields as in JSON."""

    card: tuple[Event, ...]
    fields: dict[str, Any]


EXAMPLES: dict[type, Example] = {
    commands.RegisterCard: Example(
        (),
        {
            "holder_id": "holder-1",
            "plan": "keep-short",
            "currency": "CNY",
            "zone": ZONE,
            "starts_on": "2026-03-01",
            "months": 1,
        },
    ),
    commands.BindPaymentMethod: Example(PAYING, {"method": to_builtins(PAYPAL)}),
    commands.UpdatePaymentMethod: Example(PAYING, {"method": to_builtins(VISA_AGAIN)}),
    commands.RemovePaymentMethod: Example(TWO_METHODS, {"method_id": "paypal"}),
    commands.OrderPaymentMethods: Example(TWO_METHODS, {"method_ids": ["paypal", "visa"], "balance_first": True}),
    commands.AllowPaymentMethod: Example(
        (*PAYING, bound(DEBIT), CHARGING[-2], attempted(method=DEBIT), failed(method=DEBIT, code="stolen_card")),
        {"fingerprint": "fp-debit", "reason": "its issuer vouches for it"},
    ),
    commands.EnableAutoRenew: Example((registered(), bound(VISA)), {"months": 12, **TERMS}),
    commands.ChangePeriod: Example(PAYING, {"months": 6, **TERMS}),
    commands.SwitchOffAutoRenew: Example(PAYING, {"reason": "operator"}),
    commands.RenewNow: Example(PAYING, {}),
    commands.TopUp: Example(PAYING, {"amount": TEN}),
    commands.SetAutoTopUp: Example(PAYING, {"threshold": FIVE, "amount": TEN}),
    commands.ChangeZone: Example(PAYING, {"zone": "Europe/London"}),
    commands.ChangeHolder: Example((registered(),), {"holder_id": "holder-2"}),
    commands.HoldCard: Example(PAYING, {"reason": "a doubt"}),
    commands.ReleaseCard: Example((*PAYING, HELD), {}),
    commands.ConfirmNumber: Example((*PAYING, HELD, IN_DOUBT), {"evidence": "ticket-1"}),
    commands.CloseCard: Example(PAYING, {"reason": "moved"}),
    commands.ConfirmReclaim: Example(PAID, {}),
    commands.ResolveAttempt: Example((*CHARGING, unknown()), {"charged": True, "gateway_ref": "ref-1", **OF_ATTEMPT}),
    commands.RecordRefund: Example(PAID, {"amount": FIVE, "to": "balance", **OF_ATTEMPT}),
    commands.RefundCharge: Example(PAID, {"attempt_id": str(attempt_id()), "amount": FIVE}),
    commands.UndoTerm: Example((*PAID, REFUNDED), {"attempt_id": str(attempt_id())}),
    commands.RecordDispute: Example(PAID, {"amount": FIVE, **OF_ATTEMPT}),
    commands.RecordDisputeWon: Example((*PAID, DISPUTED), {"amount": FIVE, **OF_ATTEMPT}),
    commands.AnnouncePriceChange: Example(PAYING, {"version": DEARER}),
}


def command(kind: type, card_id: UUID | None = None, **changed: Any) -> Any:
    """The example of this kind, with some fields changed, as it is read from outside."""
    frame = {"command": kind.__name__, "command_id": str(uuid4()), "card_id": str(card_id or uuid4())}
    return COMMANDS.validate_python(frame | EXAMPLES[kind].fields | changed)


def cards_with(store: Store, *histories: Sequence[Event]) -> list[UUID]:
    """Cards that have these histories, one each."""
    streams = [Stream(uuid4(), None, 0, None) for _ in histories]
    appends = [
        Append(stream, tuple(facts), replay(None, stream.card_id, facts), None, "given", actor("holder", "holder-1"))
        for stream, facts in zip(streams, histories, strict=True)
        if facts
    ]
    answers = store.append_many(appends)
    assert (answers.conflicts, answers.limited) == (frozenset(), {})
    return [stream.card_id for stream in streams]
