"""Stripe's units of money beside ISO 4217's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.gateways.stripe_amounts import AmountError, from_stripe, to_stripe
from engine.money import Money

ODD = ["JPY", "KRW", "MGA", "ISK", "UGX", "HUF", "TWD", "KWD", "TND", "EUR", "XPF", "CLP"]


@pytest.mark.parametrize(
    ("minor", "currency", "sent"),
    [
        (1000, "USD", 1000),
        (500, "JPY", 500),
        (5, "ISK", 500),
        (5, "UGX", 500),
        (500, "MGA", 5),
        (5120, "KWD", 5120),
        (1045, "HUF", 1045),
        (80_045, "TWD", 80_045),
    ],
)
def test_an_amount_is_sent_in_stripes_unit(minor, currency, sent):
    assert to_stripe(Money(minor=minor, currency=currency)) == sent
    assert from_stripe(sent, currency.lower()) == Money(minor=minor, currency=currency)


@pytest.mark.parametrize(("minor", "currency"), [(501, "MGA"), (5124, "KWD"), (100, "CLF"), (100, "IQD")])
def test_what_stripe_cannot_express_is_refused(minor, currency):
    with pytest.raises(AmountError):
        to_stripe(Money(minor=minor, currency=currency))


@pytest.mark.parametrize(("amount", "currency"), [(501, "isk"), (501, "ugx"), (100, "lyd")])
def test_what_stripe_cannot_mean_is_refused(amount, currency):
    with pytest.raises(AmountError):
        from_stripe(amount, currency)


@given(st.sampled_from(ODD), st.integers(0, 10**8))
def test_there_and_back_it_is_the_same(currency, tens):
    money = Money(minor=tens * 100, currency=currency)
    assert from_stripe(to_stripe(money), currency.lower()) == money
