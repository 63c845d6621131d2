"""What roles share: one leader each, woken by notifications, retrying after faults."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
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
"""Pause after a fault (database or broker gone) before a role retries."""
CONNECT_WITHIN = timedelta(seconds=3)
"""Time-out of one attempt to connect to the broker."""
BROKER_CHECK = timedelta(seconds=2)
"""How often an idle role checks that its streams exist."""


class Connections(NamedTuple):
    """A leader's connections: the one to the database holds its lock."""

    database: psycopg.Connection[Any]
    broker: Client


@dataclass(frozen=True)
class Work:
    """What a role with one leader does."""

    name: str
    prepare: Callable[[Connections], Awaitable[None]]
    """Called on becoming leader, after each fault, and every BROKER_CHECK while idle."""
    step: Callable[[Connections], Awaitable[bool]]
    """Returns whether there is more to do at once."""
    channels: tuple[str, ...]
    """PostgreSQL notifications that wake it."""
    poll: timedelta
    """Fallback polling interval, should a notification be lost."""
    needs_broker: bool = True
    """If false, it gets a client that is never connected."""


async def lead(work: Work, database_url: str, nats_url: str, stop: asyncio.Event) -> None:
    """Become the leader, prepare, then step while there is more to do and wait to be woken, until `stop`.

    The advisory lock only saves standby processes needless work; what must not happen twice is fenced by the rows
    that a step locks.
    """
    standby: bool | None = None
    while not stop.is_set():
        with faults_logged(work.name):
            async with _leading(work, database_url, nats_url) as leading:
                if standby != (leading is None):  # said once
                    standby = leading is None
                    log.info("role.standby" if standby else "role.leading", role=work.name)
                if leading is not None:
                    await _steps(work, *leading, stop)
        await stopped(stop, RETRY)


async def _steps(work: Work, connections: Connections, listener: Listener, stop: asyncio.Event) -> None:
    await work.prepare(connections)
    checked = recorded_now()
    while not stop.is_set():
        more = await work.step(connections)
        _recovered(work.name)
        if more:
            continue
        if recorded_now() - checked > BROKER_CHECK:
            await work.prepare(connections)
            checked = recorded_now()
        await _wait_for_work(listener, work.poll, stop)


@asynccontextmanager
async def _leading(work: Work, database_url: str, nats_url: str) -> AsyncIterator[tuple[Connections, Listener] | None]:
    """Connections and listener of the leader; None while another process leads."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (f"baohao.{work.name}",)
        ).fetchone()
        if not row or not row[0]:
            yield None
            return
        with Listener(database_url, work.channels) as listener:
            async with connected(nats_url) if work.needs_broker else contextlib.nullcontext(Client()) as client:
                yield Connections(connection, client), listener


@asynccontextmanager
async def connected(nats_url: str) -> AsyncIterator[Client]:
    """A connection to the broker that reconnects by itself; `nats_url` may name several servers.

    Raises TimeoutError if none of them can be reached at first.
    """
    async with asyncio.timeout(CONNECT_WITHIN.total_seconds()):  # the role stays responsive to `stop`
        client = await nats.connect(nats_url.split(","), max_reconnect_attempts=-1, error_cb=_log_broker_error)
    try:
        yield client
    finally:
        await client.close()


async def _log_broker_error(error: Exception) -> None:
    log.warning("broker.error", error=str(error) or type(error).__name__)


async def _wait_for_work(listener: Listener, poll: timedelta, stop: asyncio.Event) -> None:
    """Wait for a notification, the polling interval or `stop`, whichever comes first."""
    waiting = asyncio.ensure_future(asyncio.to_thread(listener.wait, poll))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    await waiting


async def stopped(stop: asyncio.Event, within: timedelta) -> bool:
    """Whether `stop` is set, after waiting for it at most `within`."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), within.total_seconds())
    return stop.is_set()


_faulty_since: dict[str, datetime] = {}
"""The roles of this process whose last work ended in a fault, and when the first of a row was."""


@contextlib.contextmanager
def faults_logged(role: str) -> Iterator[None]:
    """Log faults of database and broker instead of raising them, and the recovery; the caller retries."""
    try:
        yield
    except (psycopg.Error, nats.errors.Error, NotStoredError, OSError, TimeoutError) as error:
        _faulty_since.setdefault(role, recorded_now())
        log.warning("role.fault", role=role, error=str(error) or type(error).__name__)
    else:
        _recovered(role)


def _recovered(role: str) -> None:
    """Say once that the work goes on after a fault."""
    since = _faulty_since.pop(role, None)
    if since is not None:
        log.info("role.recovered", role=role, after_s=round((recorded_now() - since).total_seconds(), 1))
