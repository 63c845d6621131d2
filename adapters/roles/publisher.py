"""The publisher: facts become public messages, in order, each stored once.

The stream itself knows how far it is: its last messages name facts of the log. So messages that the broker lost are
sent again, and a new, empty stream is filled from the start of the log. A stream whose last sequence is at least the
recorded one has lost nothing, whatever retention or a person removed from it. What strangers put on the stream is
passed over; a message about a fact that the log does not have stops the publisher until a person has looked.
"""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import structlog
from nats.aio.client import Client
from nats.js.api import StreamInfo
from psycopg import Connection

from adapters.broker.connection import connected
from adapters.broker.contract import INTERNAL_FACTS
from adapters.broker.events import EVENTS_STREAM, EVENTS_SUBJECT, Cell, card_event, epoch_event
from adapters.broker.readers import ensure_readers
from adapters.broker.sending import send
from adapters.broker.streams import ensure_events_stream
from adapters.broker.tail import Epoch, newest_epoch, published_upto
from adapters.clock import recorded_now
from adapters.clock_check import clock_of
from adapters.known_facts import known_facts
from adapters.meanwhile import meanwhile
from adapters.roles.lead import Connections, Work, lead
from adapters.roles.transaction import transaction
from adapters.settings import Settings
from adapters.traces import traces
from engine.store.log import FACTS_CHANNEL, Read, read_others
from projections.follow import BATCH, lock_position, save_position

log = structlog.get_logger()

PUBLISHER = "publisher"
NOTHING_TOLD = "knows whether it is public, so nothing is published"
PUBLISHED_CHANNEL = "published"
"""PostgreSQL notification: there are new messages."""


async def main(settings: Settings, database_url: str, nats_url: str, stop: asyncio.Event) -> None:
    """Publish until `stop`."""
    last_sequence, ahead = 0, None

    async def prepare(connections: Connections) -> None:
        nonlocal last_sequence, ahead
        ahead = None  # the log may have been restored meanwhile
        last_sequence = (await resume(connections.database, connections.broker, settings)).last_sequence
        jetstream = connections.broker.jetstream()
        await ensure_readers(jetstream, EVENTS_STREAM, settings.reader_names, f"{EVENTS_SUBJECT}.>")

    async def step(connections: Connections) -> bool:
        nonlocal last_sequence, ahead
        done = await publish(connections.database, connections.broker, settings.cell, last_sequence, BATCH, ahead)
        last_sequence, ahead = done.last_sequence, done.ahead
        if done.messages:
            log.info("publisher.batch", messages=done.messages)
        return done.more

    poll = timedelta(milliseconds=settings.poll_ms)
    broker = partial(connected, nats_url, settings)
    work = Work(PUBLISHER, prepare, step, (FACTS_CHANNEL,), poll, clock_of(settings), broker)
    await lead(work, database_url, stop)


class Published(NamedTuple):
    """The position up to which facts are published, and the stream's last sequence."""

    position: int
    last_sequence: int


class Begun(NamedTuple):
    """A new epoch of the stream: what follows are the facts after `position`."""

    epoch: int
    position: int


class _Known(NamedTuple):
    """What the database knows of the stream; its position is locked until the transaction ends."""

    position: int
    intact: bool
    """Whether the stream has every message that we stored on it, apart from what was removed on purpose."""
    sequences: range
    """From the stream's end: the messages that the database does not know of."""
    epoch: Epoch


async def resume(connection: Connection[Any], client: Client, settings: Settings) -> Published:
    """Create the stream if it is missing, and set the publisher's position to what the stream really holds.

    Raises StandstillError if the stream tells of facts that the log does not have.
    """
    jetstream = client.jetstream()
    info = await ensure_events_stream(jetstream, settings)
    with transaction(connection):
        known = await asyncio.to_thread(_known, connection, info)
        above = known.position if known.intact else 0
        found = await published_upto(jetstream, connection, known.sequences, above, known.epoch)
        position = above if found is None else found
        await asyncio.to_thread(_save, connection, position, info, known.epoch)
    return Published(position, info.state.last_seq)


async def start_epoch(connection: Connection[Any], client: Client, settings: Settings) -> Begun:
    """Begin a new epoch of the stream, so that the publisher goes on after the log was restored from a backup.

    It says again what the restored log does not know to be published. Killed in the middle, it can be repeated.
    Raises NotStoredError if somebody publishes meanwhile.
    """
    jetstream = client.jetstream()
    info = await ensure_events_stream(jetstream, settings)
    everything = range(info.state.last_seq, max(info.state.first_seq, 1) - 1, -1)
    with transaction(connection):
        known = await asyncio.to_thread(_known, connection, info)
        number = 1 + max(known.epoch.number, await newest_epoch(jetstream, everything))
        position = known.position if known.intact else 0
        event_id = uuid4()
        begins = epoch_event(event_id, Cell(settings.cell, number), position, recorded_now())
        info.state.last_seq = await send(client, [begins], info.state.last_seq)
        await asyncio.to_thread(_save, connection, position, info, Epoch(number, event_id))
    return Begun(number, position)


def _known(connection: Connection[Any], info: StreamInfo) -> _Known:
    position = lock_position(connection, PUBLISHER)
    row: tuple[str, int, int, UUID | None] | None = connection.execute(
        "SELECT stream_created, last_sequence, epoch, epoch_id FROM published"
    ).fetchone()
    created, sequence, number, event_id = row or ("", 0, 1, None)
    intact = created == str(info.created) and sequence <= info.state.last_seq
    first = max(info.state.first_seq, sequence + 1 if intact else 1)
    return _Known(position, intact, range(info.state.last_seq, first - 1, -1), Epoch(number, event_id))


def _save(connection: Connection[Any], position: int, info: StreamInfo, epoch: Epoch) -> None:
    save_position(connection, PUBLISHER, position)
    connection.execute(
        """
        INSERT INTO published (stream_created, last_sequence, epoch, epoch_id) VALUES (%s, %s, %s, %s)
        ON CONFLICT (single) DO UPDATE
        SET stream_created = excluded.stream_created, last_sequence = excluded.last_sequence,
            epoch = excluded.epoch, epoch_id = excluded.epoch_id
        """,
        (str(info.created), info.state.last_seq, *epoch),
    )


class Ahead(NamedTuple):
    """The facts after a position, read before their turn: the log does not change behind its end."""

    after: int
    read: Read


class Progress(NamedTuple):
    """What one step did: messages sent, the stream's last sequence, and whether there may be more."""

    messages: int
    last_sequence: int
    more: bool
    ahead: Ahead | None
    """For the next step: what was read while the broker stored these."""


async def publish(
    connection: Connection[Any],
    client: Client,
    cell_name: str,
    last_sequence: int,
    limit: int,
    ahead: Ahead | None = None,
) -> Progress:
    """One step: up to `limit` public facts after the position become messages, then the position moves.

    The position's row stays locked meanwhile. Raises NotStoredError; then `resume` finds out what is stored. Raises
    StandstillError at a fact that only a newer program knows, after the facts before it were published.
    """
    with transaction(connection):
        read, epoch = await asyncio.to_thread(_read, connection, limit, ahead)
        facts, upto = known_facts(read, PUBLISHER, NOTHING_TOLD)
        more, ahead = len(read.rows) == limit or upto < read.upto, None
        cell = Cell(cell_name, epoch)
        messages = [event for fact in facts if (event := card_event(fact, cell)) is not None]
        if messages:
            began = recorded_now()
            sent = send(client, messages, last_sequence)
            if more:
                last_sequence, ahead = await meanwhile(sent, partial(_look, connection, upto, limit))
            else:
                last_sequence = await sent
            traces.part_of_each("publish", ((fact.card_id, fact.cause) for fact in facts), began)
        await asyncio.to_thread(_commit, connection, upto, last_sequence if messages else None)
    return Progress(len(messages), last_sequence, more, ahead)


def _read(connection: Connection[Any], limit: int, ahead: Ahead | None) -> tuple[Read, int]:
    """The facts after the position, which somebody may have set back meanwhile; and the epoch."""
    position = lock_position(connection, PUBLISHER)
    row = connection.execute("SELECT epoch FROM published").fetchone()
    if ahead is None or ahead.after != position:
        ahead = _look(connection, position, limit)
    return ahead.read, row[0] if row else 1


def _look(connection: Connection[Any], after: int, limit: int) -> Ahead:
    return Ahead(after, read_others(connection, INTERNAL_FACTS, after, limit))


def _commit(connection: Connection[Any], upto: int, sequence: int | None) -> None:
    save_position(connection, PUBLISHER, upto)
    if sequence is not None:
        connection.execute("UPDATE published SET last_sequence = %s", (sequence,))
        connection.execute("SELECT pg_notify(%s, '')", (PUBLISHED_CHANNEL,))
