"""How far the publisher is, and setting it back so that it tells events again."""

from datetime import datetime
from typing import Any, NamedTuple

from nats.aio.client import Client
from nats.js.api import StreamState
from nats.js.errors import NotFoundError
from psycopg import Connection

from adapters.broker.events import EVENTS_STREAM
from adapters.roles.publisher import PUBLISHER
from engine.errors import BaohaoError
from engine.store.log import head
from projections.follow import lock_position, positions, save_position


class Told(NamedTuple):
    """The position up to which facts are told, and what the stream keeps of them."""

    published_upto: int
    head: int
    """The newest position of the log."""
    behind: int
    """How many positions are between them; those of internal facts count too."""
    epoch: int
    messages: int | None
    """None, here and below: there is no stream."""
    bytes: int | None
    last_sequence: int | None
    oldest_at: datetime | None
    """When the oldest message that the stream keeps came to it."""


async def told(connection: Connection[Any], client: Client) -> Told:
    """How far events are told; of the stream what the broker says."""
    position, newest = positions(connection).get(PUBLISHER, 0), head(connection)
    row: tuple[int] | None = connection.execute("SELECT epoch FROM published").fetchone()
    state = await _stream(client)
    return Told(
        position,
        newest,
        newest - position,
        row[0] if row else 1,
        state and state.messages,
        state and state.bytes,
        state and state.last_seq,
        await _oldest_at(client, state) if state else None,
    )


async def _stream(client: Client) -> StreamState | None:
    try:
        return (await client.jetstream().stream_info(EVENTS_STREAM)).state
    except NotFoundError:
        return None


async def _oldest_at(client: Client, state: StreamState) -> datetime | None:
    if not state.messages:
        return None
    try:
        return (await client.jetstream().get_msg(EVENTS_STREAM, seq=state.first_seq)).time
    except NotFoundError:  # it left just now
        return None


def rewind_to(connection: Connection[Any], position: int) -> int:
    """Tell again what is after `position`, under the same ids; return up to where events were told.

    A publisher that runs goes on from there with its next step. The broker drops what it was sent within the last two
    minutes, so that the publisher waits for that long. Raises BaohaoError for a position that is not told yet.
    """
    with connection.transaction():
        before = lock_position(connection, PUBLISHER)
        if position > before:
            message = f"events are told up to position {before} only, so nothing after {position} can be told again"
            raise BaohaoError(message)
        save_position(connection, PUBLISHER, position)
    return before
