"""What roles have in common: one leader each, woken by notifications, trying again after faults."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

import nats
import nats.errors
import psycopg
import structlog
from nats.aio.client import Client

from adapters.broker.sending import NotStoredError
from adapters.clock import recorded_now
from engine.store.log import Listener

log = structlog.get_logger()

RETRY = timedelta(seconds=1)
"""Pause after a fault (database or broker gone) before a role tries again."""
CONNECT_WITHIN = timedelta(seconds=3)
"""How long a role tries to reach the broker at a time."""
BROKER_CHECK = timedelta(seconds=2)
"""How often a role at rest makes sure that its streams are there."""


class Servers(NamedTuple):
    """What a leader works with: the connection that holds its lock, and the broker."""

    database: psycopg.Connection[Any]
    broker: Client


@dataclass(frozen=True)
class Work:
    """What a role with one leader does."""

    name: str
    begin: Callable[[Servers], Awaitable[None]]
    """After taking the lead, after each fault, and at rest every BROKER_CHECK."""
    step: Callable[[Servers], Awaitable[bool]]
    """Answers whether there is more to do at once."""
    channels: tuple[str, ...]
    """PostgreSQL notifications that wake it."""
    poll: timedelta
    """The net under the notifications."""
    speaks: bool = True
    """Whether it needs the broker; else it is given a client that is never connected."""


async def lead(work: Work, database_url: str, nats_url: str, stop: asyncio.Event) -> None:
    """Take the lead, begin, then step until there is nothing more, wait to be woken, and again, until `stop`.

    The advisory lock only spares idle twins their work; what must not happen twice is fenced by the rows
    that a step locks.
    """
    while not stop.is_set():
        with forgiven(work.name):
            async with _leading(work, database_url, nats_url) as leading:
                if leading is not None:
                    await _steps(work, *leading, stop)
        await stopped(stop, RETRY)


async def _steps(work: Work, servers: Servers, listener: Listener, stop: asyncio.Event) -> None:
    await work.begin(servers)
    checked = recorded_now()
    while not stop.is_set():
        if await work.step(servers):
            continue
        if recorded_now() - checked > BROKER_CHECK:
            await work.begin(servers)
            checked = recorded_now()
        await _woken(listener, work.poll, stop)


@asynccontextmanager
async def _leading(work: Work, database_url: str, nats_url: str) -> AsyncIterator[tuple[Servers, Listener] | None]:
    """Servers and wake-up call of the leader; None while another process leads."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (f"baohao.{work.name}",)
        ).fetchone()
        if not row or not row[0]:
            yield None
            return
        with Listener(database_url, work.channels) as listener:
            async with connected(nats_url) if work.speaks else contextlib.nullcontext(Client()) as client:
                yield Servers(connection, client), listener


@asynccontextmanager
async def connected(nats_url: str) -> AsyncIterator[Client]:
    """A connection to the broker that comes back by itself; `nats_url` may name several servers.

    Raises TimeoutError if none of them can be reached at first.
    """
    async with asyncio.timeout(CONNECT_WITHIN.total_seconds()):  # or a role could not be told to stop meanwhile
        client = await nats.connect(nats_url.split(","), max_reconnect_attempts=-1, error_cb=_broker_error)
    try:
        yield client
    finally:
        await client.close()


async def _broker_error(error: Exception) -> None:
    log.warning("broker.error", error=str(error) or type(error).__name__)


async def _woken(listener: Listener, poll: timedelta, stop: asyncio.Event) -> None:
    """Until a notification, the poll interval or the stop, whichever comes first."""
    waiting = asyncio.ensure_future(asyncio.to_thread(listener.wait, poll))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    await waiting


async def stopped(stop: asyncio.Event, within: timedelta) -> bool:
    """Whether `stop` is set, after waiting for it at most so long."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), within.total_seconds())
    return stop.is_set()


@contextlib.contextmanager
def forgiven(role: str) -> Iterator[None]:
    """Faults of database and broker are logged, and the role tries again."""
    try:
        yield
    except (psycopg.Error, nats.errors.Error, NotStoredError, OSError, TimeoutError) as error:
        log.warning("role.fault", role=role, error=str(error) or type(error).__name__)
