"""The catalogue: what is shipped is right, a price shows its saving, and a bad file is told where it is bad."""

import csv
import re
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalogue import PERIODS, read_catalogue
from engine.errors import CatalogueError, Refused
from engine.money import Money
from tests.engine.samples import CATALOGUE

SHIPPED = (resources.files("engine") / "catalogue.toml").read_text("utf-8")

offers = st.sampled_from([(plan, currency) for plan in CATALOGUE.plans for currency in CATALOGUE.plans[plan].price])


@pytest.fixture
def written(tmp_path):
    """Writes a catalogue file: the shipped one with one thing changed."""

    def write(old: str, new: str) -> Path:
        assert old in SHIPPED
        path = tmp_path / "catalogue.toml"
        path.write_text(SHIPPED.replace(old, new, 1), "utf-8")
        return path

    return write


def test_the_shipped_keep_rules_are_those_that_were_found():
    with Path(__file__).with_name("carriers.csv").open(encoding="utf-8", newline="") as file:
        found = {row.pop("keep_rule"): row for row in csv.DictReader(file)}
    shipped = {
        name: {field: str(value) for field, value in rule.model_dump().items()}
        for name, rule in CATALOGUE.keep_rules.items()
    }
    assert shipped == found


def test_the_shipped_plans_have_a_price_in_each_currency_and_a_name_in_both_languages():
    assert CATALOGUE.plans
    for plan in CATALOGUE.plans.values():
        assert set(plan.price) == {"CNY", "USD", "EUR"}
        assert set(plan.name) == {"en", "zh"}


def test_a_file_of_ones_own_is_read(written):
    changed = read_catalogue(written('version = "2026-11-01"', 'version = "mine"'))
    assert changed.model_dump() == CATALOGUE.model_dump() | {"version": "mine"}


def test_a_longer_period_shows_what_it_saves():
    quote = CATALOGUE.quote("keep-short", "CNY", 12)
    assert quote.price == Money(minor=14_400, currency="CNY")  # 12 × 15.00 less 20 %
    assert quote.saving == Money(minor=3_600, currency="CNY")
    assert (quote.months, quote.catalogue_version) == (12, CATALOGUE.version)


def test_a_price_is_rounded_as_the_catalogue_says(written):
    assert CATALOGUE.quote("keep-cn", "USD", 3).price.minor == 214  # 213.75
    down = read_catalogue(written('rounding = "half_up"', 'rounding = "down"'))
    assert down.quote("keep-cn", "USD", 3).price.minor == 213


@given(offers, st.sampled_from(PERIODS))
def test_price_and_saving_make_the_full_price(offer, months):
    monthly = CATALOGUE.quote(*offer, 1)
    quote = CATALOGUE.quote(*offer, months)
    assert quote.price + quote.saving == monthly.price * months
    assert monthly.saving.minor == 0


@given(offers)
def test_a_month_never_costs_more_within_a_longer_period(offer):
    per_month = [CATALOGUE.quote(*offer, months).price.minor / months for months in PERIODS]
    assert per_month == sorted(per_month, reverse=True)


def test_an_unknown_plan_is_refused_and_the_known_ones_are_named():
    with pytest.raises(Refused, match="keep-basic, keep-cn") as refusal:
        CATALOGUE.quote("keep-all", "CNY", 1)
    assert (refusal.value.code, refusal.value.field) == ("unknown_plan", "plan")


def test_an_unknown_currency_is_refused():
    with pytest.raises(Refused) as refusal:
        CATALOGUE.quote("keep-cn", "GBP", 1)
    assert (refusal.value.code, refusal.value.field) == ("unknown_currency", "currency")


BAD_FILES = {
    "not TOML": ("[discounts]", "[discounts", "line"),
    "a plan's keep rule is not there": ('keep_rule = "giffgaff"', 'keep_rule = "gone"', "plans.keep-plus.keep_rule"),
    "a price of nothing": ("CNY = 800", "CNY = 0", "plans.keep-basic.price.CNY"),
    "a price that is no number": ("CNY = 800", 'CNY = "much"', "plans.keep-basic.price.CNY"),
    "part of a minor unit": ("CNY = 800", "CNY = 8.5", "plans.keep-basic.price.CNY"),
    "a currency that is none": ("CNY = 800", "RMBY = 800", "plans.keep-basic.price.RMBY"),
    "a period without discount": ("12 = 2000\n", "", "discounts"),
    "a period that is not sold": ("12 = 2000", "24 = 2000", "discounts.24"),
    "a period that is no number": ("12 = 2000", "year = 2000", "discounts.year"),
    "a longer period that is dearer": ("12 = 2000", "12 = 900", "discounts"),
    "a discount of everything": ("12 = 2000", "12 = 10000", "discounts"),
    "a surcharge": ("1 = 0", "1 = -1", "discounts"),
    "discounts that are no table": ("[discounts]", "discounts = 5\n[other]", "discounts"),
    "grace that outlasts the number": ("grace_days = 2", "grace_days = 30", "keep_rules.reach-brand"),
    "negative days of grace": ("grace_days = 2", "grace_days = -2", "keep_rules.reach-brand.grace_days"),
    "a misspelt field": ("quarantine_days = 180", "quarantene_days = 180", "keep_rules.giffgaff.quarantene_days"),
    "an unknown rounding": ('rounding = "half_up"', 'rounding = "up"', "rounding"),
    "no version": ('version = "2026-11-01"', "", "version"),
    "a day that never was": ("effective_on = 2026-01-01", "effective_on = 2026-02-30", "line"),
}


@pytest.mark.parametrize(("old", "new", "place"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_told_where_it_is_bad(written, old, new, place):
    path = written(old, new)
    with pytest.raises(CatalogueError, match=re.escape(place)) as error:
        read_catalogue(path)
    assert str(error.value).startswith(f"{path}: ")


def test_a_file_that_is_no_text_is_told_apart(tmp_path):
    path = tmp_path / "catalogue.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CatalogueError, match=re.escape(str(path))):
        read_catalogue(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CatalogueError, match=r"gone\.toml"):
        read_catalogue(tmp_path / "gone.toml")
