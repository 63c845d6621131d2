"""Streams and consumers on JetStream: created if missing, compared, corrected, or refused with what to do.

Each has limits of its own, which the broker reserves, so that a long history of events leaves the queue its room.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    ConsumerInfo,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
    StreamInfo,
)
from nats.js.errors import APIError, NotFoundError

from adapters.broker.commands import (
    ANSWERS_STREAM,
    ANSWERS_SUBJECT,
    COMMAND_MAX_BYTES,
    COMMANDS_STREAM,
    COMMANDS_SUBJECT,
)
from adapters.broker.due import DUE_STREAM, DUE_SUBJECT
from adapters.broker.events import EVENTS_STREAM, SUBJECTS
from adapters.broker.readers import ensure_reader
from adapters.broker.seals import SEAL_SUBJECT, SEALS_STREAM
from adapters.settings import Settings
from engine.errors import StandstillError

log = structlog.get_logger()

CHARGING = "charging"
"""Name of the durable consumer that all consumer processes share."""

EVENTS_RETENTION = timedelta(days=30)
"""How long public events stay on the broker; the log keeps them for ever."""
EVENT_MAX_BYTES = 64 * 1024
"""The largest public event with its headers; ours are far below."""

ACK_WAITS_PER_LEASE = 3
"""A message about a due card counts as lost after this many redelivery intervals of the broker."""
DUE_MAX_BYTES = 16 * 1024**2
"""Room for ten times as many messages as the scheduler has in flight."""
DUE_MESSAGE_MAX_BYTES = 1024
"""The largest message about a due card with its headers; ours have 250 bytes."""
DUE_DELIVERIES = 5
"""So often a message is delivered; then the scheduler's next one counts."""

COMMANDING = "commanding"
"""Name of the durable consumer that all processes of the role `commands` share."""
COMMANDS_AT_ONCE = 256
"""So many commands are executed together."""
COMMANDS_MAX_BYTES = 64 * 1024**2
"""Room for about 100,000 waiting commands; where it is full the broker takes no more, and their senders hear it."""
COMMAND_ACK_WAIT_S = 10.0
"""A command counts as lost by the process that had it after so many seconds."""
ANSWERS_RETENTION = timedelta(days=7)
"""How long answers stay on the broker; a command given again gets its answer again, for ever."""
ANSWERS_MAX_BYTES = 64 * 1024**2
"""Room for about 100,000 answers; older ones leave for newer ones."""
COMMAND_HEADERS_MAX_BYTES = 4096
"""What the headers of a command may take."""
ANSWER_MAX_BYTES = 8192
"""The largest answer with its headers."""

SEALS_MAX_BYTES = 16 * 1024**2
"""Room for about 40,000 heads; the oldest leave for newer ones, which vouch for them."""
SEAL_MAX_BYTES = 4096
"""The largest head with its headers; ours have 400 bytes."""

DUPLICATE_WINDOW = timedelta(minutes=2)
UNACKED_BATCHES = 4
"""Limit of unacknowledged messages over all consumer processes, as a multiple of what one process takes."""

_FORMER_SUBJECTS = ["baohao.events.>"]
"""Those of the stream of public events before they were CloudEvents."""

_FOR_EVER = ("retention", "storage")
"""The settings of a stream that the broker never changes."""
_COMPARED = (
    *_FOR_EVER,
    "subjects",
    "num_replicas",
    "max_age",
    "max_bytes",
    "max_msgs",
    "max_msgs_per_subject",
    "max_msg_size",
    "discard",
    "duplicate_window",
    "no_ack",
)
_COMPARED_OF_CONSUMER = ("ack_wait", "max_ack_pending", "max_deliver")


def lease_of(settings: Settings) -> timedelta:
    """How long a message about a due card counts as in flight, and stays in the queue."""
    return timedelta(seconds=ACK_WAITS_PER_LEASE * settings.ack_wait_s)


async def ensure_due_stream(jetstream: JetStreamContext, settings: Settings) -> ConsumerInfo:
    """The work queue of due cards and its consumer: created if missing, their settings corrected.

    Raises StandstillError where they cannot be.
    """
    lease = lease_of(settings)
    await _ensure_stream(
        jetstream,
        StreamConfig(
            name=DUE_STREAM,
            subjects=[DUE_SUBJECT],
            num_replicas=settings.stream_replicas,
            retention=RetentionPolicy.WORK_QUEUE,
            max_age=lease.total_seconds(),
            max_bytes=DUE_MAX_BYTES,
            max_msg_size=DUE_MESSAGE_MAX_BYTES,
            duplicate_window=min(DUPLICATE_WINDOW, lease).total_seconds(),
        ),
    )
    wanted = ConsumerConfig(
        durable_name=CHARGING,
        ack_policy=AckPolicy.EXPLICIT,
        deliver_policy=DeliverPolicy.ALL,
        ack_wait=settings.ack_wait_s,
        max_deliver=DUE_DELIVERIES,
        max_ack_pending=UNACKED_BATCHES * settings.batch_size * settings.batches_in_flight,
        filter_subject=DUE_SUBJECT,
    )
    return await _ensure_consumer(jetstream, DUE_STREAM, wanted)


async def ensure_events_stream(jetstream: JetStreamContext, settings: Settings) -> StreamInfo:
    """The stream of public events: created if missing, its settings corrected; raises StandstillError.

    One of the former contract is removed: what is in the log is told again in today's, and readers of the former one
    hear from the broker that their stream is gone, where they would wait in silence otherwise.
    """
    await _remove_former(jetstream)
    return await _ensure_stream(
        jetstream,
        StreamConfig(
            name=EVENTS_STREAM,
            subjects=list(SUBJECTS),
            num_replicas=settings.stream_replicas,
            retention=RetentionPolicy.LIMITS,
            max_age=EVENTS_RETENTION.total_seconds(),
            max_bytes=settings.events_max_mb * 1024**2,
            max_msg_size=EVENT_MAX_BYTES,
            duplicate_window=DUPLICATE_WINDOW.total_seconds(),
        ),
    )


async def _remove_former(jetstream: JetStreamContext) -> None:
    try:
        have = await jetstream.stream_info(EVENTS_STREAM)
    except NotFoundError:
        return
    if have.config.subjects == _FORMER_SUBJECTS:
        log.warning("stream.former_removed", stream=EVENTS_STREAM, messages=have.state.messages)
        await jetstream.delete_stream(EVENTS_STREAM)


async def _ensure_stream(jetstream: JetStreamContext, settings: StreamConfig) -> StreamInfo:
    wanted = settings.evolve(storage=StorageType.FILE, max_msgs=-1)
    try:
        info = await jetstream.stream_info(str(wanted.name))
    except NotFoundError:
        return await _apply(jetstream.add_stream, wanted)
    have = info.config
    changes = {name: getattr(wanted, name) for name in _COMPARED if getattr(have, name) != getattr(wanted, name)}
    if not changes:
        return info
    if never := [f"{name} {getattr(have, name)}" for name in _FOR_EVER if name in changes]:
        raise StandstillError(
            f"stream {wanted.name} on the broker was not made by Baohao: it has {', '.join(never)}, which the broker "
            f"cannot change; delete it with `nats stream rm {wanted.name}`, then Baohao makes its own"
        )
    if wanted.max_bytes is not None and info.state.bytes > wanted.max_bytes:
        raise StandstillError(
            f"stream {wanted.name} holds {info.state.bytes / 1024**2:.0f} MB, more than the {_room(wanted)} that it "
            "may have, and its oldest messages would be lost: raise BAOHAO_EVENTS_MAX_MB, or purge it"
        )
    log.warning("stream.corrected", stream=wanted.name, **{name: str(value) for name, value in changes.items()})
    return await _apply(jetstream.update_stream, have.evolve(**changes))


async def ensure_seals_stream(jetstream: JetStreamContext, settings: Settings) -> StreamInfo:
    """The stream of signed heads, which never grow old: created if missing, corrected; raises StandstillError."""
    return await _ensure_stream(
        jetstream,
        StreamConfig(
            name=SEALS_STREAM,
            subjects=[SEAL_SUBJECT],
            num_replicas=settings.stream_replicas,
            retention=RetentionPolicy.LIMITS,
            max_age=0,
            max_bytes=SEALS_MAX_BYTES,
            max_msg_size=SEAL_MAX_BYTES,
            duplicate_window=DUPLICATE_WINDOW.total_seconds(),
        ),
    )


async def ensure_command_streams(jetstream: JetStreamContext, settings: Settings) -> None:
    """The queue of commands, its consumer, the stream of answers and the senders' places: created if missing.

    Raises StandstillError where they cannot be.
    """
    queue = StreamConfig(
        name=COMMANDS_STREAM,
        subjects=[f"{COMMANDS_SUBJECT}.*.*"],
        num_replicas=settings.stream_replicas,
        retention=RetentionPolicy.WORK_QUEUE,
        max_age=0,
        max_bytes=COMMANDS_MAX_BYTES,
        max_msg_size=COMMAND_MAX_BYTES + COMMAND_HEADERS_MAX_BYTES,
        discard=DiscardPolicy.NEW,  # none is lost that was acknowledged
        duplicate_window=DUPLICATE_WINDOW.total_seconds(),
    )
    answers = StreamConfig(
        name=ANSWERS_STREAM,
        subjects=[f"{ANSWERS_SUBJECT}.>"],
        num_replicas=settings.stream_replicas,
        retention=RetentionPolicy.LIMITS,
        max_age=ANSWERS_RETENTION.total_seconds(),
        max_bytes=ANSWERS_MAX_BYTES,
        max_msg_size=ANSWER_MAX_BYTES,
        duplicate_window=DUPLICATE_WINDOW.total_seconds(),
    )
    for config in (queue, answers):
        await _ensure_stream(jetstream, config)
    wanted = ConsumerConfig(
        durable_name=COMMANDING,
        ack_policy=AckPolicy.EXPLICIT,
        deliver_policy=DeliverPolicy.ALL,
        ack_wait=COMMAND_ACK_WAIT_S,
        max_deliver=-1,
        max_ack_pending=UNACKED_BATCHES * COMMANDS_AT_ONCE,
        filter_subject=f"{COMMANDS_SUBJECT}.*.*",
    )
    await _ensure_consumer(jetstream, COMMANDS_STREAM, wanted)
    for sender in sorted(settings.sender_names):
        await ensure_reader(jetstream, ANSWERS_STREAM, sender, f"{ANSWERS_SUBJECT}.{sender}.*")


async def _ensure_consumer(jetstream: JetStreamContext, stream: str, wanted: ConsumerConfig) -> ConsumerInfo:
    """A durable consumer: created if missing, its limits corrected."""
    try:
        info = await jetstream.consumer_info(stream, str(wanted.durable_name))
    except NotFoundError:
        return await jetstream.add_consumer(stream, wanted)
    if any(getattr(info.config, name) != getattr(wanted, name) for name in _COMPARED_OF_CONSUMER):
        return await jetstream.add_consumer(stream, wanted)
    return info


async def _apply(change: Callable[[StreamConfig], Awaitable[StreamInfo]], config: StreamConfig) -> StreamInfo:
    try:
        return await change(config)
    except APIError as error:
        raise StandstillError(
            f"the broker refuses stream {config.name} with {_room(config)} on {config.num_replicas} servers: "
            f"{error.description or error}; give the broker more room or servers, or change BAOHAO_EVENTS_MAX_MB or "
            "BAOHAO_STREAM_REPLICAS"
        ) from error


def _room(config: StreamConfig) -> str:
    return f"{(config.max_bytes or 0) // 1024**2} MB"
