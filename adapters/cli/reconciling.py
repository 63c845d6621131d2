"""`baohao reconcile`: the provider's list of charges against the log."""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any

import psycopg
import typer
from psycopg import Connection

from adapters.asking import ReadRules
from adapters.cli.output import out, put_json, put_table
from adapters.cli.servers import database
from adapters.clock_check import clock_of
from adapters.differences import keep, what_to_do
from adapters.lost import T
from adapters.reconciling import Compared, Difference, Span, apply, compare, span_of
from adapters.schema import check_schema
from adapters.settings import Settings
from adapters.wiring import engine_of, listing_gateway, operator_of, rules_now, rules_of
from engine.errors import Refused
from engine.rules import Rules

COLUMNS = ("kind", "attempt_id", "provider", "log")
"""What fits a terminal, amounts in minor units; JSON has all."""
DIGITS = 4
"""Of a number of days: no longer ago than a date may be."""


def since_of(text: str) -> date | int:
    """A date (its beginning in UTC), or a number of days before now; raises BadParameter."""
    try:
        return int(text) if text.isascii() and text.isdecimal() and len(text) <= DIGITS else date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("give a number of days, or a date such as 2027-01-31", param_hint="--since") from None


def reconcile(settings: Settings, since: date | int, *, applies: bool, as_json: bool) -> None:
    """Print what differs, after `applies` what is left; exit status 1 if anything does."""
    with database(settings) as url:
        check_schema(url)
        with psycopg.connect(url, autocommit=True) as connection:
            facts, span, compared = asyncio.run(_reconcile(settings, url, connection, since, applies=applies))
    provider = settings.stripe_url if settings.gateway == "stripe" else "the simulated gateway"
    _put(provider, span, compared, facts, as_json=as_json)
    if compared.differences:
        raise typer.Exit(1)


async def _reconcile(
    settings: Settings, url: str, connection: Connection[Any], since: date | int, *, applies: bool
) -> tuple[int, Span, Compared]:
    """How many facts were recorded, and what differs after that."""
    read_rules: ReadRules = partial(rules_now, connection, clock_of(settings), rules_of(settings))
    rules, now = read_rules()
    begin = now - timedelta(days=since) if isinstance(since, int) else datetime.combine(since, time(), UTC)
    span = span_of(begin, now, timedelta(seconds=settings.gateway_budget_s))
    use = partial(_used, connection)
    async with listing_gateway(settings, url) as gateway:
        compared, facts = await compare(use, gateway, span), 0
        if applies:
            _check_not_restored(rules)
            engine, by = engine_of(settings, url, "cli"), operator_of(settings)
            facts = await apply(compared, engine, by, gateway, read_rules)
    if facts:
        async with listing_gateway(settings, url) as gateway:  # another one, which lists anew
            compared = await compare(use, gateway, span)
    keep(connection, span, compared.differences, now)
    return facts, span, compared


def _used(connection: Connection[Any], call: Callable[[Connection[Any]], T]) -> T:
    return call(connection)


def _check_not_restored(rules: Rules) -> None:
    if rules.restored is not None:
        message = "the database was restored, and all charges are looked up anyway; see `baohao restore status`"
        raise Refused("restored", message)


def _put(provider: str, span: Span, compared: Compared, facts: int, *, as_json: bool) -> None:
    if as_json:
        put_json(
            {
                "provider": provider,
                **span._asdict(),
                "charges_at_provider": compared.at_provider,
                "charges_in_log": compared.in_log,
                "open": [attempt_id for _, attempt_id in compared.open],
                "facts_recorded": facts,
                "differences": [one._asdict() for one in compared.differences],
            }
        )
        return
    out.print(f"of ours, by {provider}:", markup=False, highlight=False, soft_wrap=True)
    charges = f"{compared.at_provider} charges at the provider, {compared.in_log} in the log, {len(compared.open)} open"
    recorded = f"; {facts} facts recorded" if facts else ""
    out.print(f"{span.since:%Y-%m-%d %H:%M} to {span.until:%Y-%m-%d %H:%M} UTC: {charges}{recorded}", soft_wrap=True)
    if not compared.differences:
        out.print("differences: none")
        return
    rows = [(one.kind, one.attempt_id, one.provider_minor, one.log_minor) for one in compared.differences]
    put_table("differences", COLUMNS, rows)
    for one in compared.differences:
        out.print(_to_do(one), markup=False, highlight=False, soft_wrap=True)


def _to_do(one: Difference) -> str:
    said = f"; the log says `baohao card why {one.card_id} --charge {one.attempt_id}`" if one.log_minor else ""
    return f"{one.kind}: charge {one.gateway_ref} of card {one.card_id} {what_to_do(one.kind)}{said}"
