"""Streams and consumers on JetStream: created if missing, and checked, because a durable keeps old settings."""

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
"""Name of the durable consumer that all consumer processes share."""

EVENTS_RETENTION = timedelta(days=30)
"""How long public events stay on the broker; the log keeps them for ever."""

DUPLICATE_WINDOW = timedelta(minutes=2)
UNACKED_BATCHES = 4
"""Limit of unacknowledged messages over all consumer processes, as a multiple of what one process takes."""


async def ensure_due_stream(jetstream: JetStreamContext, settings: Settings) -> ConsumerInfo:
    """The work queue of due cards and its consumer: created if missing, the consumer's settings corrected."""
    await _ensure_stream(
        jetstream,
        DUE_STREAM,
        StreamConfig(
            subjects=[DUE_SUBJECT],
            num_replicas=settings.stream_replicas,
            retention=RetentionPolicy.WORK_QUEUE,
            duplicate_window=DUPLICATE_WINDOW.total_seconds(),
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
    """The stream of public events, created if missing."""
    return await _ensure_stream(
        jetstream,
        EVENTS_STREAM,
        StreamConfig(
            subjects=[f"{EVENTS_SUBJECT}.>"],
            num_replicas=replicas,
            max_age=EVENTS_RETENTION.total_seconds(),
            duplicate_window=DUPLICATE_WINDOW.total_seconds(),
        ),
    )


async def _ensure_stream(jetstream: JetStreamContext, name: str, config: StreamConfig) -> StreamInfo:
    try:
        return await jetstream.stream_info(name)
    except NotFoundError:
        return await jetstream.add_stream(config, name=name)
