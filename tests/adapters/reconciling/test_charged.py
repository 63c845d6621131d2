"""What the log says of charges, read backwards as far as it has to be."""

from datetime import timedelta

import pytest

from adapters import charged
from adapters.charged import CLOCKS_DIFFER, books_since
from engine.ports import Declined
from tests.adapters.cards import BEGIN, FAR, PRICE


@pytest.mark.parametrize("at_once", [1, 2, 5000])
def test_each_attempt_has_its_outcome_and_its_refunds(simulated, connection, monkeypatch, at_once):
    monkeypatch.setattr(charged, "AT_ONCE", at_once)
    paid = simulated.charged()
    declined = simulated.charged(answer=Declined(code="generic_decline"))
    simulated.refunded(paid)
    books = books_since(connection, BEGIN)
    assert set(books) == {paid.attempt_id, declined.attempt_id}
    book = books[paid.attempt_id]
    assert (book.card_id, book.succeeded.amount.minor, sum(book.kept().values())) == (paid.card_id, PRICE, PRICE)
    assert (book.refunded_most, book.failed) == (PRICE, False)
    assert (books[declined.attempt_id].succeeded, books[declined.attempt_id].failed) == (None, True)


def test_it_is_read_as_far_back_as_is_asked_for(simulated, connection):
    simulated.charged()
    assert len(books_since(connection, FAR)) == 1
    assert books_since(connection, FAR + CLOCKS_DIFFER + timedelta(seconds=1)) == {}
