"""The driver of a virtual year: gives commands and moves the clock, only while the system is at rest."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

import nats
import psycopg
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from adapters.broker.due import DUE_STREAM
from adapters.broker.streams import CHARGING
from adapters.cli.demo.population import Dated
from adapters.control import move_clock
from engine.application import Engine
from engine.commands import Issued
from engine.errors import BaohaoError, Refused
from engine.rules import Rules

STEPS_PER_DAY = 4
GRID = timedelta(days=1) / STEPS_PER_DAY
"""The clock stands only at multiples of this, so that a run does not depend on the speed of anything."""
POLL_S, POLL_MAX_S = 0.004, 0.05
"""Between two looks whether the system is at rest: more and more, since looking takes time from the roles."""
STUCK_AFTER = timedelta(seconds=60)
COMMANDS_AT_ONCE = 2000


@dataclass
class Year:
    """One virtual stretch of time on a running system."""

    begin: datetime
    end: datetime
    commands: Sequence[Dated]
    engine: Engine
    rules: Rules
    connection: psycopg.Connection[Any]
    nats_url: str
    on_step: Callable[[datetime], None]
    """Called after each move of the clock and while waiting; updates the display and checks the processes."""
    move_others: Callable[[datetime], None] | None = None
    """Called before the clock is moved, for those who have a clock of their own."""
    now: datetime = field(init=False)
    given: list[tuple[datetime, Dated]] = field(init=False, default_factory=list[tuple[datetime, Dated]])
    """The commands that were given, and when, which may be later than planned; for whoever has to give some again."""
    refused: int = field(init=False, default=0)
    """How many commands were refused."""

    def run(self) -> None:
        """Run from `begin` to `end`; raises BaohaoError if the system does not come to rest."""
        asyncio.run(self._run())

    async def _run(self) -> None:
        client = await nats.connect(self.nats_url, max_reconnect_attempts=-1)
        try:
            self.now = self.begin
            move_clock(self.connection, self.now)
            while True:
                self._give_commands()  # before the roles see the new time, so that runs do not differ
                if self.move_others is not None:
                    self.move_others(self.now)
                move_clock(self.connection, self.now)
                await self._rest(client)
                due = self._next()
                if due is None or due > self.end:
                    break
                self.now = max(self.now, min(_grid_after(due), self.end))  # who moved the clock may be ahead
        finally:
            await client.close()

    def _give_commands(self) -> None:
        given = list(takewhile(lambda dated: dated.at <= self.now, self.commands))
        self.commands = self.commands[len(given) :]
        self.given += [(self.now, one) for one in given]
        for start in range(0, len(given), COMMANDS_AT_ONCE):
            batch = [Issued(dated.command, dated.actor) for dated in given[start : start + COMMANDS_AT_ONCE]]
            for (command, _), answer in zip(batch, self.engine.execute(batch, self.rules, self.now), strict=True):
                if isinstance(answer, Refused):
                    self.refused += 1
                elif isinstance(answer, Exception):
                    message = f"{command.command_id}: {answer}"
                    raise BaohaoError(message)
            self.on_step(self.now)

    def _next(self) -> datetime | None:
        row = self.connection.execute(_NEXT_WAKE).fetchone()
        times = [row[0]] if row and row[0] else []
        times += [self.commands[0].at] if self.commands else []
        return min(times, default=None)

    async def _rest(self, client: Client) -> None:
        """Wait until nothing is due, parked cards aside, or unacknowledged and no follower is behind."""
        loop = asyncio.get_running_loop()
        stuck_at, poll_s = loop.time() + STUCK_AFTER.total_seconds(), POLL_S
        while not (self._is_quiet() and await _broker_is_quiet(client)):
            looked_at = loop.time()
            self.on_step(self.now)
            stuck_at += loop.time() - looked_at  # what is done there takes its own time
            if loop.time() > stuck_at:
                message = (
                    f"not at rest at {self.now.isoformat()} after {STUCK_AFTER.total_seconds():.0f} s: {self._why()}"
                )
                raise BaohaoError(message)
            await asyncio.sleep(poll_s)
            poll_s = min(1.2 * poll_s, POLL_MAX_S)
        self.on_step(self.now)

    def _is_quiet(self) -> bool:
        row = self.connection.execute(_QUIET, {"now": self.now}, prepare=True).fetchone()
        return row is not None and row[0]

    def _why(self) -> str:
        row = self.connection.execute(_WHY, {"now": self.now}).fetchone() or (0, 0, 0)
        return f"{row[0]} cards due, {row[1]} parked, followers up to {row[2]} facts behind"


_NEXT_WAKE = """
    SELECT min(wake_at) FROM due WHERE NOT EXISTS (SELECT FROM parked WHERE parked.card_id = due.card_id)
"""
_QUIET = """
    SELECT NOT EXISTS (
        SELECT FROM due
        WHERE wake_at <= %(now)s AND NOT EXISTS (SELECT FROM parked WHERE parked.card_id = due.card_id)
    ) AND NOT EXISTS (SELECT FROM inbox WHERE settled_at IS NULL AND next_try_at <= now()) AND (
        SELECT count(DISTINCT split_part(name, '.', 1)) = 2
            AND min(position) >= coalesce((SELECT max(notification_id) FROM card_events), 0)
        FROM followers WHERE split_part(name, '.', 1) IN ('read_models', 'publisher')
    )
"""
_WHY = """
    SELECT (SELECT count(*) FROM due WHERE wake_at <= %(now)s), (SELECT count(*) FROM parked),
        (SELECT max(notification_id) FROM card_events) - (SELECT min(position) FROM followers)
"""


async def _broker_is_quiet(client: Client) -> bool:
    try:
        info = await client.jetstream().consumer_info(DUE_STREAM, CHARGING)
    except (NotFoundError, TimeoutError):
        return False
    return not info.num_pending and not info.num_ack_pending


def _grid_after(instant: datetime) -> datetime:
    """The first point of the grid that is not before `instant`."""
    midnight = instant.replace(hour=0, minute=0, second=0, microsecond=0)
    steps = -((midnight - instant) // GRID)
    return midnight + steps * GRID
