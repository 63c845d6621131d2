"""Virtual time passes on a running system, its sandbox included."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import psycopg

from adapters.cli.demo.at_sandbox import set_clock
from adapters.cli.demo.year import Year
from adapters.control import move_clock, read_control
from adapters.settings import Settings
from adapters.wiring import rules_of
from engine.application import Engine


def pass_time(settings: Settings, database_url: str, nats_url: str, engine: Engine, by: timedelta) -> None:
    """Let `by` pass; all that is due meanwhile is done at its time."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        begin = read_control(connection, virtual_clock=True).now
        move: Callable[[datetime], None] | None = None
        if settings.gateway == "stripe":
            move = partial(set_clock, settings.stripe_url)
        year = Year(
            begin=begin,
            end=begin + by,
            commands=(),
            engine=engine,
            rules=rules_of(settings),
            connection=connection,
            nats_url=nats_url,
            on_step=_nothing,
            move_others=move,
        )
        year.run()
        move_clock(connection, year.end)
        if move is not None:
            move(year.end)


def _nothing(_: datetime) -> None:
    """Nobody watches."""
