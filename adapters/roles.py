"""The roles: long-running processes made of the engine's steps, each runnable alone and many times over."""

import asyncio
import contextlib
import resource
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import nats
import nats.errors
import psycopg
import structlog
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.message import NatsBatchMessage
from faststream.nats.subscriber.usecases.stream_pull_subscriber import BatchPullStreamSubscriber
from nats.aio.client import Client
from nats.aio.msg import Msg
from psycopg_pool import ConnectionPool

from adapters.broker.consumer import Consumer
from adapters.broker.contract import DUE_STREAM, DUE_SUBJECT
from adapters.broker.publisher import publish, resume
from adapters.broker.scheduler import schedule
from adapters.broker.sending import NotStoredError
from adapters.broker.streams import CHARGING, ensure_due_stream
from adapters.clock import recorded_now
from adapters.control import CLOCK_CHANNEL, read_control
from adapters.gateways.simulated import SimulatedGateway
from adapters.logs import BROKER_LOGGER
from adapters.parked import park
from adapters.settings import Settings
from engine.application import Engine
from engine.card.next import Rules
from engine.catalogue import read_catalogue
from engine.log import FACTS_CHANNEL, Listener
from engine.policy import Policy
from engine.recorder import CardRecorder, datastore
from engine.store import Store
from projections.due import DUE
from projections.follow import follow
from projections.live import LIVE

log = structlog.get_logger()

Role = Literal["consumer", "projector", "publisher", "scheduler"]
ROLES: tuple[Role, ...] = ("consumer", "projector", "publisher", "scheduler")

FOLLOW_BATCH = 1000
"""Facts that a follower takes in one transaction."""
DUE_CHANNEL = "baohao_due"
"""PostgreSQL notification: the `due` read model has changed."""
RETRY = timedelta(seconds=1)
"""Pause after a fault (database or broker gone) before a role tries again."""
LEASES_PER_ACK_WAIT = 3
"""A message is believed lost after so many of the broker's own redelivery times."""
BROKER_CHECK = timedelta(seconds=2)
"""How often an idle role makes sure that its streams are there."""


def rules_of(settings: Settings) -> Rules:
    """Policy and catalogue of this installation; raises CatalogueError."""
    policy = Policy(gateway_budget=timedelta(seconds=settings.gateway_budget_s))
    return Rules(policy, read_catalogue(settings.catalogue))


def engine_of(settings: Settings, database_url: str, actor: str) -> Engine:
    """The engine on the real event store."""
    recorder = CardRecorder(datastore(database_url, settings.pool_size))
    return Engine(Store(recorder, actor), recorded_now)


def gateway_of(settings: Settings) -> SimulatedGateway:
    """The gateway that the settings name."""
    return SimulatedGateway(
        settings.gateway_record,
        settings.gateway_seed,
        timedelta(seconds=settings.gateway_budget_s),
        delay=timedelta(milliseconds=settings.gateway_delay_ms),
    )


async def run_role(role: Role, settings: Settings, database_url: str, nats_url: str) -> None:
    """Run one role until SIGTERM or SIGINT; what is under way is brought to its end first."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    log.info("role.started")
    await _MAIN[role](settings, database_url, nats_url, stop)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    log.info(
        "role.stopped",
        cpu_s=round(usage.ru_utime + usage.ru_stime, 2),
        peak_rss_mb=round(usage.ru_maxrss / 1024, 1),
    )


async def _consumer(settings: Settings, database_url: str, nats_url: str, stop: asyncio.Event) -> None:
    gateway = gateway_of(settings)
    rules = rules_of(settings)
    pool = ConnectionPool(database_url, min_size=1, max_size=settings.pool_size, kwargs={"autocommit": True})

    def read_rules() -> tuple[Rules, datetime]:
        with pool.connection() as connection:
            control = read_control(connection, virtual_clock=settings.clock == "virtual")
        return Rules(rules.policy, rules.catalogue, control.charging_stopped), control.now

    def set_aside(parked: Sequence[tuple[UUID | None, bytes, str]]) -> None:
        with pool.connection() as connection:
            park(connection, parked)

    consumer = Consumer(
        engine_of(settings, database_url, "consumer"), gateway, read_rules, set_aside, settings.batches_in_flight
    )
    broker = NatsBroker(nats_url.split(","), apply_types=False, logger=BROKER_LOGGER)
    subscriber = broker.subscriber(
        DUE_SUBJECT,
        durable=CHARGING,
        stream=JStream(DUE_STREAM, declare=False),  # ours has settings that FastStream would change
        pull_sub=PullSub(batch=True, batch_size=settings.batch_size, timeout=settings.fetch_ms / 1e3),
        ack_policy=AckPolicy.MANUAL,
        decoder=_messages_as_they_are,
        no_reply=True,
    )
    subscriber(consumer.take)
    max_unacked = settings.batch_size * settings.batches_in_flight * 4
    ack_wait = timedelta(seconds=settings.ack_wait_s)
    with pool:
        async with _connected(nats_url) as client:
            await ensure_due_stream(client.jetstream(), ack_wait, max_unacked)
            await broker.start()
            _mend_fetch(subscriber)
            while not await _stopped(stop, BROKER_CHECK):
                with _forgiven("consumer"):
                    await ensure_due_stream(client.jetstream(), ack_wait, max_unacked)
            await subscriber.stop()
            await consumer.drain()
            await broker.stop()
    gateway.close()


def _mend_fetch(subscriber: BatchPullStreamSubscriber) -> None:
    """Let a fetch that ends just before its deadline raise what it promises.

    nats-py (2.16) then raises asyncio's TimeoutError instead of its own, FastStream (0.7) knows only the latter,
    and the messages that it has collected so far would be forgotten until the broker sends them again.
    """
    subscription = subscriber.subscription
    if subscription is None:
        return
    fetch = subscription.fetch

    async def mended(batch: int = 1, timeout: float | None = 5) -> list[Msg]:  # noqa: ASYNC109 (fetch's signature)
        try:
            return await fetch(batch, timeout)
        except TimeoutError as error:
            raise nats.errors.TimeoutError from error

    subscription.fetch = mended


async def _messages_as_they_are(message: NatsBatchMessage) -> list[Msg]:
    """The batch reaches the handler unread, so that one malformed message spoils no other."""
    return message.raw_message


async def _scheduler(settings: Settings, database_url: str, nats_url: str, stop: asyncio.Event) -> None:
    lease_time = timedelta(seconds=LEASES_PER_ACK_WAIT * settings.ack_wait_s)
    ack_wait = timedelta(seconds=settings.ack_wait_s)
    max_unacked = settings.batch_size * settings.batches_in_flight * 4

    async def step(connection: psycopg.Connection[Any], client: Client) -> bool:
        control = await asyncio.to_thread(read_control, connection, virtual_clock=settings.clock == "virtual")
        sent = await schedule(connection, client, control.now, FOLLOW_BATCH, lease_time)
        if sent:
            log.info("scheduler.sent", messages=sent, due_by=control.now.isoformat())
        return sent == FOLLOW_BATCH

    async def begin(connection: psycopg.Connection[Any], client: Client) -> None:
        del connection
        await ensure_due_stream(client.jetstream(), ack_wait, max_unacked)

    await _lead("scheduler", settings, database_url, nats_url, stop, begin, step, (DUE_CHANNEL, CLOCK_CHANNEL))


async def _publisher(settings: Settings, database_url: str, nats_url: str, stop: asyncio.Event) -> None:
    last_id: str | None = None

    async def begin(connection: psycopg.Connection[Any], client: Client) -> None:
        nonlocal last_id
        last_id = (await resume(connection, client)).last_id

    async def step(connection: psycopg.Connection[Any], client: Client) -> bool:
        nonlocal last_id
        done = await publish(connection, client, last_id, FOLLOW_BATCH)
        last_id = done.last_id
        if done.messages:
            log.info("publisher.batch", facts=done.facts, messages=done.messages)
        return done.facts == FOLLOW_BATCH

    await _lead("publisher", settings, database_url, nats_url, stop, begin, step, (FACTS_CHANNEL,))


async def _projector(settings: Settings, database_url: str, nats_url: str, stop: asyncio.Event) -> None:
    del nats_url

    def one(connection: psycopg.Connection[Any]) -> bool:
        progress = follow(connection, LIVE, FOLLOW_BATCH)
        if progress.facts:
            log.info("projector.batch", facts=progress.facts, position=progress.position)
        if DUE.name in progress.changed:
            connection.execute(f"NOTIFY {DUE_CHANNEL}")
        return progress.facts == FOLLOW_BATCH

    async def step(connection: psycopg.Connection[Any], client: None) -> bool:
        del client
        return await asyncio.to_thread(one, connection)

    await _lead("projector", settings, database_url, None, stop, _nothing, step, (FACTS_CHANNEL,))


async def _nothing(*_: object) -> None:
    """A role with nothing to make sure of."""


async def _lead(  # noqa: PLR0917 (the loop of every role that has one leader)
    name: Role,
    settings: Settings,
    database_url: str,
    nats_url: str | None,
    stop: asyncio.Event,
    begin: Callable[[Any, Any], Awaitable[None]],
    step: Callable[[Any, Any], Awaitable[bool]],
    channels: tuple[str, ...],
) -> None:
    """Take the lead, begin, then step until there is nothing more, wait to be woken, and again.

    `begin` runs again after every fault and, at rest, every BROKER_CHECK. The advisory lock only spares
    idle twins their work; what must not happen twice is fenced by the rows that `step` locks.
    """
    poll = timedelta(milliseconds=settings.poll_ms)
    while not stop.is_set():
        with _forgiven(name):
            async with _leading(name, database_url, nats_url, channels) as lead:
                if lead is not None:
                    connection, client, listener = lead
                    await begin(connection, client)
                    checked = recorded_now()
                    while not stop.is_set():
                        if await step(connection, client):
                            continue
                        if recorded_now() - checked > BROKER_CHECK:
                            await begin(connection, client)
                            checked = recorded_now()
                        await _woken(listener, poll, stop)
        await _stopped(stop, RETRY)


@asynccontextmanager
async def _leading(
    name: Role, database_url: str, nats_url: str | None, channels: tuple[str, ...]
) -> AsyncIterator[tuple[psycopg.Connection[Any], Client | None, Listener] | None]:
    """A connection that holds the role's lock, or None while another process leads."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        row = connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (f"baohao.{name}",)).fetchone()
        if not row or not row[0]:
            yield None
            return
        with Listener(database_url, channels) as listener:
            if nats_url is None:
                yield connection, None, listener
                return
            async with _connected(nats_url) as client:
                yield connection, client, listener


@asynccontextmanager
async def _connected(nats_url: str) -> AsyncIterator[Client]:
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


async def _stopped(stop: asyncio.Event, within: timedelta) -> bool:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), within.total_seconds())
    return stop.is_set()


@contextlib.contextmanager
def _forgiven(role: Role) -> Iterator[None]:
    """Faults of database and broker are logged, and the role tries again."""
    try:
        yield
    except (psycopg.Error, nats.errors.Error, NotStoredError, OSError, TimeoutError) as error:
        log.warning("role.fault", role=role, error=str(error) or type(error).__name__)


_MAIN = {"consumer": _consumer, "scheduler": _scheduler, "publisher": _publisher, "projector": _projector}
