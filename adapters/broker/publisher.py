"""The follower that tells other systems: facts become public messages, in order, each stored once.

The stream itself says how far it is: its last message's id is a position. So messages that the broker lost
are sent again, and a new, empty stream is filled from the start of the log.
"""

import asyncio
from typing import Any, NamedTuple

from nats.aio.client import Client
from nats.js.api import StreamInfo
from psycopg import Connection

from adapters.broker.contract import EVENTS_STREAM, EVENTS_SUBJECT, PublicEvent, public_event
from adapters.broker.sending import Message, send
from adapters.broker.streams import ensure_events_stream
from engine.log import read_log
from projections.follow import put_position, take_position

PUBLISHER = "publisher"

PUBLISHED_TABLE = """
    CREATE TABLE IF NOT EXISTS published (
        single boolean PRIMARY KEY DEFAULT true CHECK (single),  -- there is one stream
        stream_created text NOT NULL,  -- tells a new stream from one that retention emptied
        last_sequence bigint NOT NULL
    )
"""


class Published(NamedTuple):
    """What the stream holds: up to which position, and its last message's id if it has one."""

    position: int
    last_id: str | None


async def resume(connection: Connection[Any], client: Client) -> Published:
    """Make sure of the stream, and set the publisher's position to what it really holds."""
    jetstream = client.jetstream()
    info = await ensure_events_stream(jetstream)
    last_id: str | None = None
    if info.state.messages:
        message = await jetstream.get_msg(EVENTS_STREAM, seq=info.state.last_seq)
        last_id = (message.headers or {}).get("Nats-Msg-Id")
    position = await asyncio.to_thread(_resume, connection, info, last_id)
    return Published(position, last_id)


def _resume(connection: Connection[Any], info: StreamInfo, last_id: str | None) -> int:
    with connection.transaction():
        position = take_position(connection, PUBLISHER)
        if last_id is not None:
            position = int(last_id)
        elif not _emptied_by_retention(connection, info):
            position = 0
        put_position(connection, PUBLISHER, position)
        _remember_stream(connection, _created(info), info.state.last_seq)
    return position


def _emptied_by_retention(connection: Connection[Any], info: StreamInfo) -> bool:
    row = connection.execute("SELECT stream_created, last_sequence FROM published").fetchone()
    return row is not None and row[0] == _created(info) and row[1] <= info.state.last_seq


def _created(info: StreamInfo) -> str:
    return str(info.created)


def _remember_stream(connection: Connection[Any], created: str, last_sequence: int) -> None:
    connection.execute(
        """
        INSERT INTO published (stream_created, last_sequence) VALUES (%s, %s) ON CONFLICT (single) DO UPDATE
        SET stream_created = excluded.stream_created, last_sequence = excluded.last_sequence
        """,
        (created, last_sequence),
    )


class Step(NamedTuple):
    """What one step did: facts read, messages sent, and the id of the stream's last message."""

    facts: int
    messages: int
    last_id: str | None


async def publish(connection: Connection[Any], client: Client, last_id: str | None, limit: int) -> Step:
    """One step: up to `limit` facts after the position become messages, then the position moves.

    The position's row stays locked meanwhile. Raises NotStoredError; then `resume` finds out what is stored.
    """
    facts = await asyncio.to_thread(_begin, connection, limit)
    try:
        messages = [_message(event) for fact in facts if (event := public_event(fact)) is not None]
        if messages:
            await send(client, messages, last_id, chained=True)
            last_id = messages[-1].message_id
        if facts:
            await asyncio.to_thread(put_position, connection, PUBLISHER, facts[-1].position)
        await asyncio.to_thread(connection.commit)
    except BaseException:
        await asyncio.to_thread(connection.rollback)
        raise
    return Step(len(facts), len(messages), last_id)


def _begin(connection: Connection[Any], limit: int) -> list[Any]:
    connection.execute("BEGIN")
    return read_log(connection, take_position(connection, PUBLISHER), limit)


def _message(event: PublicEvent) -> Message:
    body = event.__pydantic_serializer__.to_json(event)
    return Message(f"{EVENTS_SUBJECT}.{event.type}", str(event.position), body)
