"""`baohao clock`: virtual time passes on a running system, or a system clock is confirmed after one was ahead."""

import re
from datetime import timedelta

import psycopg

from adapters.cli.charging import installation_of
from adapters.cli.demo.year import Year
from adapters.cli.output import err, put_fields
from adapters.cli.servers import running_servers
from adapters.clock_check import compare_with_database
from adapters.control import confirm_clock, move_clock, read_control
from adapters.schema import check_schema
from adapters.settings import Settings
from adapters.wiring import engine_of, operator_of, rules_of
from engine.errors import BaohaoError
from engine.store.log import newest

UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
YEARS_MAX = timedelta(days=3660)


class ClockError(BaohaoError):
    """The clock cannot be moved; the message says why, and what to do."""


def span_of(text: str) -> timedelta:
    """The time that `30d`, `12h`, `2w` or `5m` names; raises ValueError."""
    found = re.fullmatch(r"([0-9]{1,7})([mhdw])", text)
    span = int(found[1]) * UNITS[found[2]] if found else timedelta()
    if not timedelta() < span <= YEARS_MAX:
        raise ValueError(text)
    return span


def forward(settings: Settings, by: timedelta, *, as_json: bool) -> None:
    """Let `by` pass; all that is due meanwhile is done at its time. Raises ClockError on a system clock."""
    if settings.clock != "virtual":
        raise ClockError(
            "this system's clock is the real one, which cannot be moved; run `baohao up` and this command with "
            "BAOHAO_CLOCK=virtual"
        )
    servers = running_servers(settings)
    if servers.database_url is None or servers.nats_url is None:
        raise ClockError(f"nothing runs in {settings.home} that time could pass for; start `baohao up` first")
    check_schema(servers.database_url)
    with psycopg.connect(servers.database_url, autocommit=True) as connection, err.status("time passes …") as shown:
        begin = read_control(connection, virtual_clock=True).now
        year = Year(
            begin=begin,
            end=begin + by,
            commands=(),
            engine=engine_of(settings, servers.database_url, "cli"),
            rules=rules_of(settings),
            connection=connection,
            nats_url=servers.nats_url,
            on_step=lambda now: shown.update(f"{now:%Y-%m-%d %H:%M}"),
        )
        year.run()
        move_clock(connection, year.end)
    put_fields("clock", {"was": begin, "now": year.end}, as_json=as_json)


def confirm(settings: Settings, why: str, *, as_json: bool) -> None:
    """Let the work go on though the log holds facts of the future. Raises ClockError on a virtual clock.

    Raises ClockWrongError where this machine's clock is not the database's, and Refused where no fact is of the future.
    """
    if settings.clock == "virtual":
        raise ClockError("this system's clock is the virtual one, which is never wrong; there is nothing to confirm")
    with installation_of(settings) as (_, connection, recorder):
        control = read_control(connection, virtual_clock=False)
        compare_with_database(control)
        newest_at = newest(connection, after=0).time or control.now
        confirm_clock(connection, recorder, newest_at, why, operator_of(settings), control.now)
    put_fields("clock", {"now": control.now, "facts_upto": newest_at, "why": why}, as_json=as_json)
