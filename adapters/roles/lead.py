"""What roles share: one leader each, woken by notifications, retrying after faults."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any, Generic, NamedTuple, Protocol

import nats.errors
import psycopg
import structlog
from nats.aio.client import Client
from typing_extensions import TypeVar

from adapters.broker.sending import NotStoredError
from adapters.clock_check import CheckedClock, ClockWrongError
from adapters.database_refusals import is_hopeless, refused
from adapters.roles.lease import LeaseLostError, renewing, take_lease
from engine.errors import StandstillError
from engine.store.log import Listener
from engine.store.recorder import LOCK_TIMEOUT_S

log = structlog.get_logger()

RETRY = timedelta(seconds=1)
"""Pause after a fault (database or broker gone) before a role retries."""
BROKER_CHECK = timedelta(seconds=2)
"""How often an idle role checks that its streams exist."""
SAY_AGAIN = timedelta(minutes=10)
"""How often a role that stands still because of a wrong clock says so."""


BrokerT = TypeVar("BrokerT", default=Client)
"""The connection to the broker: to NATS, but for the role that tells others."""


class Connections(NamedTuple, Generic[BrokerT]):
    """A leader's connections: the session of the one to the database holds its lease."""

    database: psycopg.Connection[Any]
    broker: BrokerT


def no_broker() -> AbstractAsyncContextManager[Client]:
    """For a role that needs none: a client that is never connected."""
    return contextlib.nullcontext(Client())


@dataclass(frozen=True)
class Work(Generic[BrokerT]):
    """What a role with one leader does."""

    name: str
    prepare: Callable[[Connections[BrokerT]], Awaitable[None]]
    """Called on becoming leader, after each fault, and every BROKER_CHECK while idle."""
    step: Callable[[Connections[BrokerT]], Awaitable[bool]]
    """Returns whether there is more to do at once."""
    channels: tuple[str, ...]
    """PostgreSQL notifications that wake it."""
    poll: timedelta
    """Fallback polling interval, should a notification be lost."""
    clock: CheckedClock
    """While it is wrong, nothing is done, and nobody leads here."""
    broker: Callable[[], AbstractAsyncContextManager[BrokerT]]
    """Connects to the broker."""


async def lead(work: Work[BrokerT], database_url: str, stop: asyncio.Event) -> None:
    """Become the leader, prepare, then step while there is more to do and wait to be woken, until `stop`.

    A leader that stands still loses its lease, and with it the session that writes: `adapters.roles.lease`.
    """
    standby: bool | None = None

    def say(*, stands_by: bool) -> None:
        nonlocal standby
        if standby != stands_by:  # said once
            standby = stands_by
            log.info("role.standby" if standby else "role.leading", role=work.name)

    while not stop.is_set():
        with faults_logged(work.name):
            async with _leading(work, database_url, stop, say) as leading:
                if leading is not None:
                    await _steps(work, leading, stop)
        await stopped(stop, RETRY)


class _Say(Protocol):
    def __call__(self, *, stands_by: bool) -> None: ...


class _Leading(NamedTuple, Generic[BrokerT]):
    connections: Connections[BrokerT]
    listener: Listener
    lease: "asyncio.Task[None]"
    """Ends when the lease cannot be renewed."""


async def _steps(work: Work[BrokerT], leading: _Leading[BrokerT], stop: asyncio.Event) -> None:
    connections, listener, lease = leading
    await work.prepare(connections)
    checked = monotonic()
    while not stop.is_set():
        if lease.done():
            lease.result()
        if work.clock.is_to_be_checked:
            await asyncio.to_thread(work.clock.read, connections.database)
        more = await work.step(connections)
        _recovered(work.name)
        if more:
            continue
        if monotonic() - checked > BROKER_CHECK.total_seconds():
            await work.prepare(connections)
            checked = monotonic()
        await _wait_for_work(listener, work.poll, stop)


@asynccontextmanager
async def _leading(
    work: Work[BrokerT], database_url: str, stop: asyncio.Event, say: _Say
) -> AsyncIterator[_Leading[BrokerT] | None]:
    """Connections and listener of the leader, once this process is; None if it is to end before."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "SELECT set_config('lock_timeout', %s, false)", (f"{LOCK_TIMEOUT_S}s",)
        )  # a row that a person has locked is a fault
        backend = await _lease_of(work, connection, stop, say)
        if backend is None:
            yield None
            return
        async with renewing(database_url, work.name, backend) as lease:
            with Listener(database_url, work.channels) as listener:
                async with work.broker() as client:
                    say(stands_by=False)
                    yield _Leading(Connections(connection, client), listener, lease)


async def _lease_of(
    work: Work[BrokerT], connection: psycopg.Connection[Any], stop: asyncio.Event, say: _Say
) -> int | None:
    """The session that has the lease, as soon as it is to be had; None if the process is to end before.

    A process that stands by keeps its connection: by that `baohao status` knows it.
    """
    while not stop.is_set():
        if await _clock_is_right(work, connection):
            backend = await asyncio.to_thread(take_lease, connection, work.name)
            if backend is not None:
                return backend
            say(stands_by=True)
            _recovered(work.name)
        await stopped(stop, RETRY)
    return None


async def _clock_is_right(work: Work[BrokerT], connection: psycopg.Connection[Any]) -> bool:
    try:
        await asyncio.to_thread(work.clock.read, connection)
    except ClockWrongError as error:
        _say_clock_wrong(work.name, error)
        return False
    return True


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


_faulty_since: dict[str, float] = {}
"""The roles of this process whose last work ended in a fault; when the first of a row was, by the monotonic clock."""
_clock_wrong_said: dict[str, float] = {}
"""The roles of this process that stand still because of the clock, and when they last said so."""


@contextlib.contextmanager
def faults_logged(role: str) -> Iterator[None]:
    """Log faults of database and broker, standstills, and the recovery instead of raising; the caller retries.

    Raises SettingsError where the database refuses who we are.
    """
    try:
        yield
    except ClockWrongError as error:
        _say_clock_wrong(role, error)
    except StandstillError as error:
        _faulty_since.setdefault(role, monotonic())
        log.error("role.standstill", role=role, error=str(error))  # noqa: TRY400 (a sentence for the operator)
    except (psycopg.Error, nats.errors.Error, NotStoredError, LeaseLostError, OSError, TimeoutError) as error:
        if isinstance(error, psycopg.Error) and is_hopeless(error):
            raise refused(error) from None
        _faulty_since.setdefault(role, monotonic())
        log.warning("role.fault", role=role, error=str(error) or type(error).__name__)
    else:
        _recovered(role)


def _say_clock_wrong(role: str, error: ClockWrongError) -> None:
    """Say it at once, and then rarely, as long as it lasts."""
    now = monotonic()
    _faulty_since.setdefault(role, now)
    if role not in _clock_wrong_said or now - _clock_wrong_said[role] >= SAY_AGAIN.total_seconds():
        _clock_wrong_said[role] = now
        log.error("clock.wrong", role=role, error=str(error))


def _recovered(role: str) -> None:
    """Say once that the work goes on after a fault."""
    _clock_wrong_said.pop(role, None)
    since = _faulty_since.pop(role, None)
    if since is not None:
        log.info("role.recovered", role=role, after_s=round(monotonic() - since, 1))
