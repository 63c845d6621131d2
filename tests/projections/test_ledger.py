"""Read model `ledger`: each success is one transfer, and nothing else is."""

from collections import Counter

from engine.card.payments import ChargeSucceeded, RefundSucceeded
from projections.follow import follow
from projections.ledger import LEDGER, LedgerRow, gateway_totals
from projections.live import LIVE
from tests.engine.lives import random_life, store_all
from tests.engine.samples import CARD_ID, CHARGING, DECLINED, OPENS_AT, SECOND, attempt_id, renewed, succeeded, unknown
from tests.projections.folding import recorded, rows


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


def test_what_moves_no_money_is_no_transfer():
    assert rows(LEDGER, *DECLINED) == {}
    assert rows(LEDGER, *CHARGING, unknown(), renewed()) == {}


def test_the_gateways_totals_are_the_sum_of_all_successes_less_what_went_back(store, connection):
    assert gateway_totals(connection) == {}
    lives = [random_life(seed, 60) for seed in range(12)]
    store_all(store, lives)
    follow(connection, LIVE, 10_000)
    expected = Counter()
    for life in lives:
        for fact in life.facts:
            if isinstance(fact, ChargeSucceeded):
                expected[fact.amount.currency] += fact.amount.minor
            if isinstance(fact, RefundSucceeded):
                expected[fact.amount.currency] -= fact.amount.minor
    assert expected["CNY"] > 0
    assert gateway_totals(connection) == expected
