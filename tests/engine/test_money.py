"""Money is whole minor units of one currency; rounding happens once, by name."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from engine.money import BASIS_POINTS_PER_WHOLE, CurrencyMismatchError, Money, Rounding, exponent

FROM_OUTSIDE = TypeAdapter(Money)
amounts = st.builds(Money, minor=st.integers(-(10**12), 10**12), currency=st.just("CNY"))


def cny(minor: int) -> Money:
    return Money(minor=minor, currency="CNY")


def test_money_adds_subtracts_and_multiplies_in_minor_units():
    assert cny(1500) + cny(1) == cny(1501)
    assert cny(1500) - cny(1501) == cny(-1)
    assert cny(1500) * 12 == cny(18000)


@pytest.mark.parametrize("together", [lambda a, b: a + b, lambda a, b: a - b])
def test_amounts_of_two_currencies_are_never_combined(together):
    with pytest.raises(CurrencyMismatchError, match="CNY and USD"):
        together(cny(1), Money(minor=1, currency="USD"))


def test_one_unit_of_another_currency_is_another_amount():
    assert cny(1) != Money(minor=1, currency="USD")


@pytest.mark.parametrize("currency", ["cny", "CN", "CNYX", "", "¥"])
def test_a_currency_is_three_capital_letters(currency):
    with pytest.raises(ValidationError):
        FROM_OUTSIDE.validate_python({"minor": 1, "currency": currency})


@pytest.mark.parametrize("minor", [0.5, 1.0, "1", None])
def test_only_whole_minor_units_are_money(minor):
    with pytest.raises(ValidationError):
        FROM_OUTSIDE.validate_python({"minor": minor, "currency": "CNY"})


def test_an_invalid_amount_is_rejected_on_validation():
    with pytest.raises(ValidationError):
        FROM_OUTSIDE.validate_python(Money(minor=1, currency="cny"))


@pytest.mark.parametrize(
    ("minor", "basis_points", "rounding", "left"),
    [
        (1000, 2000, Rounding.HALF_UP, 800),
        (25, 1000, Rounding.HALF_UP, 23),  # 22.5
        (25, 1000, Rounding.HALF_EVEN, 22),
        (35, 1000, Rounding.HALF_EVEN, 32),  # 31.5
        (25, 1000, Rounding.DOWN, 22),
        (29, 1000, Rounding.DOWN, 26),  # 26.1
        (19, 1000, Rounding.DOWN, 17),  # 17.1
        (-25, 1000, Rounding.HALF_UP, -23),
        (1, 9999, Rounding.HALF_UP, 0),
    ],
)
def test_a_discount_is_rounded_as_its_name_says(minor, basis_points, rounding, left):
    assert cny(minor).less_discount(basis_points, rounding) == cny(left)


@pytest.mark.parametrize(
    ("currencies", "decimals"),
    [
        ("CNY EUR USD GBP HKD MOP TWD SGD THB", 2),
        ("IDR HUF COP LAK MMK", 2),  # though their cents are not shown any more
        ("JPY KRW VND CLP ISK PYG UGX XAF XOF XPF BIF DJF GNF KMF RWF UYI VUV", 0),
        ("BHD IQD JOD KWD LYD OMR TND", 3),
        ("CLF UYW", 4),
        ("XAU XXX ZZZ", 2),  # without a minor unit, or no currency
    ],
)
def test_the_decimals_of_a_currency_are_those_of_iso_4217(currencies, decimals):
    assert {exponent(currency) for currency in currencies.split()} == {decimals}


@given(amounts, st.sampled_from(Rounding))
def test_no_discount_changes_nothing(amount, rounding):
    assert amount.less_discount(0, rounding) == amount


@given(amounts, st.integers(0, BASIS_POINTS_PER_WHOLE), st.sampled_from(Rounding))
def test_a_discounted_amount_is_less_than_one_minor_unit_off_the_exact_one(amount, basis_points, rounding):
    exact = Decimal(amount.minor) * (BASIS_POINTS_PER_WHOLE - basis_points) / BASIS_POINTS_PER_WHOLE
    assert abs(amount.less_discount(basis_points, rounding).minor - exact) < 1


@given(amounts, amounts)
def test_subtracting_undoes_adding(one, other):
    assert one + other - other == one
