"""History for one reader: from the log in the public contract, up to where the live stream goes on.

It can be killed and asked for again: the reader's stream says how far it is.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import Any, NamedTuple

from nats.aio.client import Client
from psycopg import Connection

from adapters.broker.events import Cell
from adapters.broker.messages.replays import ReplayFinished
from adapters.broker.readers import ensure_reader
from adapters.broker.replays import (
    REPLAY_SUBJECT,
    UNREAD,
    Asked,
    ensure_replay_stream,
    finished,
    reached,
    replayed,
    stream_of,
)
from adapters.broker.sending import NotStoredError, Outgoing, send
from adapters.clock import recorded_now
from adapters.meanwhile import meanwhile
from adapters.roles.publisher import PUBLISHER
from adapters.settings import Settings
from engine.envelope import Recorded
from engine.errors import BaohaoError
from engine.store.log import Read, head, read_others
from projections.follow import lock_position

BATCH = 1000

Report = Callable[[int, int, int], None]
"""Hears events told, the position reached, and the position up to which it goes."""


class ToldAgain(NamedTuple):
    """What a replay did: events of this run, and where the live stream goes on."""

    events: int
    position: int
    sequence: int


class _Live(NamedTuple):
    """How far the publisher is: the position, and the live stream's sequence up to which it is told."""

    position: int
    sequence: int
    epoch: int


async def tell_again(
    connection: Connection[Any],
    client: Client,
    asked: Asked,
    settings: Settings,
    rate: int,
    report: Report,
) -> ToldAgain:
    """Tell a reader what it asked for, at most `rate` events a second; go on where an earlier run was killed.

    Raises BaohaoError where a fact cannot be read, another process tells the same reader, or its stream is full.
    """
    jetstream = client.jetstream()
    info = await ensure_replay_stream(jetstream, asked.reader, settings)
    await ensure_reader(jetstream, stream_of(asked.reader), asked.reader, f"{REPLAY_SUBJECT}.{asked.reader}.>")
    await asyncio.to_thread(check_position, connection, asked.after)
    begun = await asyncio.to_thread(_live, connection)
    sequence, known = await reached(jetstream, info, asked, begun.epoch)
    position = asked.after if known is None else known
    run, events, started, read = sequence, 0, monotonic(), None
    while True:
        live = await asyncio.to_thread(_live, connection)
        if position >= live.position:
            break
        limit = min(BATCH, rate)
        if read is None:
            read = await asyncio.to_thread(read_others, connection, UNREAD, position, limit, live.position)
        cell = Cell(settings.cell, live.epoch)
        messages = [one for fact in _facts(read) if (one := replayed(fact, cell, asked, run)) is not None]
        position, read, events = read.upto, None, events + len(messages)
        if messages and position < live.position:
            look = partial(read_others, connection, UNREAD, position, limit, live.position)
            sequence, read = await meanwhile(_send(client, messages, sequence, asked), look)
        elif messages:
            sequence = await _send(client, messages, sequence, asked)
        report(events, position, live.position)
        await asyncio.sleep(max(0.0, started + events / rate - monotonic()))
    end = ReplayFinished(position=live.position, sequence=live.sequence)
    last = finished(asked, Cell(settings.cell, live.epoch), end, recorded_now())
    await _send(client, [last], sequence, asked)
    return ToldAgain(events, live.position, live.sequence)


def check_position(connection: Connection[Any], position: int) -> None:
    """Raise BaohaoError for a position that the log does not have yet."""
    if position > (end := head(connection)):
        raise BaohaoError(f"there is no position {position}: the log ends at {end}")


async def _send(client: Client, messages: Sequence[Outgoing], after: int, asked: Asked) -> int:
    try:
        return await send(client, messages, after)
    except NotStoredError as error:
        raise BaohaoError(
            f"the broker did not take all for {stream_of(asked.reader)}: {error}; it is full, or another replay to "
            "this reader runs; give the command again when it has room and nobody else tells it"
        ) from error


def _live(connection: Connection[Any]) -> _Live:
    """Position and sequence belong together, since the publisher stores both while it holds the row."""
    with connection.transaction():
        position = lock_position(connection, PUBLISHER)
        row = connection.execute("SELECT last_sequence, epoch FROM published").fetchone()
    if row is None:
        raise BaohaoError("the publisher has not told anything yet; start it first")
    return _Live(position, *row)


def _facts(read: Read) -> list[Recorded]:
    for row in read.rows:
        if not isinstance(row, Recorded):
            raise BaohaoError(f"the fact at position {row.position} cannot be told: {row.error}")
    return [row for row in read.rows if isinstance(row, Recorded)]
