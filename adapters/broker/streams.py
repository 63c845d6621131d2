"""Streams and consumers on JetStream: created where missing, and checked, because a durable keeps old settings."""

from datetime import timedelta

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    ConsumerInfo,
    DeliverPolicy,
    RetentionPolicy,
    StreamConfig,
    StreamInfo,
)
from nats.js.errors import NotFoundError

from adapters.broker.contract import EVENTS_STREAM, EVENTS_SUBJECT
from adapters.broker.due import DUE_STREAM, DUE_SUBJECT
from adapters.settings import Settings

CHARGING = "charging"
"""The durable consumer that all consumer processes share."""

EVENTS_KEPT = timedelta(days=30)
"""How long public events stay on the broker; the log keeps them for ever."""

DUPLICATES_KNOWN = timedelta(minutes=2)
UNACKED_BATCHES = 4
"""Most messages under way over all consumer processes, in times what one of them takes."""


async def ensure_due_stream(jetstream: JetStreamContext, settings: Settings) -> ConsumerInfo:
    """The work queue of due cards and its consumer, as they must be."""
    await _ensure_stream(
        jetstream,
        DUE_STREAM,
        StreamConfig(
            subjects=[DUE_SUBJECT],
            num_replicas=settings.stream_replicas,
            retention=RetentionPolicy.WORK_QUEUE,
            duplicate_window=DUPLICATES_KNOWN.total_seconds(),
        ),
    )
    wanted = ConsumerConfig(
        durable_name=CHARGING,
        ack_policy=AckPolicy.EXPLICIT,
        deliver_policy=DeliverPolicy.ALL,
        ack_wait=settings.ack_wait_s,
        max_ack_pending=UNACKED_BATCHES * settings.batch_size * settings.batches_in_flight,
        filter_subject=DUE_SUBJECT,
    )
    try:
        info = await jetstream.consumer_info(DUE_STREAM, CHARGING)
    except NotFoundError:
        return await jetstream.add_consumer(DUE_STREAM, wanted)
    have = info.config
    if (have.ack_wait, have.max_ack_pending) != (wanted.ack_wait, wanted.max_ack_pending):
        return await jetstream.add_consumer(DUE_STREAM, wanted)
    return info


async def ensure_events_stream(jetstream: JetStreamContext, replicas: int) -> StreamInfo:
    """The stream of public events, as it is made where it is missing."""
    return await _ensure_stream(
        jetstream,
        EVENTS_STREAM,
        StreamConfig(
            subjects=[f"{EVENTS_SUBJECT}.>"],
            num_replicas=replicas,
            max_age=EVENTS_KEPT.total_seconds(),
            duplicate_window=DUPLICATES_KNOWN.total_seconds(),
        ),
    )


async def _ensure_stream(jetstream: JetStreamContext, name: str, config: StreamConfig) -> StreamInfo:
    try:
        return await jetstream.stream_info(name)
    except NotFoundError:
        return await jetstream.add_stream(config, name=name)
