"""Prices and rules: checking files of the catalogue and of the policy, and quoting renewals."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple, NoReturn

import typer

from adapters.cli.amounts import money
from adapters.cli.output import err, put_fields, put_json, put_rows, put_table
from adapters.clock import recorded_now
from engine.catalogue import PERIODS, Catalogue, Period, read_catalogue
from engine.money import Currency
from engine.policy import Policy
from engine.policy_file import PolicyFile
from engine.toml_file import Problem, read_toml


class Offer(NamedTuple):
    """The price of one period of a plan in one currency, and the version of the prices that it is from."""

    plan: str
    months: int
    currency: Currency
    price_minor: int
    saving_minor: int
    reactivation_fee_minor: int
    catalogue_version: str
    effective_on: date


def check(file: Path, *, as_json: bool) -> None:
    """A summary of the catalogue in `file`; exit status 1 with its problems, one a line, if it has any."""
    found = read_toml(file, Catalogue)
    if not isinstance(found, Catalogue):
        _refuse(file, found, as_json=as_json)
    _put_summary(file, found, as_json=as_json)


def check_policy(file: Path, *, as_json: bool) -> None:
    """What the policy in `file` changes; exit status 1 with its problems, one a line, if it has any."""
    found = read_toml(file, PolicyFile)
    if not isinstance(found, PolicyFile):
        _refuse(file, found, as_json=as_json)
    shipped = Policy()
    changed = {name: value for name, value in found.model_dump(mode="json").items() if name != "gateway_budget"}
    before = shipped.model_dump(mode="json")
    put_fields("policy", {name: value for name, value in changed.items() if value != before[name]}, as_json=as_json)


def _refuse(file: Path, problems: Sequence[Problem], *, as_json: bool) -> NoReturn:
    if as_json:
        put_json([problem._asdict() for problem in problems])
    else:
        for problem in problems:
            err.print(problem.formatted(file), markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1)


def show_quotes(
    file: Path | None, plan: str, months: int | None, currency: Currency | None, on: date | None, *, as_json: bool
) -> None:
    """Prices of a plan on a local day (None: today on this machine); raises Refused and CatalogueError."""
    catalogue, on = read_catalogue(file), on or recorded_now().astimezone().date()
    offers = [
        _offer(catalogue, plan, each, period, on)
        for each in ([currency] if currency else catalogue.currencies(plan, on))
        for period in PERIODS
        if months in (None, period)
    ]
    if as_json:
        put_rows("quote", offers, as_json=True)
        return
    columns = ("months", "price", "saving", "fee if off", "prices of", "since")
    put_table(f"quote of {plan} on {on}", columns, [_as_row(offer) for offer in offers])


def _offer(catalogue: Catalogue, plan: str, currency: Currency, months: Period, on: date) -> Offer:
    quote = catalogue.quote(plan, currency, months, on)
    version, fee = quote.catalogue_version, quote.reactivation_fee.minor if quote.reactivation_fee else 0
    begin = catalogue.effective_on(version)
    return Offer(plan, months, currency, quote.price.minor, quote.saving.minor, fee, version, begin)


def _as_row(offer: Offer) -> tuple[object, ...]:
    amounts = (offer.price_minor, offer.saving_minor, offer.reactivation_fee_minor)
    return (
        offer.months,
        *(money(minor, offer.currency) for minor in amounts),
        offer.catalogue_version,
        offer.effective_on,
    )


def _put_summary(file: Path, catalogue: Catalogue, *, as_json: bool) -> None:
    prices = [prices for version in catalogue.versions for prices in version.prices.values()]
    plans, currencies = sorted(catalogue.plans), sorted(set[str]().union(*prices))
    versions = [{"version": one.version, "effective_on": one.effective_on} for one in catalogue.versions]
    if as_json:
        put_json({"versions": versions, "plans": plans, "currencies": currencies})
        return
    shown = {
        "versions": ", ".join(f"{one.version} from {one.effective_on}" for one in catalogue.versions),
        "plans": ", ".join(plans),
        "currencies": ", ".join(currencies),
    }
    put_fields(f"catalogue {file}", shown, as_json=False)
