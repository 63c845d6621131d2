"""Asked or told twice: a second time, in the light of its own facts, each decision changes nothing more.

Where the second time is refused or means a second time, the row says so, and the command's id makes it harmless.
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
from engine.card.refunds import RefundOutcomeUnknown, record_refund_answer
from engine.card.top_ups import AutoTopUpSet
from engine.commands import (
    ConfirmReclaim,
    EnableAutoRenew,
    RecordDispute,
    RecordDisputeWon,
    RecordRefund,
    RemovePaymentMethod,
    RenewNow,
    ResolveAttempt,
    SetAutoTopUp,
    TopUp,
    decide,
)
from engine.money import Money
from engine.ports import Answer, Declined, NotFound, RefundAnswer, RefundDeclined, Refunded, Unclear
from tests.engine.asked import execute
from tests.engine.every_command import EXAMPLES, FIVE, GOING_BACK, KINDS, NOW, OWED, REFUND, cards_with, command
from tests.engine.given import Expected, Given, Then, fact, forgotten, given
from tests.engine.samples import (
    CARD_ID,
    CHARGING,
    DECLINED,
    MONTH_PRICE,
    OPENS_AT,
    PAYING,
    POLICY,
    TWO_VERSIONS,
    attempt_id,
    charged,
    failed,
    suspended,
    unknown,
)

WHEN = pytest.mark.parametrize("later", [timedelta(0), timedelta(hours=1)], ids=["at once", "later"])


def then_is(then: Then, twice: Expected | str | None) -> None:
    if twice is None:
        then.nothing()
    elif isinstance(twice, str):
        then.refused(twice)
    else:
        then.then(twice)


# Commands


class Asked(NamedTuple):
    """A command for a card, and what comes of it a second time: nothing, unless a refusal or a fact is named."""

    kind: type
    card: tuple[Event, ...]
    fields: dict[str, Any]
    twice: Expected | str | None


def asked(kind: type, *card: Event, twice: Expected | str | None = None, **changed: Any) -> Asked:
    return Asked(kind, card or EXAMPLES[kind].card, changed, twice)


CNY_5, PRICE = Money(minor=500, currency="CNY"), to_builtins(MONTH_PRICE)
NEVER_HAPPENED = (*CHARGING, unknown(), failed(code="never_happened"))
SECOND_TIME = {
    RemovePaymentMethod: "unknown_method",  # a card does not remember what was removed
    RenewNow: fact(RenewalRequested),
    TopUp: "charge_under_way",  # and once that is over, another one
    RecordRefund: fact(BalanceCredited),
    RecordDispute: fact(DisputeRecorded),
    RecordDisputeWon: "more_than_disputed",
}
ASKED = [
    *(asked(kind, twice=SECOND_TIME.get(kind)) for kind in KINDS),
    asked(EnableAutoRenew, *PAYING, months=6),
    asked(
        SetAutoTopUp,
        *(*PAYING, AutoTopUpSet(threshold=CNY_5, amount=CNY_5, at=NOW)),
        threshold=None,
        amount=None,
    ),
    asked(ConfirmReclaim, *DECLINED, suspended()),
    asked(ResolveAttempt, charged=False),
    asked(ResolveAttempt, *NEVER_HAPPENED),
    asked(RecordRefund, amount=PRICE, to="method", twice="more_than_charged"),
    asked(RecordRefund, *OWED, amount=PRICE, to="method", twice="more_than_charged"),
    asked(
        RecordRefund,
        *(*PAYING, BalanceCredited(amount=CNY_5, reason="released", about=None, at=NOW)),
        attempt_id=None,
        amount=FIVE,
        to="method",
        twice="more_than_balance",
    ),
    asked(RecordDispute, amount=PRICE, twice="more_than_charged"),
]


def test_every_command_has_its_row():
    assert set(KINDS) == {row.kind for row in ASKED}


def asks(card: Given, row: Asked, at: datetime) -> Then:
    wish = command(row.kind, CARD_ID, **row.fields)
    return card.when(lambda card, at: decide(wish, card, TWO_VERSIONS, at, forgotten), at=at)


@WHEN
@pytest.mark.parametrize("row", ASKED, ids=lambda row: row.kind.__name__)
def test_what_is_asked_twice(row, later):
    once = asks(given(*row.card), row, NOW)
    assert once.facts, once.refusal
    then_is(asks(Given(once.card), row, NOW + later), row.twice)


@WHEN
def test_under_the_same_id_every_command_is_answered_as_before_and_adds_no_fact(engine, store, later):
    cards = cards_with(store, *(row.card for row in ASKED))
    wishes = [command(row.kind, card_id, **row.fields) for row, card_id in zip(ASKED, cards, strict=True)]
    answers = execute(engine, wishes, TWO_VERSIONS, NOW)
    assert all(isinstance(answer, tuple) and answer for answer in answers)
    before = store.load_many(cards)
    assert execute(engine, wishes, TWO_VERSIONS, NOW + later) == answers
    assert store.load_many(cards) == before


# Answers of the gateway


class Told(NamedTuple):
    """An answer, and what comes of it a second time; each that says nothing definite counts as asked once more."""

    card: tuple[Event, ...]
    said: Any
    twice: Expected | None = None
    at: datetime = NOW


ASKED_AGAIN = fact(ChargeOutcomeUnknown, asked=2)
SURELY = OPENS_AT + POLICY.key_lifetime + POLICY.never_happened_after
TOLD = {
    "charged": Told(CHARGING, charged()),
    "charged after all": Told(NEVER_HAPPENED, charged()),
    "charged another amount": Told(CHARGING, charged(amount=CNY_5), ASKED_AGAIN),
    "declined": Told(CHARGING, Declined(code="insufficient_funds")),
    "declined for good": Told(CHARGING, Declined(code="expired_card")),
    "declined as our mistake": Told(CHARGING, Declined(code="invalid_amount")),
    "declined for want of a mandate": Told(CHARGING, Declined(code="stop_payment_order")),
    "declined for want of any mandate": Told(CHARGING, Declined(code="revocation_of_all_authorizations")),
    "declined as paid already": Told(CHARGING, Declined(code="duplicate_transaction"), ASKED_AGAIN),
    "unclear": Told(CHARGING, Unclear(reason="timeout"), ASKED_AGAIN),
    "not found yet": Told(CHARGING, NotFound(), ASKED_AGAIN),
    "not found": Told(CHARGING, NotFound(), at=SURELY),
}
REFUND_ASKED_AGAIN = fact(RefundOutcomeUnknown, asked=2)
GIVEN_BACK = Refunded(refund_id=REFUND.refund_id, amount=MONTH_PRICE, gateway_ref="back-1")
TOLD_OF_REFUNDS = {
    "refunded": Told(GOING_BACK, GIVEN_BACK),
    "refunded another amount": Told(GOING_BACK, GIVEN_BACK.model_copy(update={"amount": CNY_5}), REFUND_ASKED_AGAIN),
    "declined": Told(GOING_BACK, RefundDeclined(code="too_late")),
    "unclear": Told(GOING_BACK, Unclear(reason="timeout"), REFUND_ASKED_AGAIN),
}


def test_every_answer_has_its_row():
    assert {type(row.said) for row in TOLD.values()} == set(get_args(Answer))
    assert {type(row.said) for row in TOLD_OF_REFUNDS.values()} == set(get_args(RefundAnswer))


@WHEN
@pytest.mark.parametrize("row", TOLD.values(), ids=TOLD)
def test_what_is_told_twice(row, later):
    answer = {"learned": "sent", "policy": POLICY}
    once = given(*row.card).when(record_answer, attempt_id(), row.said, **answer, at=row.at)
    assert once.facts
    then_is(Given(once.card).when(record_answer, attempt_id(), row.said, **answer, at=row.at + later), row.twice)


@WHEN
@pytest.mark.parametrize("row", TOLD_OF_REFUNDS.values(), ids=TOLD_OF_REFUNDS)
def test_what_is_told_twice_of_a_refund(row, later):
    answer = {"policy": POLICY, "at": row.at + later}
    once = given(*row.card).when(record_refund_answer, REFUND.refund_id, row.said, policy=POLICY, at=row.at)
    assert once.facts
    then_is(Given(once.card).when(record_refund_answer, REFUND.refund_id, row.said, **answer), row.twice)
