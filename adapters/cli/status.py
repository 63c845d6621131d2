"""`baohao status`: roles, leaders, lag, what is due, parked or for a person, the stop, the servers."""

import asyncio
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
import typer
from msgspec import to_builtins

from adapters.charged_through import check_gateway
from adapters.cli.output import err, out, put_json, put_table
from adapters.cli.servers import running_servers
from adapters.cli.system_lock import running_system
from adapters.lost import Watch
from adapters.roles import ROLES
from adapters.roles.projector import rebuild_command
from adapters.schema import check_schema
from adapters.settings import Settings, SettingsError
from adapters.status import BROKER_ERRORS, BrokerStatus, Inbox, Status, read_broker, read_status
from adapters.wiring import simulated_of
from engine.rules import Gap

WATCH_S = 2


class Found(NamedTuple):
    """What was found out; `problems` are sentences, none where all is well."""

    system: str | None
    database: Status | None
    broker: BrokerStatus | None
    problems: list[str]


def show(settings: Settings, *, watch: bool, as_json: bool) -> None:
    """The state of the system, again and again with `watch`; exit status 1 if a server or a role is missing."""
    while True:
        found = find_out(settings)
        if watch and out.is_terminal:
            out.clear()
        _put(found, as_json=as_json)
        if not watch:
            break
        time.sleep(WATCH_S)
    if found.problems:
        raise typer.Exit(1)


def find_out(settings: Settings) -> Found:
    """Ask both servers; starts none."""
    servers = running_servers(settings)
    problems: list[str] = []
    database = broker = None
    if servers.database_url is None:
        problems.append(f"no database runs in {settings.home}; `baohao up` starts one")
    else:
        database = _asked(lambda url=servers.database_url: _read_database(url, settings), "the database", problems)
        behind = _asked(lambda url=servers.database_url: _log_is_behind(url, settings), "the database", problems)
        problems += [behind] if behind else []
    if servers.nats_url is None:
        problems.append(f"no broker runs in {settings.home}; `baohao up` starts one")
    else:
        broker = _asked(lambda url=servers.nats_url: asyncio.run(read_broker(url, settings)), "the broker", problems)
    if database is not None:
        missing = [role for role in ROLES if role not in {one.role for one in database.roles}]
        problems += [f"no {role} runs; `baohao up` or `baohao run {role}` starts one" for role in missing]
        if database.inbox and database.inbox.waiting and "web" not in {one.role for one in database.roles}:
            problems.append("notifications wait, and no web runs; `baohao run web` starts one")
        if settings.tells_holders and "notifier" not in {one.role for one in database.roles}:
            problems.append("holders are to be told, and no notifier runs; `baohao run notifier` starts one")
        if settings.events_url and "forwarder" not in {one.role for one in database.roles}:
            problems.append(
                "another broker is to be told, and no forwarder is at work: `baohao run forwarder` starts one; where "
                "one runs, `baohao health` says whether that broker answers"
            )
        if database.rebuild_due:
            problems.append(
                f"a rebuild is due after a change of the program: `{rebuild_command(database.rebuild_due)}`"
            )
        if paused := " ".join(database.paused):
            problems.append(f"read models are paused: `baohao projections resume {paused}` lets them go on")
        problems += [database.clock_wrong] if database.clock_wrong else []
        problems += _log_is_short(database.lag)
    return Found(running_system(settings.home), database, broker, problems)


def _asked(ask: Callable[[], Any], what: str, problems: list[str]) -> Any:  # noqa: ANN401 (what was asked for)
    try:
        return ask()
    except (psycopg.OperationalError, *BROKER_ERRORS) as error:
        problems.append(f"{what} does not answer: {str(error).strip() or type(error).__name__}")
        return None


def _read_database(url: str, settings: Settings) -> Status:
    check_schema(url)
    with psycopg.connect(url, autocommit=True) as connection:
        return read_status(connection, virtual_clock=settings.clock == "virtual")


def _log_is_behind(url: str, settings: Settings) -> str | None:
    """A sentence where the simulated gateway has charged what the log does not know; consumers watch the others.

    Another one where the roles charge through another gateway, which this command cannot ask.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        try:
            check_gateway(connection, settings.gateway)
        except SettingsError as error:
            return str(error)
    if settings.gateway != "simulated" or not settings.gateway_record.exists():
        return None
    with psycopg.connect(url, autocommit=True) as connection, closing(simulated_of(settings)) as gateway:

        def use(work: Callable[[psycopg.Connection[Any]], Any]) -> Any:  # noqa: ANN401 (whatever the work returns)
            return work(connection)

        return asyncio.run(Watch(gateway).log_is_behind(use))


def _log_is_short(lag: dict[str, int]) -> list[str]:
    """A sentence where somebody has followed the log farther than it goes now."""
    ahead = {name: -facts for name, facts in lag.items() if facts < 0}
    if not ahead:
        return []
    short = f"the log ends {max(ahead.values())} positions before what {', '.join(ahead)} followed"
    return [f"{short}: it was cut, or restored from an older backup; see `audit verify` and `restore begin`"]


def _put(found: Found, *, as_json: bool) -> None:
    if as_json:
        database = _as_json(found.database) if found.database else None
        broker = found.broker._asdict() if found.broker else None
        put_json({"system": found.system, "database": database, "broker": broker, "problems": found.problems})
        return
    if found.database:
        _put_roles(found.database)
    put_table("status", ("what", "now"), _rows(found))
    for problem in found.problems:
        err.print(problem, markup=False, highlight=False, soft_wrap=True)


def _as_json(status: Status) -> dict[str, object]:
    stop = status.charging_stopped
    roles = [role._asdict() for role in status.roles]
    facts = {"charging_stopped": to_builtins(stop) if stop else None, "restored": to_builtins(status.restored)}
    inbox = status.inbox._asdict() if status.inbox else None
    return status._asdict() | {"roles": roles, "inbox": inbox} | facts


def _put_roles(status: Status) -> None:
    duty = {True: "leads", False: "stands by", None: "works"}
    rows = [(one.role, one.pid, one.host, duty[one.leads], one.since) for one in status.roles]
    put_table("roles", ("role", "process", "host", "", "since"), rows)


def _rows(found: Found) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = [("system", found.system or "none from this home")]
    if (status := found.database) is not None:
        stop = status.charging_stopped
        stopped = f"stopped since {stop.since:%Y-%m-%d %H:%M} UTC by {stop.by}: {stop.reason}" if stop else "goes on"
        rows += [
            ("business time", status.now),
            ("clock", "wrong" if status.clock_wrong else "right"),
            ("cards", _counted(status.cards)),
            *((f"{name}: facts behind", facts) for name, facts in status.lag.items()),
            ("due, by age", _counted(status.due)),
            ("in flight", status.in_flight),
            ("parked", f"{status.parked_cards} cards, {status.parked_messages} messages"),
            *((f"{model}: cards it cannot follow", cards) for model, cards in status.parked_for_models.items()),
            ("cases", status.cases),
            ("charging", stopped),
            *((("gateway", _down(status.gateway_down_since)),) if status.gateway_down_since else ()),
            *((("web", _web(status, status.inbox)),) if status.inbox else ()),
            *((("restore", _restored(status.restored)),) if status.restored else ()),
        ]
    if (broker := found.broker) is not None:
        rows += [
            ("due messages", f"{broker.due_waiting} waiting, {broker.due_unacknowledged} unacknowledged"),
            ("public events", f"{broker.events} messages, {broker.events_bytes} bytes"),
        ]
    return rows


def _down(since: datetime) -> str:
    again = "before a look-up is answered, or, where none is left, charging is resumed"
    return f"does not answer since {since:%Y-%m-%d %H:%M} UTC; nothing is sent {again}"


def _web(status: Status, inbox: Inbox) -> str:
    runs = "runs" if "web" in {one.role for one in status.roles} else "does not run"
    last = f"{inbox.looked_up_at:%Y-%m-%d %H:%M:%S} UTC" if inbox.looked_up_at else "never"
    oldest = f", the first since {inbox.oldest_at:%Y-%m-%d %H:%M:%S} UTC" if inbox.oldest_at else ""
    return f"{runs}; looked up last: {last}; notifications that wait: {inbox.waiting}{oldest}"


def _restored(gap: Gap) -> str:
    return f"what the log may lack since {gap.since:%Y-%m-%d %H:%M} UTC is looked up; see `baohao restore status`"


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items()) or "none"
