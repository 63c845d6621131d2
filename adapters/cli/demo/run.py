"""`baohao demo`: a virtual year on real servers and processes, shown live, then summed up and checked."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import nats
import psycopg
from dateutil.relativedelta import relativedelta
from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from adapters.broker.events import EVENTS_STREAM
from adapters.cli.demo.at_sandbox import FAULTS, bound_there, set_clock, totals_of, wait_for
from adapters.cli.demo.population import BEGIN, population
from adapters.cli.demo.year import Year
from adapters.cli.output import err, put_fields, put_json
from adapters.cli.servers import Running, temporary_home
from adapters.cli.serving import all_roles
from adapters.cli.system_lock import SystemRunsError, mark_demo, running_system
from adapters.cli.with_sandbox import System, with_sandbox
from adapters.gateways.simulated import double_charges, totals
from adapters.gateways.stripe_amounts import from_stripe
from adapters.parked import list_parked
from adapters.roles import ROLES, Role
from adapters.settings import Settings, load_settings
from adapters.supervise import Supervisor
from adapters.wiring import engine_of, rules_of
from engine.card.attempt import ChargeAttempted
from engine.card.decline import ChargeFailed
from engine.card.event import Event
from engine.card.payments import ChargeSucceeded
from engine.card.refunds import RefundSucceeded
from engine.card.term import CardRenewed
from engine.envelope import names_of
from projections.cards import count_by_status
from projections.cases import list_cases
from projections.follow import BATCH
from projections.ledger import gateway_totals
from projections.live import differences

REFRESH_S = 0.25
CASES_MAX = 100_000


def run_demo(*, cards: int, months: int, seed: int, home: Path | None, at_sandbox: bool, as_json: bool) -> int:
    """Run the demo; returns the exit status: 0 only if promises 1, 2 and 5 held."""
    with _home(home) as folder, _screen(cards, months) as watch:
        settings = demo_settings(folder, seed)
        system = with_sandbox(settings, seed, FAULTS) if at_sandbox else System(settings)
        summary = virtual_year(system, cards=cards, months=months, seed=seed, watch=watch)
    if as_json:
        put_json(summary)
    else:
        put_fields("virtual year", summary, as_json=False)
    return 0 if promises_held(summary) else 1


def promises_held(summary: dict[str, Any]) -> bool:
    """Whether nobody was charged twice, all money has its fact, no card is parked, and a replay equals the rows."""
    counts = summary["double_charges"], summary["parked"]
    return counts == (0, 0) and summary["ledger_equals_gateway"] and summary["read_models_equal_replay"]


def demo_settings(home: Path, seed: int) -> Settings:
    """Embedded servers, a virtual clock, and short time-outs of gateway and broker."""
    return load_settings(
        home=home,
        database_url=None,
        nats_url=None,
        nats_port=0,
        web_port=0,
        clock="virtual",
        gateway_seed=seed,
        gateway_record=home / "gateway.sqlite3",
        gateway_budget_s=1,
        ack_wait_s=3,
        fetch_ms=5,
        poll_ms=200,
    )


def virtual_year(
    system: System,
    *,
    cards: int,
    months: int,
    seed: int,
    watch: Callable[[datetime, Supervisor, psycopg.Connection[Any]], None],
) -> dict[str, Any]:
    """Run `months` of virtual time for `cards` made-up cards and sum it up."""
    settings, beside = system
    roles: tuple[Role, ...] = (*ROLES, "web") if beside else ROLES
    with (
        all_roles(settings, roles, what="baohao demo", beside=beside) as (running, supervisor),
        psycopg.connect(running.database_url, autocommit=True) as connection,
    ):
        started = perf_counter()
        commands = population(cards, months, seed)
        if beside:
            wait_for(system.address)
            set_clock(system.address, BEGIN)
            commands = bound_there(system.address, commands)
        year = Year(
            begin=BEGIN,
            end=BEGIN + relativedelta(months=months),
            commands=commands,
            engine=engine_of(settings, running.database_url, "demo"),
            rules=rules_of(settings),
            connection=connection,
            nats_url=running.nats_url,
            on_step=lambda now: watch(now, supervisor, connection),
            move_others=partial(set_clock, system.address) if beside else None,
        )
        year.run()
        wall_s = perf_counter() - started
        figures = {"cards": cards, "months": months, "seed": seed} | _summary(connection, running, system)
        figures["commands_refused"] = year.refused
        figures["wall_s"] = round(wall_s, 1)
        figures["renewals_per_s"] = round(figures["renewals"] / wall_s, 1)
        return figures


def _summary(connection: psycopg.Connection[Any], running: Running, system: System) -> dict[str, Any]:
    counts = dict(connection.execute("SELECT topic, count(*) FROM card_events GROUP BY topic").fetchall())
    gateway, doubled = _at_gateway(running.settings.gateway_record, system)
    ledger = gateway_totals(connection)
    return {
        "events": sum(counts.values()),
        "renewals": _count(counts, CardRenewed),
        "charges_attempted": _count(counts, ChargeAttempted),
        "charges_succeeded": _count(counts, ChargeSucceeded),
        "charges_failed": _count(counts, ChargeFailed),
        "unknown_resolved": _unknown_resolved(connection),
        "double_charges": doubled,
        "refunds": _count(counts, RefundSucceeded),
        "parked": len(list_parked(connection)),
        "cases": len(list_cases(connection, CASES_MAX)),
        "cards_by_status": count_by_status(connection),
        "gateway_total": gateway,
        "ledger_total": ledger,
        "ledger_equals_gateway": gateway == ledger,
        "read_models_equal_replay": not any(differences(connection, BATCH).values()),
        "broker_events": _broker_events(running.nats_url),
    }


def _at_gateway(record: Path, system: System) -> tuple[dict[str, int], int]:
    """Net amounts by currency, and double charges, as the gateway's own record has them."""
    if not system.processes:
        return totals(record), double_charges(record)
    found = totals_of(system.address)
    net = {name.upper(): from_stripe(amount, name.upper()).minor for name, amount in found["net"].items()}
    return dict(sorted(net.items())), int(found["charged_twice"])


def _count(counts: Mapping[str, int], kind: type[Event]) -> int:
    """How many facts of a kind there are, of every version of its shape."""
    return sum(counts.get(name, 0) for name in names_of(kind))


def _unknown_resolved(connection: psycopg.Connection[Any]) -> int:
    """Attempts whose outcome was asked for again and is known now."""
    row = connection.execute(
        """
        SELECT count(*) FROM card_events WHERE topic = ANY (%s)
        AND convert_from(state, 'UTF8')::jsonb #>> '{fact,learned}' <> 'sent'
        """,
        ([*names_of(ChargeSucceeded), *names_of(ChargeFailed)],),
    ).fetchone()
    return int(row[0]) if row else 0


def _broker_events(nats_url: str) -> int:
    async def count() -> int:
        client = await nats.connect(nats_url)
        try:
            return (await client.jetstream().stream_info(EVENTS_STREAM)).state.messages
        finally:
            await client.close()

    return asyncio.run(count())


@contextmanager
def _home(given: Path | None) -> Iterator[Path]:
    """A folder for servers and logs: the given one, which is kept, or a temporary one."""
    if given is not None:
        given.mkdir(mode=0o700, parents=True, exist_ok=True)
        if running := running_system(given):
            raise SystemRunsError(f"{running} already runs on {given}; give the demo another --home")
        mark_demo(given)
        yield given.absolute()
        return
    with temporary_home("baohao-demo-") as folder:
        yield folder


@contextmanager
def _screen(cards: int, months: int) -> Iterator[Callable[..., None]]:
    """A live display on stderr: the virtual date, cards by status, charges, processes."""
    bar = Progress(TextColumn("{task.description}"), BarColumn(bar_width=None), TimeElapsedColumn(), console=err)
    end = BEGIN + relativedelta(months=months)
    task = bar.add_task("starting", total=(end - BEGIN).total_seconds())
    shown_at = 0.0
    with Live(bar, console=err, refresh_per_second=8, transient=True) as live:

        def watch(now: datetime, supervisor: Supervisor, connection: psycopg.Connection[Any]) -> None:
            nonlocal shown_at
            supervisor.check()
            if perf_counter() - shown_at < REFRESH_S:
                return
            shown_at = perf_counter()
            bar.update(task, completed=(now - BEGIN).total_seconds(), description=f"{now:%Y-%m-%d %H:%M}")
            live.update(Group(_picture(connection, cards, supervisor), bar))

        yield watch


def _picture(connection: psycopg.Connection[Any], cards: int, supervisor: Supervisor) -> Table:
    charges = dict(connection.execute("SELECT status, count(*) FROM charges GROUP BY status").fetchall())
    table = Table(title=f"Baohao 保号 · {cards} cards", title_justify="left", box=None, pad_edge=False)
    for heading in ("cards", "", "charges", "", "processes", ""):
        table.add_column(heading, style="bold" if not heading else "cyan")
    columns = (
        list(count_by_status(connection).items()),
        sorted(charges.items()),
        [(role, " ".join(map(str, pids))) for role, pids in supervisor.pids().items()],
    )
    for index in range(max(len(column) for column in columns)):
        cells = (column[index] if index < len(column) else ("", "") for column in columns)
        table.add_row(*(str(value) for pair in cells for value in pair))
    return table
