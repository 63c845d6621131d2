"""A bad catalogue file: each mistake is reported once, with its line, and all are reported together."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from engine.catalogue import Catalogue, KeepRule, read_catalogue
from engine.errors import CatalogueError

GOOD = Path(__file__).with_name("two_versions.toml").read_text("utf-8")
SHIPPED = read_catalogue()


@pytest.fixture
def written(tmp_path):
    """Writes a catalogue file: the good one with one thing changed."""

    def write(old: str = "", new: str = "") -> Path:
        assert old in GOOD
        path = tmp_path / "prices.toml"
        path.write_text(GOOD.replace(old, new, 1), "utf-8")
        return path

    return write


BAD_FILES = {
    "an unknown rounding": ('"half_up"', '"up"', "1: rounding: must be 'half_up', 'half_even' or 'down'"),
    "no rounding": ('rounding = "half_up"', "", "1: rounding: is missing"),
    "a misspelt field": ("notice_days", "notise_days", "6: plans.a.notise_days: is not known here"),
    "no Chinese name": (', zh = "甲"', "", "4: plans.a.name.zh: is missing"),
    "an empty name": ('"B"', '""', "9: plans.b.name.en: must not be empty"),
    "a name in a third language": ('zh = "乙"', 'zh = "乙", fr = "B"', "9: plans.b.name.fr: is not known here"),
    "a keep rule that is not there": ('keep_rule = "k"', 'keep_rule = "gone"', "5: plans.a.keep_rule: there is no"),
    "no days of notice": ("notice_days = 14", "notice_days = -1", "6: plans.a.notice_days: must be greater than or"),
    "days in quotes": ("reclaim_days = 30", 'reclaim_days = "30"', "14: keep_rules.k.reclaim_days: must be a whole"),
    "negative days of grace": ("grace_days = 2", "grace_days = -2", "13: keep_rules.k.grace_days: must be greater"),
    "grace that outlasts the number": (
        "grace_days = 2",
        "grace_days = 30",
        "14: keep_rules.k.reclaim_days: must be mor",
    ),
    "no quarantine": ("quarantine_days = 45", "", "12: keep_rules.k.quarantine_days: is missing"),
    "a version without name": ('version = "old"', "", "17: versions[0].version: is missing"),
    "a version with an empty name": ('"old"', '""', "18: versions[0].version: must not be empty"),
    "a name that no database keeps": ('"old"', '"\\u0000"', "18: versions[0].version: must match"),
    "a name twice": ('"new"', '"old"', "38: versions[1].version: versions[0] is called 'old' already"),
    "a day in quotes": ("2026-01-01", '"2026-01-01"', "19: versions[0].effective_on: must be a date such as"),
    "a day that never was": ("2026-01-01", "2026-02-30", "19: is not TOML: Invalid date or datetime (column 16)"),
    "the same day twice": ("2026-07-01", "2026-01-01", "39: versions[1].effective_on: must be later than 2026-01-01"),
    "versions out of order": ("2026-07-01", "2025-07-01", "39: versions[1].effective_on: must be later than 2026-01"),
    "a period without discount": ("12 = 2000\n", "", "21: versions[0].discounts: says nothing of a period of 12"),
    "a period that is no number": (
        "1 = 0\n",
        "1 = 0\nyear = 1\n",
        "23: versions[0].discounts.year: must be 1, 3, 6 or",
    ),
    "a period that is not sold": ("1 = 0\n", "1 = 0\n24 = 1\n", "23: versions[0].discounts.24: must be 1, 3, 6 or"),
    "a period given twice": ("1 = 0\n", "1 = 0\n01 = 1\n", "23: versions[0].discounts.01: must be 1, 3, 6 or 12"),
    "a longer period that is dearer": ("12 = 5000", "12 = 900", "40: versions[1].discounts.12: must be at least 1000"),
    "a discount of everything": ("12 = 2000", "12 = 10000", "25: versions[0].discounts.12: must be less than 10000"),
    "a surcharge": ("1 = 0\n", "1 = -1\n", "22: versions[0].discounts.1: must be greater than or equal to 0"),
    "a part of a basis point": ("3 = 500", "3 = 500.5", "23: versions[0].discounts.3: must be a whole number"),
    "a price of nothing": ("CNY = 1000", "CNY = 0", "28: versions[0].prices.a.CNY: must be greater than 0"),
    "a price in quotes": ("CNY = 1000", 'CNY = "1000"', "28: versions[0].prices.a.CNY: must be a whole number"),
    "part of a minor unit": ("CNY = 1000", "CNY = 9.5", "28: versions[0].prices.a.CNY: must be a whole number"),
    "a price beyond reason": ("CNY = 1000", f"CNY = {10**13}", "28: versions[0].prices.a.CNY: must be less than or"),
    "yes for a price": ("CNY = 1000", "CNY = true", "28: versions[0].prices.a.CNY: must be a whole number"),
    "a price that comes to nothing": ("12 = 5000", "12 = 9996", "45: versions[1].prices.a.EUR: a period of 12 comes"),
    "a price that the gateway does not charge": (
        '"half_up"',
        '"half_up"\nminimum_charges = { EUR = 191 }',
        "46: versions[1].prices.a.EUR: a period of 1 costs 190, less than the 191 of minimum_charges",
    ),
    "a currency that is none": ("EUR = 190", "EURO = 190", "45: versions[1].prices.a.EURO: is no ISO 4217 code"),
    "prices of no plan": (
        "[versions.prices.b]",
        "[versions.prices.z]\nCNY = 5\n[versions.prices.b]",
        "31: versions[0].prices.z: there is",
    ),
    "a plan never sold": ("[versions.prices.b]\nCNY = 500\n", "", "8: plans.b: has no price in any version"),
    "no price of a plan": ("CNY = 500\n", "", "31: versions[0].prices.b: must not be empty"),
    "a currency that goes": ("USD = 210\n", "", "42: versions[1].prices.a: has no price in USD any more"),
    "a fee for a plan not sold": ("_fees.a]", "_fees.z]", "34: versions[0].reactivation_fees.z: is not sold in this"),
    "a fee in another currency": ("CNY = 300", "EUR = 300", "35: versions[0].reactivation_fees.a.EUR: the plan has no"),
    "a fee of nothing": ("CNY = 300", "CNY = 0", "35: versions[0].reactivation_fees.a.CNY: must be greater than 0"),
    "not TOML": ("[versions.discounts]", "[versions.discounts", "21: is not TOML: Expected ']'"),
}


def mistakes_in(path) -> list[str]:
    """The reported lines of a bad file, without its name, with which each line must begin."""
    with pytest.raises(CatalogueError) as error:
        read_catalogue(path)
    lines = str(error.value).splitlines()
    assert all(line.startswith(f"{path}:") for line in lines)
    return [line.removeprefix(f"{path}:") for line in lines]


def test_the_file_is_good_before_it_is_made_bad(written):
    assert len(read_catalogue(written()).versions) == 2


def test_a_low_price_of_the_past_is_kept_and_so_is_one_that_is_rounded_up(written):
    """Version `new` sells plan a for 1,100 instead of 1,000, and plan b no more; 190 less 5 % is 180.5."""
    path = written('"half_up"', '"half_up"\nminimum_charges = { CNY = 1001, EUR = 181 }')
    text = path.read_text("utf-8").replace("1 = 0", "1 = 500", 2)
    path.write_text(text, "utf-8")
    assert read_catalogue(path).minimum_charge("CNY") == 1001


@pytest.mark.parametrize(("old", "new", "mistake"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_mistake_is_reported_once_with_its_place(written, old, new, mistake):
    [line] = mistakes_in(written(old, new))
    assert line.startswith(mistake)


def test_all_mistakes_are_reported_together_in_the_order_of_their_lines(written):
    """A bad field hides no broken rule."""
    path = written('"half_up"', '"up"')
    text = path.read_text("utf-8")
    for old, new in (('"k"', '"gone"'), ("reclaim_days = 30", "reclaim_days = 2"), ("CNY = 1000", "CNY = 0")):
        text = text.replace(old, new, 1)
    path.write_text(text.replace("2026-07-01", "2025-07-01").replace("USD = 210", "usd = 210"), "utf-8")
    assert [line.split(": ")[:2] for line in mistakes_in(path)] == [
        ["1", "rounding"],
        ["5", "plans.a.keep_rule"],
        ["14", "keep_rules.k.reclaim_days"],
        ["28", "versions[0].prices.a.CNY"],
        ["39", "versions[1].effective_on"],
        ["42", "versions[1].prices.a"],
        ["44", "versions[1].prices.a.usd"],
    ]


SHAPELESS = {
    "nothing at all": ("", ["1: rounding", "1: plans", "1: keep_rules", "1: versions"]),
    "numbers": ("rounding = 1\nplans = 2\nkeep_rules = 3\nversions = 4\n", None),
    "numbers in tables": ("rounding = 1\nplans.a = 2\nkeep_rules.k = 3\nversions = [4]\n", None),
    "no version": ('rounding = "down"\nversions = []\n[plans]\n[keep_rules]\n', ["2: versions", "3: plans"]),
    "one table of versions": ('[versions]\nversion = "x"\n[plans.a]\n', None),
    "prices that are numbers": ("[[versions]]\nprices = 1\ndiscounts = 2\nreactivation_fees = 3\n", None),
    "amounts that are tables": ("[[versions]]\n[versions.prices.a.CNY]\n[versions.discounts.1]\n[plans.a]\n", None),
    "days that are hours": ("[[versions]]\neffective_on = 1\n[[versions]]\neffective_on = 2026-01-01T00:00:00\n", None),
}


@pytest.mark.parametrize(("text", "places"), SHAPELESS.values(), ids=SHAPELESS)
def test_a_file_of_any_shape_has_its_mistakes_reported(tmp_path, text, places):
    path = tmp_path / "prices.toml"
    path.write_text(text)
    found = [": ".join(line.split(": ")[:2]) for line in mistakes_in(path)]
    assert found
    assert places in (None, found)


def test_a_plan_may_be_sold_in_a_version_whose_prices_cannot_be_read(tmp_path):
    path = tmp_path / "prices.toml"
    path.write_text("[plans.a]\n[[versions]]\nprices.b.CNY = 1\n[[versions]]\nprices = 1\n")
    assert not [line for line in mistakes_in(path) if "plans.a: " in line]


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.dates() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


def places_in(value, place=()):
    """The places of all tables, items and amounts in a document."""
    if place:
        yield place
    if isinstance(value, dict | tuple):
        for part, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places_in(inner, (*place, part))


@given(st.sampled_from(list(places_in(SHIPPED.model_dump()))), json_like)
def test_any_value_in_place_of_a_part_is_reported_or_accepted(place, value):
    """The rules look at what no field has checked yet."""
    document = part = SHIPPED.model_dump() | {"versions": [one.model_dump() for one in SHIPPED.versions]}
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    with suppress(ValidationError):
        Catalogue.model_validate(document)  # and raises nothing else


def test_a_missing_catalogue_file_is_reported(tmp_path):
    with pytest.raises(CatalogueError, match=r"gone\.toml: cannot be read"):
        read_catalogue(tmp_path / "gone.toml")


def test_a_keep_rule_alone_is_checked_too():
    with pytest.raises(ValidationError, match="must be more than grace_days"):
        TypeAdapter(KeepRule).validate_python(KeepRule(grace_days=30, reclaim_days=30, quarantine_days=0))
