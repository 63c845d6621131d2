"""The publisher: facts become public messages, in order, each stored once.

The stream itself knows how far it is: the id of its last message is a position. So messages that the broker lost are
sent again, and a new, empty stream is filled from the start of the log. A stream whose last sequence is at least the
recorded one has lost nothing, whatever retention or a person removed from it.
"""

import asyncio
from datetime import timedelta
from typing import Any, NamedTuple

import structlog
from nats.aio.client import Client
from nats.js.api import RawStreamMsg, StreamInfo
from psycopg import Connection

from adapters.broker.contract import EVENTS_STREAM, EVENTS_SUBJECT, PUBLIC_FACTS, PublicEvent, public_event
from adapters.broker.sending import Message, send
from adapters.broker.streams import ensure_events_stream
from adapters.roles.lead import Connections, Work, lead
from adapters.settings import Settings
from engine.store.log import FACTS_CHANNEL, Read, read_named
from projections.follow import BATCH, lock_position, save_position

log = structlog.get_logger()

PUBLISHER = "publisher"

PUBLISHED_TABLE = """
    CREATE TABLE IF NOT EXISTS published (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),  -- there is one stream
        stream_created text NOT NULL,  -- distinguishes a new stream from one that retention emptied
        last_sequence bigint NOT NULL  -- of our last message; another one means lost messages or a lost commit
    )
"""


async def main(settings: Settings, database_url: str, nats_url: str, stop: asyncio.Event) -> None:
    """Publish until `stop`."""
    last_id: str | None = None

    async def prepare(connections: Connections) -> None:
        nonlocal last_id
        last_id = (await resume(connections.database, connections.broker, settings)).last_id

    async def step(connections: Connections) -> bool:
        nonlocal last_id
        done = await publish(connections.database, connections.broker, last_id, BATCH)
        last_id = done.last_id
        if done.messages:
            log.info("publisher.batch", messages=done.messages)
        return done.more

    poll = timedelta(milliseconds=settings.poll_ms)
    await lead(Work(PUBLISHER, prepare, step, (FACTS_CHANNEL,), poll), database_url, nats_url, stop)


class Published(NamedTuple):
    """The position up to which facts are published, and the id of the stream's last message if it is still there."""

    position: int
    last_id: str | None


async def resume(connection: Connection[Any], client: Client, settings: Settings) -> Published:
    """Create the stream if it is missing, and set the publisher's position to what the stream really holds."""
    jetstream = client.jetstream()
    info = await ensure_events_stream(jetstream, settings)
    last: RawStreamMsg | None = None
    if info.state.messages:
        last = await jetstream.get_last_msg(EVENTS_STREAM, f"{EVENTS_SUBJECT}.>")
    last_id = (last.headers or {}).get("Nats-Msg-Id") if last else None
    position = await asyncio.to_thread(_resume, connection, info, last_id)
    still_there = last is not None and last.seq == info.state.last_seq
    return Published(position, last_id if still_there else None)


def _resume(connection: Connection[Any], info: StreamInfo, last_id: str | None) -> int:
    """Keep the position if the stream is as we left it; else take it from the last message.

    Without a last message retention emptied the stream, or it is new and starts from position 0.
    """
    created, sequence = str(info.created), info.state.last_seq
    with connection.transaction():
        position = lock_position(connection, PUBLISHER)
        known = connection.execute("SELECT stream_created, last_sequence FROM published").fetchone()
        if known != (created, sequence):
            emptied_by_retention = known is not None and known[0] == created and known[1] <= sequence
            if last_id is not None:
                position = int(last_id)
            elif not emptied_by_retention:
                position = 0
            save_position(connection, PUBLISHER, position)
            connection.execute(
                """
                INSERT INTO published (stream_created, last_sequence) VALUES (%s, %s) ON CONFLICT (single) DO UPDATE
                SET stream_created = excluded.stream_created, last_sequence = excluded.last_sequence
                """,
                (created, sequence),
            )
    return position


class Progress(NamedTuple):
    """What one step did: messages sent, the id of the stream's last message, and whether there may be more."""

    messages: int
    last_id: str | None
    more: bool


async def publish(connection: Connection[Any], client: Client, last_id: str | None, limit: int) -> Progress:
    """One step: up to `limit` public facts after the position become messages, then the position moves.

    The position's row stays locked meanwhile. Raises NotStoredError; then `resume` finds out what is stored.
    """
    read = await asyncio.to_thread(_begin, connection, limit)
    try:
        messages = [_message(event) for fact in read.facts if (event := public_event(fact)) is not None]
        sequence: int | None = None
        if messages:
            sequence = await send(client, messages, last_id, chained=True)
            last_id = messages[-1].message_id
        await asyncio.to_thread(_commit, connection, read.upto, sequence)
    except BaseException:
        await asyncio.to_thread(connection.rollback)
        raise
    return Progress(len(messages), last_id, len(messages) == limit)


def _begin(connection: Connection[Any], limit: int) -> Read:
    connection.execute("BEGIN")
    return read_named(connection, PUBLIC_FACTS, lock_position(connection, PUBLISHER), limit)


def _commit(connection: Connection[Any], upto: int, sequence: int | None) -> None:
    save_position(connection, PUBLISHER, upto)
    if sequence is not None:
        connection.execute("UPDATE published SET last_sequence = %s", (sequence,))
    connection.commit()


def _message(event: PublicEvent) -> Message:
    body = event.__pydantic_serializer__.to_json(event)
    return Message(f"{EVENTS_SUBJECT}.{event.type}", str(event.position), body)
