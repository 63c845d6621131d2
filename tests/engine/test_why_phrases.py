"""How values are expected in English."""

from datetime import timedelta

import pytest

from engine.declines import Consequence
from engine.money import Money
from engine.why.phrases import (
    AUTHORITIES,
    CONSEQUENCES,
    count,
    described,
    listed,
    money,
    ordinal,
    quoted,
    span,
    withheld_by,
)
from tests.engine.samples import DEBIT


@pytest.mark.parametrize(
    ("minor", "currency", "expected"),
    [
        (1500, "CNY", "15.00 CNY"),
        (5, "EUR", "0.05 EUR"),
        (-1501, "USD", "-15.01 USD"),
        (1500, "JPY", "1500 JPY"),
        (1500, "KWD", "1.500 KWD"),
        (10**15, "CNY", "10000000000000.00 CNY"),
        (0, "CNY", "0.00 CNY"),
    ],
)
def test_money_is_shown_in_whole_units_with_the_decimals_of_its_currency(minor, currency, expected):
    assert money(Money(minor=minor, currency=currency)) == expected


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (timedelta(0), "0 seconds"),
        (timedelta(seconds=1.9), "1 second"),
        (timedelta(minutes=5), "5 minutes"),
        (timedelta(hours=27, seconds=9), "1 day 3 hours"),
        (timedelta(days=2, minutes=9), "2 days"),
    ],
)
def test_a_span_is_shown_in_its_two_largest_units(time, expected):
    assert span(time) == expected


def test_numbers_and_lists_are_phrased_as_in_plain_english():
    assert (count(1, "rung"), count(2, "rung")) == ("1 rung", "2 rungs")
    assert (ordinal(3), ordinal(10), ordinal(11)) == ("third try", "tenth try", "try number 11")
    assert (listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])) == ("a", "a and b", "a, b and c")
    assert quoted(" two\n  lines ") == "“two lines”"
    assert described(DEBIT) == "debit (debit card)"
    assert withheld_by("retries_30d", None) == "rule retries_30d of the network limits forbids it"


def test_every_consequence_and_authority_has_its_phrase():
    assert CONSEQUENCES.keys() == set(Consequence)
    assert set(AUTHORITIES) == {"advice_code", "network_code", "code", "unknown_code"}
