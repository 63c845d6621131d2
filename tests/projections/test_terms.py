"""Read model `terms`: given renewals, then the paid terms; and month by month what of them is earned."""

from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from msgspec.structs import replace

from engine.card.undoing import TermUndone
from engine.money import Money
from projections.terms import TERMS, RevenueRow, TermRow, revenue, term_id_of
from tests.engine.samples import CARD_ID, MONTH_PRICE, PAID, attempt_id
from tests.engine.test_undoing import AT
from tests.projections.folding import rows

KEY = term_id_of(CARD_ID, 1)
RENEWED = PAID[-1]
ROW = TermRow(KEY, CARD_ID, 1, RENEWED.term.starts_on, RENEWED.term.ends_on, "CNY", MONTH_PRICE.minor, 0, RENEWED.at)


def test_a_renewal_is_a_paid_term():
    assert rows(TERMS, *PAID) == {KEY: ROW}


def test_the_fee_stands_beside_the_price():
    fee = Money(minor=700, currency="CNY")
    assert rows(TERMS, *PAID[:-1], replace(RENEWED, reactivation_fee=fee)) == {KEY: ROW._replace(fee_minor=700)}


def test_a_term_that_is_undone_was_never_sold():
    undone = TermUndone(undone_number=1, attempt_id=attempt_id(), term=RENEWED.term, at=AT)
    assert rows(TERMS, *PAID, undone) == {KEY: None}


@pytest.fixture
def sold(connection):
    def sell(starts_on, ends_on, price, paid_on, fee=0, currency="EUR"):
        paid_at = datetime(paid_on.year, paid_on.month, paid_on.day, 12, tzinfo=UTC)
        values = (uuid4(), CARD_ID, 1, starts_on, ends_on, currency, price, fee, paid_at)
        connection.execute("INSERT INTO terms VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)", values)

    return sell


def months(connection, first, last):
    return [(one.month.month, one.sold, one.earned, one.deferred) for one in revenue(connection, first, last)]


def test_a_price_is_earned_over_the_days_of_its_term(connection, sold):
    sold(date(2027, 1, 16), date(2027, 4, 16), 9000, paid_on=date(2027, 1, 10))  # 90 days, 100 a day
    assert months(connection, date(2027, 1, 1), date(2027, 5, 31)) == [
        (1, 9000, 1600, 7400),
        (2, 0, 2800, 4600),
        (3, 0, 3100, 1500),
        (4, 0, 1500, 0),
        (5, 0, 0, 0),
    ]
    assert months(connection, date(2027, 3, 9), date(2027, 3, 10)) == [(3, 0, 1000, 3600)]


def test_nothing_is_earned_before_it_is_paid_and_a_fee_at_once(connection, sold):
    sold(date(2027, 1, 31), date(2027, 3, 2), 3000, paid_on=date(2027, 2, 10), fee=500)  # 30 days, 100 a day
    assert months(connection, date(2027, 1, 1), date(2027, 3, 31)) == [(2, 3500, 3400, 100), (3, 0, 100, 0)]


def test_currencies_are_kept_apart(connection, sold):
    for currency in ("CNY", "EUR"):
        sold(date(2027, 1, 1), date(2027, 2, 1), 3100, paid_on=date(2027, 1, 1), currency=currency)
    assert revenue(connection, date(2027, 1, 1), date(2027, 1, 31)) == [
        RevenueRow(date(2027, 1, 1), currency, 3100, 3100, 0) for currency in ("CNY", "EUR")
    ]


def test_where_nothing_was_sold_there_is_no_month(connection):
    assert revenue(connection, date(2027, 1, 1), date(2027, 12, 31)) == []
