"""The consumer: FastStream brings batches of due cards, the engine's steps see them through."""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import nats.errors
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.message import NatsBatchMessage
from faststream.nats.subscriber.usecases.stream_pull_subscriber import BatchPullStreamSubscriber
from nats.aio.msg import Msg
from psycopg import Connection
from psycopg_pool import ConnectionPool

from adapters.broker.consumer import Consumer
from adapters.broker.due import DUE_STREAM, DUE_SUBJECT
from adapters.broker.streams import CHARGING, ensure_due_stream
from adapters.control import read_control
from adapters.logs import BROKER_LOGGER
from adapters.parked import park
from adapters.roles.lead import BROKER_CHECK, RETRY, connected, forgiven, stopped
from adapters.settings import Settings
from adapters.wiring import engine_of, gateway_of, rules_of
from engine.rules import Rules


async def main(settings: Settings, database_url: str, nats_url: str, stop: asyncio.Event) -> None:
    """Until `stop`; what is under way then is brought to its end."""
    broker = NatsBroker(
        nats_url.split(","),
        max_reconnect_attempts=-1,  # after its default of 60 FastStream would spin on the closed connection
        apply_types=False,
        logger=BROKER_LOGGER,
    )
    subscriber = broker.subscriber(
        DUE_SUBJECT,
        durable=CHARGING,
        stream=JStream(DUE_STREAM, declare=False),  # ours has settings that FastStream would change
        pull_sub=PullSub(batch=True, batch_size=settings.batch_size, timeout=settings.fetch_ms / 1e3),
        ack_policy=AckPolicy.MANUAL,
        decoder=_messages_as_they_are,
        no_reply=True,
    )
    with (
        ConnectionPool[Connection[Any]](database_url, max_size=settings.pool_size, kwargs={"autocommit": True}) as pool,
        contextlib.closing(gateway_of(settings)) as gateway,
    ):
        engine = engine_of(settings, database_url, "consumer")
        consumer = Consumer(engine, gateway, _Shared(pool, settings), settings.batches_in_flight)
        subscriber(consumer.take)
        while not stop.is_set():
            with forgiven("consumer"):
                async with connected(nats_url) as client:
                    await ensure_due_stream(client.jetstream(), settings)
                    await broker.start()
                    _mend_fetch(subscriber)
                    while not await stopped(stop, BROKER_CHECK):
                        with forgiven("consumer"):
                            await ensure_due_stream(client.jetstream(), settings)
            await stopped(stop, RETRY)
        await subscriber.stop()
        await consumer.drain()
        with forgiven("consumer"):  # there may be no broker to part from
            await broker.stop()


class _Shared:
    """What the consumer reads and writes beside the event store: time and operator's word, parked cards."""

    def __init__(self, pool: ConnectionPool[Connection[Any]], settings: Settings) -> None:
        self._pool = pool
        self._rules = rules_of(settings)
        self._virtual_clock = settings.clock == "virtual"

    def rules(self) -> tuple[Rules, datetime]:
        with self._pool.connection() as connection:
            control = read_control(connection, virtual_clock=self._virtual_clock)
        return Rules(self._rules.policy, self._rules.catalogue, control.charging_stopped), control.now

    def park(self, parked: Sequence[tuple[UUID | None, bytes, str]]) -> None:
        with self._pool.connection() as connection:
            park(connection, parked)


def _mend_fetch(subscriber: BatchPullStreamSubscriber) -> None:
    """Let a fetch that ends just before its deadline raise what it promises.

    nats-py (2.16) then raises asyncio's TimeoutError instead of its own, FastStream (0.7) knows only the latter,
    and the messages that it has collected so far would be forgotten until the broker sends them again.
    """
    subscription = subscriber.subscription
    if subscription is None:
        return
    fetch = subscription.fetch

    async def mended(
        batch: int = 1,
        timeout: float | None = 5,  # noqa: ASYNC109 (the signature of fetch)
        heartbeat: float | None = None,
    ) -> list[Msg]:
        try:
            return await fetch(batch, timeout, heartbeat)
        except TimeoutError as error:
            raise nats.errors.TimeoutError from error

    subscription.fetch = mended


async def _messages_as_they_are(message: NatsBatchMessage) -> list[Msg]:
    """The batch reaches the handler unread, so that one malformed message spoils no other."""
    return message.raw_message
