"""Subscriptions to queues on the broker, through FastStream, which fetches their messages in batches."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, PullSub
from faststream.nats.message import NatsBatchMessage
from faststream.nats.security import NatsSecurity, NatsUserPassword
from nats.aio.msg import Msg

from adapters.broker.connection import PING_INTERVAL_S, identity_of
from adapters.logs import BROKER_LOGGER
from adapters.settings import Settings


class Queue(NamedTuple):
    """A stream that is a queue, and the consumer that all processes of a role share."""

    subject: str
    stream: str
    durable: str
    batch_size: int


def subscribed(
    settings: Settings, nats_url: str, queue: Queue, take: Callable[[list[Msg]], Awaitable[None]]
) -> tuple[NatsBroker, Any]:
    """The broker, not started yet, and the subscription to the queue, whose batches `take` gets."""
    broker = NatsBroker(
        nats_url.split(","),
        ping_interval=PING_INTERVAL_S,
        max_reconnect_attempts=-1,  # after its default of 60 FastStream would spin on the closed connection
        apply_types=False,
        logger=BROKER_LOGGER,
        security=_security_of(settings),
    )
    subscriber = broker.subscriber(
        queue.subject,
        durable=queue.durable,
        stream=JStream(queue.stream, declare=False),  # ours has settings that FastStream would change
        pull_sub=PullSub(batch=True, batch_size=queue.batch_size, timeout=settings.fetch_ms / 1e3),
        ack_policy=AckPolicy.MANUAL,
        decoder=_undecoded,
        no_reply=True,
    )
    subscriber(take)
    return broker, subscriber


async def _undecoded(message: NatsBatchMessage) -> list[Msg]:
    """The handler decodes each message itself, so that a malformed one spoils no other."""
    return message.raw_message


def _security_of(settings: Settings) -> NatsSecurity:
    """As FastStream wants what our own connections are given."""
    identity = identity_of(settings)
    if "password" in identity:
        return NatsUserPassword(identity["user"], identity["password"], ssl_context=identity.get("tls"))
    return NatsSecurity(ssl_context=identity.get("tls"))
