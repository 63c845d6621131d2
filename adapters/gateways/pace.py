"""The pace of requests to a provider, kept by all processes together in one row.

A process reserves the turns of all requests that wait in one round trip. The row says when the next turn is free (the
generic cell rate algorithm without bursts); nothing has to be counted or cleared.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, LiteralString

import psycopg
import structlog
from psycopg import AsyncConnection

log = structlog.get_logger()

PACE_TABLE = """
    CREATE TABLE IF NOT EXISTS gateway_pace (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),  -- there is one row
        next_at timestamptz NOT NULL DEFAULT 'epoch',  -- the database's time: the next free turn
        first_at timestamptz NOT NULL DEFAULT 'epoch',  -- the last reservation: its first turn …
        turns integer NOT NULL DEFAULT 0  -- … and how many they are
    )
"""
PACE_ROW = "INSERT INTO gateway_pace DEFAULT VALUES ON CONFLICT DO NOTHING"

_FREE: LiteralString = "greatest(next_at, statement_timestamp())"
_WAIT: LiteralString = f"extract(epoch FROM {_FREE} - statement_timestamp())::float8"
_TURNS: LiteralString = f"least(%(wanted)s::int, greatest(0, ceil((%(longest_s)s - {_WAIT}) * %(rate)s::float8)::int))"
_RESERVE: LiteralString = f"""
    UPDATE gateway_pace SET
        first_at = {_FREE},
        turns = {_TURNS},
        next_at = {_FREE} + make_interval(secs => {_TURNS} / %(rate)s::float8)
    RETURNING turns, extract(epoch FROM first_at - clock_timestamp())::float8
"""  # noqa: S608 (constants)
"""One statement on one row: whoever waits for the row's lock goes on from what the one before has left."""

CONCURRENCY = 128
"""Requests under way at a time, of one process: at 100 ms each more than a thousand a second."""

Turn = Callable[[], Awaitable[None]]
"""Waits until one more request may be sent; raises NoTurnError where that takes too long."""


class NoTurnError(Exception):
    """No request may be sent in time; `known` is false where nobody can say when."""

    def __init__(self, *, known: bool) -> None:
        super().__init__("no turn in time" if known else "the database gives no turns")
        self.known = known


async def at_once() -> None:
    """The turn of a single command, which asks for so little that no pace is needed."""


class Pace:
    """The turns of one process: at most `rate` a second over all processes, none later than `longest`."""

    def __init__(self, database_url: str, rate: float, longest: timedelta) -> None:
        self._database_url = database_url
        self._rate = rate
        self._longest_s = longest.total_seconds()
        self._waiting: list[asyncio.Future[float]] = []
        self._reserving: asyncio.Task[None] | None = None
        self._connection: AsyncConnection[Any] | None = None

    async def turn(self) -> None:
        """Wait for a turn; raises NoTurnError at once if it would not come in time."""
        loop = asyncio.get_running_loop()
        reserved: asyncio.Future[float] = loop.create_future()
        self._waiting.append(reserved)
        if self._reserving is None:
            self._reserving = loop.create_task(self._reserve_all())
        wait_s = await reserved - loop.time()
        if wait_s > 0:
            await asyncio.sleep(wait_s)

    async def close(self) -> None:
        """Close the connection."""
        if self._reserving is not None:
            self._reserving.cancel()
            await asyncio.gather(self._reserving, return_exceptions=True)
        await self._disconnect()

    async def _reserve_all(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(0)  # the rest of the batch comes in the same turn of the loop
                waiting, self._waiting = self._waiting, []
                await self._reserve([one for one in waiting if not one.done()])
        finally:
            self._reserving = None

    async def _reserve(self, waiting: list[asyncio.Future[float]]) -> None:
        try:
            turns, wait_s = await self._asked(len(waiting))
        except (psycopg.Error, OSError) as error:
            log.warning("pace.unknown", requests=len(waiting), error=type(error).__name__)
            _refuse(waiting, known=False)
            return
        first = asyncio.get_running_loop().time() + wait_s
        for number, one in enumerate(waiting[:turns]):
            if not one.done():
                one.set_result(first + number / self._rate)
        _refuse(waiting[turns:], known=True)

    async def _asked(self, wanted: int) -> tuple[int, float]:
        """How many turns there are, and in how many seconds the first; after a lost connection over a new one."""
        given = {"wanted": wanted, "longest_s": self._longest_s, "rate": self._rate}
        for is_last in (False, True):
            try:
                connection = await self._connected()
                row = await (await connection.execute(_RESERVE, given)).fetchone()
            except psycopg.OperationalError:
                await self._disconnect()
                if is_last:
                    raise
            else:
                if row is None:
                    raise psycopg.DataError("the row of the pace is missing")
                return row[0], row[1]
        raise AssertionError("unreachable")

    async def _connected(self) -> AsyncConnection[Any]:
        if self._connection is None:
            self._connection = await AsyncConnection[Any].connect(
                self._database_url, autocommit=True, connect_timeout=2
            )
            await self._connection.execute("SET synchronous_commit = off")  # a turn lost in a crash does no harm
        return self._connection

    async def _disconnect(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None


def _refuse(waiting: list[asyncio.Future[float]], *, known: bool) -> None:
    for one in waiting:
        if not one.done():
            one.set_exception(NoTurnError(known=known))
