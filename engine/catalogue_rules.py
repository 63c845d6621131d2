"""Rules between the parts of a catalogue, checked before its fields, so that one run reports every problem.

The rules read the file's plain tables and skip values of the wrong type, which the validation of the fields reports.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import pairwise
from typing import cast

from engine.money import BASIS_POINTS_PER_WHOLE, Money, Rounding

Broken = Iterator[tuple[tuple[str | int, ...], str]]
"""Places and sentences."""
Table = Mapping[object, object]


def broken_rules(document: object, periods: Sequence[int]) -> Broken:
    """Where a catalogue in plain tables breaks a rule, and what to do about it; it must discount all `periods`."""
    plans, keep_rules = _tables(_table(document).get("plans")), _table(_table(document).get("keep_rules"))
    versions = _array(_table(document).get("versions"))
    for name, plan in plans.items():
        keep_rule = plan.get("keep_rule")
        if isinstance(keep_rule, str) and keep_rule not in keep_rules:
            sentence = f"there is no [keep_rules.{keep_rule}]; add it or correct the name"
            yield ("plans", name, "keep_rule"), sentence
    if _table(document).get("versions") in ([], ()):
        yield ("versions",), "must not be empty; add a version of the prices"
    yield from _never_sold(plans, versions)
    yield from _order(versions)
    for number, version in enumerate(versions):
        yield from _discounts(number, version, periods)
        yield from _prices(number, version, plans, periods)
        yield from _fees(number, version)
    yield from _dropped_currencies(versions)
    for number, version in list(enumerate(versions))[-1:]:
        yield from _too_low(number, version, document, periods)


def _never_sold(plans: Mapping[str, Table], versions: Sequence[Table]) -> Broken:
    if not versions or not all(_is_table(version.get("prices")) for version in versions):
        return  # what is sold is unknown until the prices are tables
    sold = {name for version in versions for name in _table(version["prices"])}
    for name in plans:
        if name not in sold:
            yield ("plans", name), "has no price in any version; add one under [versions.prices] or remove the plan"


def _order(versions: Sequence[Table]) -> Broken:
    first: dict[object, int] = {}
    for number, version in enumerate(versions):
        name = version.get("version")
        if isinstance(name, str) and first.setdefault(name, number) != number:
            sentence = f"versions[{first[name]}] is called {name!r} already; give each version a name of its own"
            yield ("versions", number, "version"), sentence
    for number, (before, version) in enumerate(pairwise(versions), 1):
        earlier, day = before.get("effective_on"), version.get("effective_on")
        if _is_day(earlier) and _is_day(day) and cast("date", day) <= cast("date", earlier):
            sentence = f"must be later than {earlier}, the day of versions[{number - 1}]; put versions in their order"
            yield ("versions", number, "effective_on"), sentence


def _discounts(number: int, version: Table, periods: Sequence[int]) -> Broken:
    discounts = version.get("discounts")
    for months in periods:
        if _is_table(discounts) and not _table(discounts).keys() & {months, str(months)}:
            sentence = f"says nothing of a period of {months}; add {months} = 0 if it is not to be cheaper"
            yield ("versions", number, "discounts"), sentence
    for (shorter, less), (longer, more) in pairwise(_steps(version, periods)):
        if more < less:
            sentence = f"must be at least {less}, the discount for a period of {shorter}: longer is cheaper"
            yield ("versions", number, "discounts", str(longer)), sentence


def _prices(number: int, version: Table, plans: Mapping[str, Table], periods: Sequence[int]) -> Broken:
    whole = BASIS_POINTS_PER_WHOLE
    for name, prices in _tables(version.get("prices")).items():
        place = ("versions", number, "prices", name)
        if name not in plans:
            yield place, f"there is no [plans.{name}]; add it or correct the name"
        for currency, minor in _amounts(prices).items():
            for months, discount in _steps(version, periods):
                if minor > 0 and discount < whole and minor * months * (whole - discount) < whole:
                    sentence = f"a period of {months} comes to nothing after its discount; raise the price"
                    yield (*place, str(currency)), sentence


def _fees(number: int, version: Table) -> Broken:
    prices = _tables(version.get("prices"))
    for name, fees in _tables(version.get("reactivation_fees")).items():
        place = ("versions", number, "reactivation_fees", name)
        if name not in prices:
            yield place, "is not sold in this version; remove the fee or add prices"
            continue
        for currency in fees:
            if currency not in prices[name]:
                sentence = f"the plan has no price in {currency} in this version; remove the fee or add a price"
                yield (*place, str(currency)), sentence


def _dropped_currencies(versions: Sequence[Table]) -> Broken:
    for number, (before, version) in enumerate(pairwise(versions), 1):
        earlier, prices = _tables(before.get("prices")), _tables(version.get("prices"))
        for name in prices:
            for currency in earlier.get(name, ()):
                if currency not in prices[name]:
                    sentence = f"has no price in {currency} any more, so cards paid in it could not be renewed; add one"
                    yield ("versions", number, "prices", name), sentence


def _too_low(number: int, version: Table, document: object, periods: Sequence[int]) -> Broken:
    """Of the last version: what was sold before it may have been charged when the gateway took less."""
    rounding = _ROUNDINGS.get(str(_table(document).get("rounding")))
    if rounding is None:
        return
    least = _amounts(_table(document).get("minimum_charges"))
    for name, prices in _tables(version.get("prices")).items():
        for currency, minor in _amounts(prices).items():
            monthly, at_least = Money(minor=minor, currency=str(currency)), least.get(currency, 0)
            costs = [
                ((monthly * months).less_discount(discount, rounding).minor, months)
                for months, discount in _steps(version, periods)
            ]
            price, months = min(costs, default=(0, 0))
            if 0 < price < at_least:
                sentence = (
                    f"a period of {months} costs {price}, less than the {at_least} of minimum_charges, so that it "
                    "could not be charged; add a version with a higher price"
                )
                yield ("versions", number, "prices", name, str(currency)), sentence


_ROUNDINGS: Mapping[str, Rounding] = {one.name.lower(): one for one in Rounding}


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping)


def _table(value: object) -> Table:
    return cast("Table", value) if _is_table(value) else {}


def _tables(value: object) -> dict[str, Table]:
    return {str(name): _table(inner) for name, inner in _table(value).items() if _is_table(inner)}


def _amounts(value: object) -> dict[object, int]:
    return {key: inner for key, inner in _table(value).items() if isinstance(inner, int)}


def _steps(version: Table, periods: Sequence[int]) -> list[tuple[int, int]]:
    """Months and basis points, short periods first."""
    discounts = _amounts(version.get("discounts"))
    found = ((months, discounts.get(str(months), discounts.get(months))) for months in periods)
    return [(months, discount) for months, discount in found if discount is not None]


def _array(value: object) -> list[Table]:
    return [_table(item) for item in cast("Sequence[object]", value)] if isinstance(value, list | tuple) else []


def _is_day(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)
