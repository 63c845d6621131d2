"""The follower that tells other systems: facts become public messages, in order, each stored once.

The stream itself says how far it is: its last message's id is a position. So messages that the broker lost
are sent again, and a new, empty stream is filled from the start of the log. A stream that still counts as far as
it ever did has lost nothing, whatever retention or a person took out of it.
"""

import asyncio
from typing import Any, NamedTuple

from nats.aio.client import Client
from nats.js.api import RawStreamMsg, StreamInfo
from psycopg import Connection

from adapters.broker.contract import EVENTS_STREAM, EVENTS_SUBJECT, PUBLIC_FACTS, PublicEvent, public_event
from adapters.broker.sending import Message, send
from adapters.broker.streams import ensure_events_stream
from engine.store.log import Read, read_named
from projections.follow import put_position, take_position

PUBLISHER = "publisher"

PUBLISHED_TABLE = """
    CREATE TABLE IF NOT EXISTS published (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),  -- there is one stream
        stream_created text NOT NULL,  -- tells a new stream from one that retention emptied
        last_sequence bigint NOT NULL  -- of our last message; if the stream's differs, it lost some or we a commit
    )
"""


class Published(NamedTuple):
    """Up to which position the stream has been told, and its last message's id if that one is still there."""

    position: int
    last_id: str | None


async def resume(connection: Connection[Any], client: Client, replicas: int = 1) -> Published:
    """Make sure of the stream, and move the publisher back or on to what it really holds."""
    jetstream = client.jetstream()
    info = await ensure_events_stream(jetstream, replicas)
    last: RawStreamMsg | None = None
    if info.state.messages:
        last = await jetstream.get_last_msg(EVENTS_STREAM, f"{EVENTS_SUBJECT}.>")
    last_id = (last.headers or {}).get("Nats-Msg-Id") if last else None
    position = await asyncio.to_thread(_resume, connection, info, last_id)
    whole = last is not None and last.seq == info.state.last_seq
    return Published(position, last_id if whole else None)


def _resume(connection: Connection[Any], info: StreamInfo, last_id: str | None) -> int:
    """Unchanged since our last message: go on. Else the last message tells; without one, retention or a new stream."""
    created, sequence = str(info.created), info.state.last_seq
    with connection.transaction():
        position = take_position(connection, PUBLISHER)
        known = connection.execute("SELECT stream_created, last_sequence FROM published").fetchone()
        if known != (created, sequence):
            emptied_by_retention = known is not None and known[0] == created and known[1] <= sequence
            if last_id is not None:
                position = int(last_id)
            elif not emptied_by_retention:
                position = 0
            put_position(connection, PUBLISHER, position)
            connection.execute(
                """
                INSERT INTO published (stream_created, last_sequence) VALUES (%s, %s) ON CONFLICT (single) DO UPDATE
                SET stream_created = excluded.stream_created, last_sequence = excluded.last_sequence
                """,
                (created, sequence),
            )
    return position


class Step(NamedTuple):
    """What one step did: messages sent, the id of the stream's last message, and whether there may be more."""

    messages: int
    last_id: str | None
    more: bool


async def publish(connection: Connection[Any], client: Client, last_id: str | None, limit: int) -> Step:
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
        await asyncio.to_thread(_end, connection, read.upto, sequence)
    except BaseException:
        await asyncio.to_thread(connection.rollback)
        raise
    return Step(len(messages), last_id, len(messages) == limit)


def _begin(connection: Connection[Any], limit: int) -> Read:
    connection.execute("BEGIN")
    return read_named(connection, PUBLIC_FACTS, take_position(connection, PUBLISHER), limit)


def _end(connection: Connection[Any], upto: int, sequence: int | None) -> None:
    put_position(connection, PUBLISHER, upto)
    if sequence is not None:
        connection.execute("UPDATE published SET last_sequence = %s", (sequence,))
    connection.commit()


def _message(event: PublicEvent) -> Message:
    body = event.__pydantic_serializer__.to_json(event)
    return Message(f"{EVENTS_SUBJECT}.{event.type}", str(event.position), body)
