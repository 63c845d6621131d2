"""`baohao clock forward`: virtual time passes on a running system, from one wake time to the next."""

import re
from datetime import timedelta

import psycopg

from adapters.cli.demo.year import Year
from adapters.cli.output import err, put_fields
from adapters.cli.servers import running_servers
from adapters.control import move_clock, read_control
from adapters.schema import check_schema
from adapters.settings import Settings
from adapters.wiring import engine_of, rules_of
from engine.errors import BaohaoError

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
