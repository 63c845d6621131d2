"""Read model `ledger`: each movement of money is one transfer."""

from collections import Counter
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.card.balance import BalanceCredited, BalanceDebited, BalancePaidOut
from engine.card.disputes import DisputeRecorded, DisputeWon
from engine.card.payments import ChargeSucceeded
from engine.card.refunds import RefundRecorded, RefundReturned, RefundSucceeded
from projections.follow import follow
from projections.ledger import LEDGER, LedgerRow, gateway_totals
from projections.live import LIVE
from tests.engine.random_histories import random_history, store_all
from tests.engine.samples import (
    CARD_ID,
    CHARGING,
    DECLINED,
    MONTH_PRICE,
    OPENS_AT,
    SECOND,
    VISA,
    attempt_id,
    renewed,
    succeeded,
    unknown,
)
from tests.projections.folding import fields, recorded, rows

ABOUT = {"attempt_id": attempt_id(), "amount": MONTH_PRICE, "at": OPENS_AT}
BACK = {**ABOUT, "refund_id": UUID(int=9), "gateway_ref": "back-1"}
OPERATOR = {**ABOUT, "evidence": "ticket-1"}
CREDIT = {"amount": MONTH_PRICE, "at": OPENS_AT}


def test_a_success_is_a_transfer_from_the_gateway_to_sales():
    assert rows(LEDGER, recorded(succeeded(), 6, position=41)) == {
        41: LedgerRow(
            position=41,
            card_id=CARD_ID,
            attempt_id=attempt_id(),
            debit="gateway",
            credit="sales",
            currency="CNY",
            minor=1500,
            at=OPENS_AT + SECOND,
        )
    }


def test_a_fact_that_moves_no_money_is_no_transfer():
    assert rows(LEDGER, *DECLINED) == {}
    assert rows(LEDGER, *CHARGING, unknown(), renewed()) == {}


@pytest.mark.parametrize(
    ("fact", "debit", "credit", "about"),
    [
        (BalanceCredited(**CREDIT, reason="top_up", about=attempt_id()), "sales", "balance", attempt_id()),
        (BalanceCredited(**CREDIT, reason="refund", about=attempt_id()), "sales", "balance", attempt_id()),
        (BalanceCredited(**CREDIT, reason="released", about=None), "sales", "balance", None),
        (BalancePaidOut(amount=MONTH_PRICE, evidence="ticket-1", at=OPENS_AT), "balance", "paid_out", None),
        (RefundSucceeded(**BACK), "sales", "gateway", attempt_id()),
        (RefundRecorded(**OPERATOR), "sales", "paid_out", attempt_id()),
        (DisputeRecorded(**OPERATOR, method_id=VISA.method_id), "sales", "disputes", attempt_id()),
        (DisputeWon(**OPERATOR, method_id=VISA.method_id, over=True), "disputes", "sales", attempt_id()),
        (BalanceCredited(**CREDIT, reason="dispute_won", about=attempt_id()), "sales", "balance", attempt_id()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_movement_of_money_has_its_accounts(fact, debit, credit, about):
    [row] = rows(LEDGER, fact).values()
    assert fields(row, "debit", "credit", "minor", "attempt_id") == (debit, credit, 1500, about)


def test_what_the_balance_pays_for_a_term_is_earned_with_the_term():
    partly = replace(renewed(), from_balance=600)
    wholly = replace(renewed(), from_balance=1500, attempt_id=None)
    for fact, minor, about in ((partly, 600, attempt_id()), (wholly, 1500, None)):
        [row] = rows(LEDGER, fact).values()
        assert fields(row, "debit", "credit", "minor", "attempt_id") == ("balance", "sales", minor, about)


def test_what_is_withheld_of_a_term_and_a_refund_that_was_not_made_move_nothing():
    withheld = BalanceDebited(amount=MONTH_PRICE, reason="dispute", about=attempt_id(), of_term=1, at=OPENS_AT)
    assert rows(LEDGER, withheld) == {}
    assert rows(LEDGER, RefundRecorded(**OPERATOR | {"amount": replace(MONTH_PRICE, minor=0)})) == {}


def test_releasing_a_reservation_moves_nothing():
    assert rows(LEDGER, BalanceCredited(**CREDIT, reason="released", about=attempt_id())) == {}


def booked(life):
    """After each append of a life: the card, and what is on each account."""
    accounts, position = Counter(), 0
    for append in life.appends:
        for fact in append.facts:
            position += 1
            for row in rows(LEDGER, recorded(fact, position)).values():
                assert row.minor > 0
                accounts[row.debit] += row.minor
                accounts[row.credit] -= row.minor
        yield append.card, accounts


@given(seed=st.integers(0, 2**32))
def test_what_we_owe_on_the_balance_is_what_the_card_has_and_has_reserved(seed):
    for card, accounts in booked(random_history(seed, 120)):
        reserved = card.attempts.open.from_balance if card.attempts.open else 0
        assert -accounts["balance"] == card.balance.minor + reserved


@given(seed=st.integers(0, 2**32))
def test_the_gateway_owes_us_what_it_took_and_did_not_give_back(seed):
    life = random_history(seed, 120)
    *_, (_, accounts) = booked(life)
    took = sum(fact.amount.minor for fact in life.facts if isinstance(fact, ChargeSucceeded))
    gave = sum(fact.amount.minor for fact in life.facts if isinstance(fact, RefundSucceeded))
    returned = sum(fact.amount.minor for fact in life.facts if isinstance(fact, RefundReturned))
    assert accounts["gateway"] == took - gave + returned
    assert sum(accounts.values()) == 0


def test_the_gateways_totals_are_the_sum_of_all_successes_less_what_went_back(store, connection):
    assert gateway_totals(connection) == {}
    lives = [random_history(seed, 60) for seed in range(12)]
    store_all(store, lives)
    follow(connection, LIVE, 10_000)
    expected = Counter()
    for life in lives:
        for fact in life.facts:
            if isinstance(fact, ChargeSucceeded | RefundReturned):
                expected[fact.amount.currency] += fact.amount.minor
            if isinstance(fact, RefundSucceeded):
                expected[fact.amount.currency] -= fact.amount.minor
    assert expected["CNY"] > 0
    assert gateway_totals(connection) == expected
