"""The catalogue: what is shipped is right, and each day has its prices."""

import csv
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict

from engine.catalogue import PERIODS, Catalogue, read_catalogue
from engine.errors import Refused
from engine.money import Money

SHIPPED = read_catalogue()
DAY = date(2026, 3, 1)

TWO_VERSIONS = Path(__file__).with_name("two_versions.toml")
NEW_DAY = date(2026, 7, 1)
EVE = NEW_DAY - timedelta(days=1)


@pytest.fixture(scope="module")
def two_versions():
    return read_catalogue(TWO_VERSIONS)


def refusal(call, *arguments) -> tuple[str, str | None]:
    """Code and field of the refusal that a call ends in."""
    with pytest.raises(Refused) as refused:
        call(*arguments)
    return refused.value.code, refused.value.field


# What is shipped


def test_the_shipped_keep_rules_are_those_that_were_found():
    with Path(__file__).with_name("carriers.csv").open(encoding="utf-8", newline="") as file:
        found = {row.pop("keep_rule"): row for row in csv.DictReader(file)}
    shipped = {
        name: {field: str(value) for field, value in asdict(rule).items()} for name, rule in SHIPPED.keep_rules.items()
    }
    assert shipped == found


def test_the_shipped_plans_are_sold_in_each_currency():
    assert SHIPPED.plans
    assert {SHIPPED.currencies(plan, DAY) for plan in SHIPPED.plans} == {("CNY", "USD", "EUR")}


def test_two_shipped_plans_ask_a_fee_in_each_currency_when_a_suspended_card_is_paid_again():
    asked = [(plan, currency) for plan in SHIPPED.plans for currency in ("CNY", "USD", "EUR")]
    fees = {(plan, currency) for plan, currency in asked if SHIPPED.quote(plan, currency, 1, DAY).reactivation_fee}
    assert fees == {(plan, currency) for plan in ("keep-us", "keep-short") for currency in ("CNY", "USD", "EUR")}


def test_the_shipped_prices_save_money_on_longer_periods():
    quote = SHIPPED.quote("keep-short", "CNY", 12, DAY)
    assert quote.price == Money(minor=14_400, currency="CNY")  # 12 × 15.00 less 20 %
    assert quote.saving == Money(minor=3_600, currency="CNY")
    assert (quote.months, quote.catalogue_version) == (12, "2026-11-01")


offers = st.sampled_from([(plan, currency) for plan in SHIPPED.plans for currency in SHIPPED.currencies(plan, DAY)])


@given(offers)
def test_a_month_never_costs_more_within_a_longer_period(offer):
    per_month = [SHIPPED.quote(*offer, months, DAY).price.minor / months for months in PERIODS]
    assert per_month == sorted(per_month, reverse=True)


# Which version


@pytest.mark.parametrize(
    ("on", "version", "minor"),
    [
        (date(2026, 1, 1), "old", 1000),
        (EVE, "old", 1000),
        (NEW_DAY, "new", 1100),
        (date.max, "new", 1100),
    ],
    ids=["its first day", "its last day", "the next one's first day", "for ever"],
)
def test_the_version_in_force_on_the_day_sets_the_price(two_versions, on, version, minor):
    quote = two_versions.quote("a", "CNY", 1, on)
    assert (quote.catalogue_version, quote.price.minor) == (version, minor)


def test_each_version_has_discounts_of_its_own(two_versions):
    assert two_versions.quote("a", "CNY", 12, EVE).price.minor == 9600
    assert two_versions.quote("a", "CNY", 12, NEW_DAY).price.minor == 6600


def test_a_version_is_quoted_by_its_name_whatever_the_day(two_versions):
    for name, day in (("old", EVE), ("new", NEW_DAY)):
        for months in PERIODS:
            assert two_versions.quote_of(name, "a", "USD", months) == two_versions.quote("a", "USD", months, day)


def test_a_version_knows_its_first_day(two_versions):
    assert [two_versions.effective_on(name) for name in ("old", "new")] == [date(2026, 1, 1), NEW_DAY]


def test_before_the_first_version_nothing_is_sold(two_versions):
    day_before = date(2025, 12, 31)
    assert refusal(two_versions.quote, "a", "CNY", 1, day_before) == ("not_sold", "plan")
    assert refusal(two_versions.currencies, "a", day_before) == ("not_sold", "plan")


def test_a_plan_left_out_of_a_version_is_not_sold_from_then_on(two_versions):
    assert two_versions.quote("b", "CNY", 1, EVE).price.minor == 500
    assert refusal(two_versions.quote, "b", "CNY", 1, NEW_DAY) == ("not_sold", "plan")
    assert refusal(two_versions.quote_of, "new", "b", "CNY", 1) == ("not_sold", "plan")
    assert refusal(two_versions.currencies, "b", NEW_DAY) == ("not_sold", "plan")


def test_a_version_may_add_a_currency(two_versions):
    assert refusal(two_versions.quote, "a", "EUR", 1, EVE) == ("unknown_currency", "currency")
    assert two_versions.quote("a", "EUR", 1, NEW_DAY).price == Money(minor=190, currency="EUR")
    assert two_versions.currencies("a", NEW_DAY) == ("CNY", "USD", "EUR")


def test_unknown_plans_currencies_and_versions_are_refused(two_versions):
    assert refusal(two_versions.plan, "c") == ("unknown_plan", "plan")
    assert refusal(two_versions.quote, "c", "CNY", 1, EVE) == ("unknown_plan", "plan")
    assert refusal(two_versions.quote, "c", "CNY", 1, date.min) == ("unknown_plan", "plan")
    assert refusal(two_versions.quote_of, "old", "c", "CNY", 1) == ("unknown_plan", "plan")
    assert refusal(two_versions.quote_of, "old", "a", "GBP", 1) == ("unknown_currency", "currency")
    assert refusal(two_versions.quote_of, "older", "a", "CNY", 1) == ("unknown_version", "version")
    assert refusal(two_versions.effective_on, "older") == ("unknown_version", "version")


def test_a_refusal_names_what_there_is(two_versions):
    with pytest.raises(Refused, match="the catalogue has a, b"):
        two_versions.plan("c")
    with pytest.raises(Refused, match="no price in GBP, only in CNY, USD"):
        two_versions.quote("a", "GBP", 1, EVE)
    with pytest.raises(Refused, match="there are new, old"):
        two_versions.effective_on("older")


def test_a_reactivation_fee_is_quoted_where_the_version_in_force_says_so(two_versions):
    for months in PERIODS:
        assert two_versions.quote("a", "CNY", months, EVE).reactivation_fee == Money(minor=300, currency="CNY")
    nothing = [("a", "USD", 1, EVE), ("b", "CNY", 1, EVE), ("a", "CNY", 1, NEW_DAY)]
    assert [two_versions.quote(*asked).reactivation_fee for asked in nothing] == [None] * 3


def test_plans_say_their_keep_rule_and_how_long_before_a_price_change_must_be_announced(two_versions):
    assert [(plan.keep_rule, plan.notice_days) for plan in map(two_versions.plan, "ab")] == [("k", 14), ("k", 30)]


@pytest.mark.parametrize(("rounding", "minor"), [("half_up", 214), ("half_even", 214), ("down", 213)])
def test_a_price_is_rounded_as_the_catalogue_says(two_versions, rounding, minor):
    odd = two_versions.model_dump() | {"rounding": rounding}
    odd["versions"][0]["prices"]["b"]["CNY"] = 75
    assert Catalogue.model_validate(odd).quote("b", "CNY", 3, EVE).price.minor == minor  # 213.75


# Whatever the prices


@st.composite
def catalogues(draw):
    """One plan under up to three versions, with any prices and discounts that are allowed."""
    amounts = st.integers(100, 10**12)
    steps = st.lists(st.integers(0, 9900), min_size=4, max_size=4).map(sorted)
    versions = [
        {
            "version": str(number),
            "effective_on": DAY + timedelta(days=number),
            "discounts": dict(zip(PERIODS, draw(steps), strict=True)),
            "prices": {"a": {"CNY": draw(amounts)}},
        }
        for number in range(draw(st.integers(1, 3)))
    ]
    return Catalogue.model_validate(
        {
            "rounding": draw(st.sampled_from(["half_up", "half_even", "down"])),
            "plans": {"a": {"name": {"en": "A", "zh": "甲"}, "keep_rule": "k"}},
            "keep_rules": {"k": {"grace_days": 0, "reclaim_days": 5, "quarantine_days": 45}},
            "versions": versions,
        }
    )


days = st.dates(DAY, DAY + timedelta(days=5))


@given(catalogues(), days, st.sampled_from(PERIODS))
def test_price_and_saving_make_the_full_price(catalogue, on, months):
    quote = catalogue.quote("a", "CNY", months, on)
    version = next(one for one in catalogue.versions if one.version == quote.catalogue_version)
    assert (quote.price + quote.saving).minor == version.prices["a"]["CNY"] * months
    assert quote.price.minor > 0
    assert quote.saving.minor >= 0


@given(catalogues(), days)
def test_a_longer_period_is_never_dearer_per_month_but_for_the_rounding(catalogue, on):
    quotes = [catalogue.quote("a", "CNY", months, on) for months in PERIODS]
    for shorter, longer in pairwise(quotes):
        most = (shorter.price.minor + 1) * longer.months  # by less than a minor unit in each of the two prices
        assert (longer.price.minor - 1) * shorter.months < most


@given(catalogues(), days)
def test_the_version_in_force_is_the_last_one_that_has_begun(catalogue, on):
    version = catalogue.quote("a", "CNY", 1, on).catalogue_version
    assert catalogue.effective_on(version) <= on
    assert not [one for one in catalogue.versions if catalogue.effective_on(version) < one.effective_on <= on]


@given(catalogues())
def test_a_catalogue_survives_a_round_trip_through_json(catalogue):
    assert Catalogue.model_validate(catalogue.model_dump()) == catalogue
