"""Repeated commands and answers: after its own facts, each decision changes nothing more.

Where the second time is refused or acts again, the example says so, and the command's id makes it idempotent.
"""

from datetime import datetime, timedelta
from typing import Any, NamedTuple, get_args

import pytest
from msgspec import to_builtins

from engine.card.attempt import ChargeOutcomeUnknown
from engine.card.balance import BalanceCredited
from engine.card.charge import RenewalRequested
from engine.card.disputes import DisputeRecorded
from engine.card.event import Event
from engine.card.outcomes import record_answer
from engine.card.refunding import record_refund_answer
from engine.card.refunds import RefundOutcomeUnknown, RefundSucceeded
from engine.card.standing_order import AutoTopUpSet
from engine.command_dispatch import decide
from engine.commands import (
    ConfirmReclaim,
    EnableAutoRenew,
    RecordDispute,
    RecordDisputeWon,
    RecordRefund,
    RefundCharge,
    RemovePaymentMethod,
    RenewNow,
    ResolveAttempt,
    SetAutoTopUp,
    TopUp,
    UndoTerm,
)
from engine.money import Money
from engine.ports import (
    Answer,
    Declined,
    NotFound,
    Pending,
    RefundAccepted,
    RefundAnswer,
    RefundDeclined,
    Refunded,
    Unclear,
)
from engine.questions import refund_request
from tests.engine.engine_calls import execute
from tests.engine.every_command import EXAMPLES, FIVE, KINDS, NOW, OWED, REFUND, REFUNDING, cards_with, command
from tests.engine.given_when_then import Expected, Given, Then, fact, given, no_older_charge
from tests.engine.samples import (
    CARD_ID,
    CHARGING,
    DECLINED,
    MONTH_PRICE,
    OPENS_AT,
    PAYING,
    PROVIDER,
    RULES,
    TWO_VERSIONS,
    attempt_id,
    charged,
    failed,
    suspended,
    unknown,
)

WHEN = pytest.mark.parametrize("later", [timedelta(0), timedelta(hours=1)], ids=["at once", "later"])


pytestmark = pytest.mark.usefixtures("copied_attempts")


def then_is(then: Then, twice: Expected | str | None) -> None:
    if twice is None:
        then.nothing()
    elif isinstance(twice, str):
        then.refused(twice)
    else:
        then.then(twice)


# Commands


class RepeatedCommand(NamedTuple):
    """A command for a card, and its result the second time: nothing, unless a refusal or a fact is named."""

    kind: type
    card: tuple[Event, ...]
    fields: dict[str, Any]
    twice: Expected | str | None


def repeated(kind: type, *card: Event, twice: Expected | str | None = None, **changed: Any) -> RepeatedCommand:
    return RepeatedCommand(kind, card or EXAMPLES[kind].card, changed, twice)


CNY_5, PRICE = Money(minor=500, currency="CNY"), to_builtins(MONTH_PRICE)
NEVER_HAPPENED = (*CHARGING, unknown(), failed(code="never_happened"))
SECOND_TIME = {
    RemovePaymentMethod: "unknown_method",  # a card does not remember what was removed
    RenewNow: fact(RenewalRequested),
    TopUp: "charge_under_way",  # and once that is over, another one
    RecordRefund: fact(BalanceCredited),
    RefundCharge: "refund_under_way",
    UndoTerm: "term_begun",  # the one before it runs
    RecordDispute: fact(DisputeRecorded),
    RecordDisputeWon: "more_than_disputed",
}
COMMANDS = [
    *(repeated(kind, twice=SECOND_TIME.get(kind)) for kind in KINDS),
    repeated(EnableAutoRenew, *PAYING, months=6),
    repeated(
        SetAutoTopUp,
        *(*PAYING, AutoTopUpSet(threshold=CNY_5, amount=CNY_5, at=NOW)),
        threshold=None,
        amount=None,
    ),
    repeated(ConfirmReclaim, *DECLINED, suspended()),
    repeated(ResolveAttempt, charged=False),
    repeated(ResolveAttempt, *NEVER_HAPPENED),
    repeated(RecordRefund, amount=PRICE, to="method", twice="more_than_charged"),
    repeated(RecordRefund, *OWED, amount=PRICE, to="method", twice="more_than_charged"),
    repeated(
        RecordRefund,
        *(*PAYING, BalanceCredited(amount=CNY_5, reason="released", about=None, at=NOW)),
        attempt_id=None,
        amount=FIVE,
        to="method",
        twice="more_than_balance",
    ),
    repeated(RecordDispute, amount=PRICE, twice="more_than_charged"),
]


def test_every_command_has_an_example():
    assert set(KINDS) == {row.kind for row in COMMANDS}


def given_command(card: Given, row: RepeatedCommand, at: datetime) -> Then:
    one = command(row.kind, CARD_ID, **row.fields)
    return card.when(lambda card, at: decide(one, card, TWO_VERSIONS, at, no_older_charge), at=at)


@WHEN
@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.kind.__name__)
def test_a_repeated_command(row, later):
    once = given_command(given(*row.card), row, NOW)
    assert once.facts, once.refusal
    then_is(given_command(Given(once.card), row, NOW + later), row.twice)


@WHEN
def test_under_the_same_id_every_command_gets_the_same_reply_and_adds_no_fact(engine, store, later):
    cards = cards_with(store, *(row.card for row in COMMANDS))
    commands = [command(row.kind, card_id, **row.fields) for row, card_id in zip(COMMANDS, cards, strict=True)]
    replies = execute(engine, commands, TWO_VERSIONS, NOW)
    assert all(isinstance(reply, tuple) and reply for reply in replies)
    before = store.load_many(cards)
    assert execute(engine, commands, TWO_VERSIONS, NOW + later) == replies
    assert store.load_many(cards) == before


# Answers of the gateway


class RepeatedAnswer(NamedTuple):
    """An answer, and its result the second time; an indefinite one counts as asked once more, if it comes later."""

    card: tuple[Event, ...]
    reply: Any
    twice: Expected | None = None
    at: datetime = NOW


REFUND_REQUEST = refund_request(CARD_ID, REFUND)
ASKED_AGAIN = fact(ChargeOutcomeUnknown, asked=2)
CERTAINLY = OPENS_AT + PROVIDER.key_lifetime + PROVIDER.never_happened_after
ANSWERS = {
    "charged": RepeatedAnswer(CHARGING, charged()),
    "charged after all": RepeatedAnswer(NEVER_HAPPENED, charged()),
    "charged another amount": RepeatedAnswer(CHARGING, charged(amount=CNY_5), ASKED_AGAIN),
    "declined": RepeatedAnswer(CHARGING, Declined(code="insufficient_funds")),
    "declined for good": RepeatedAnswer(CHARGING, Declined(code="expired_card")),
    "declined as our mistake": RepeatedAnswer(CHARGING, Declined(code="invalid_amount")),
    "declined for want of a mandate": RepeatedAnswer(CHARGING, Declined(code="stop_payment_order")),
    "declined for want of any mandate": RepeatedAnswer(CHARGING, Declined(code="revocation_of_all_authorizations")),
    "declined as paid already": RepeatedAnswer(CHARGING, Declined(code="duplicate_transaction"), ASKED_AGAIN),
    "unclear": RepeatedAnswer(CHARGING, Unclear(reason="timeout"), ASKED_AGAIN),
    "pending": RepeatedAnswer(CHARGING, Pending(attempt_id=attempt_id(), gateway_ref="ref-1")),
    "pending, of another attempt": RepeatedAnswer(
        CHARGING, Pending(attempt_id=attempt_id(9), gateway_ref="ref-9"), ASKED_AGAIN
    ),
    "not found yet": RepeatedAnswer(CHARGING, NotFound(), ASKED_AGAIN),
    "not found": RepeatedAnswer(CHARGING, NotFound(), at=CERTAINLY),
}
GIVEN_BACK = RefundSucceeded(
    refund_id=REFUND.refund_id, attempt_id=attempt_id(), amount=MONTH_PRICE, gateway_ref="back-1", at=NOW
)
REFUND_ASKED_AGAIN = fact(RefundOutcomeUnknown, asked=2)
REFUNDED = Refunded(refund_id=REFUND.refund_id, amount=MONTH_PRICE, gateway_ref="back-1")
REFUND_ANSWERS = {
    "refunded": RepeatedAnswer(REFUNDING, REFUNDED),
    "refunded another amount": RepeatedAnswer(
        REFUNDING, REFUNDED.model_copy(update={"amount": CNY_5}), REFUND_ASKED_AGAIN
    ),
    "declined": RepeatedAnswer(REFUNDING, RefundDeclined(code="too_late")),
    "accepted": RepeatedAnswer(REFUNDING, RefundAccepted(refund_id=REFUND.refund_id, gateway_ref="back-1")),
    "accepted, another one": RepeatedAnswer(
        REFUNDING, RefundAccepted(refund_id=attempt_id(9), gateway_ref="back-9"), REFUND_ASKED_AGAIN
    ),
    "not found": RepeatedAnswer(REFUNDING, NotFound(), REFUND_ASKED_AGAIN),
    "unclear": RepeatedAnswer(REFUNDING, Unclear(reason="timeout"), REFUND_ASKED_AGAIN),
    "came back": RepeatedAnswer((*REFUNDING, GIVEN_BACK), RefundDeclined(code="closed_account")),
}


def test_every_answer_has_an_example():
    assert {type(row.reply) for row in ANSWERS.values()} == set(get_args(Answer))
    assert {type(row.reply) for row in REFUND_ANSWERS.values()} == set(get_args(RefundAnswer))


@WHEN
@pytest.mark.parametrize("row", ANSWERS.values(), ids=ANSWERS)
def test_a_repeated_answer(row, later):
    answer = {"learned": "sent", "rules": RULES}
    once = given(*row.card).when(record_answer, attempt_id(), row.reply, **answer, at=row.at)
    assert once.facts
    twice = row.twice if later else None
    then_is(Given(once.card).when(record_answer, attempt_id(), row.reply, **answer, at=row.at + later), twice)


@WHEN
@pytest.mark.parametrize("row", REFUND_ANSWERS.values(), ids=REFUND_ANSWERS)
def test_a_repeated_answer_about_a_refund(row, later):
    answer = {"rules": RULES, "recall": no_older_charge, "at": row.at + later}
    once = given(*row.card).when(record_refund_answer, REFUND_REQUEST, row.reply, **{**answer, "at": row.at})
    assert once.facts
    twice = row.twice if later else None
    then_is(Given(once.card).when(record_refund_answer, REFUND_REQUEST, row.reply, **answer), twice)
