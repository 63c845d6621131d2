"""The forwarder: what the publisher has published on NATS is told on another broker too, RabbitMQ or Kafka.

The same messages, in order, each at least once: the position moves after the broker has confirmed the whole batch, so
one that was killed in between sends that batch again, and readers pass over ids that they have seen. It never goes
beyond the publisher, which stops where the log was restored from a backup until a person begins a new epoch; the
forwarder tells of that epoch before its first fact. A broker that has lost its place for events, or is another one,
is told all of the log from the start.

Only what the broker itself refuses in the middle of a batch comes late, when that batch is sent again.
"""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from psycopg import Connection

from adapters.broker.contract import INTERNAL_FACTS
from adapters.broker.events import Cell, card_event, epoch_event
from adapters.broker.outlets.outlet import Outlet, connected
from adapters.clock import recorded_now
from adapters.clock_check import clock_of
from adapters.known_facts import known_facts
from adapters.roles.lead import Connections, Work, lead
from adapters.roles.publisher import NOTHING_TOLD, PUBLISHED_CHANNEL, PUBLISHER
from adapters.roles.transaction import transaction
from adapters.secret_files import events_address
from adapters.settings import PREFIX, Settings, SettingsError
from engine.store.log import Read, read_others
from projections.follow import lock_position

log = structlog.get_logger()

FORWARDER = "forwarder"
BATCH = 500
"""Facts of one step, which a slow broker has to confirm in time."""
FIRST_EPOCH = 1


async def main(settings: Settings, database_url: str, _: str, stop: asyncio.Event) -> None:
    """Forward until `stop`."""
    if (address := events_address(settings)) is None:
        raise SettingsError(f"{PREFIX}EVENTS_URL is not set: it names the other broker, on which events are told too.")

    async def prepare(connections: Connections[Outlet]) -> None:
        await resume(connections.database, connections.broker)

    async def step(connections: Connections[Outlet]) -> bool:
        done = await forward(connections.database, connections.broker, settings.cell, BATCH)
        if done.messages:
            log.info("forwarder.batch", messages=done.messages)
        return done.more

    poll = timedelta(milliseconds=settings.poll_ms)
    outlet = partial(connected, address)
    work = Work(FORWARDER, prepare, step, (PUBLISHED_CHANNEL,), poll, clock_of(settings), outlet)
    await lead(work, database_url, stop)


async def resume(connection: Connection[Any], outlet: Outlet) -> None:
    """Make the broker's place for events if it is missing, after the position was set back to the start of the log.

    In this order, so that one that is killed in between does it again.
    """
    if await outlet.is_new():
        with transaction(connection):
            before = await asyncio.to_thread(lock_position, connection, FORWARDER)
            await asyncio.to_thread(_save, connection, 0, None)
        if before:
            log.warning("forwarder.from_the_start", position=before)
    await outlet.prepare()


class Progress(NamedTuple):
    """What one step did: messages sent, and whether there may be more."""

    messages: int
    more: bool


async def forward(connection: Connection[Any], outlet: Outlet, cell_name: str, limit: int) -> Progress:
    """One step: up to `limit` public facts after the position are told, then the position moves.

    Its row stays locked meanwhile. Raises NotStoredError; StandstillError at a fact that only a newer program knows.
    """
    with transaction(connection):
        known = await asyncio.to_thread(_known, connection)
        read = await asyncio.to_thread(
            read_others, connection, INTERNAL_FACTS, known.position, limit, known.published_upto
        )
        facts, upto = known_facts(read, FORWARDER, NOTHING_TOLD)
        cell = Cell(cell_name, known.epoch)
        messages = [event for fact in facts if (event := card_event(fact, cell)) is not None]
        if known.epoch_id is not None and known.epoch != known.told_epoch:  # after our position all is told again
            messages.insert(0, epoch_event(known.epoch_id, cell, known.position, recorded_now()))
        if messages:
            await outlet.send(messages)
        await asyncio.to_thread(_save, connection, upto, known.epoch)
    return Progress(len(messages), _has_more(read, upto, limit))


class _Known(NamedTuple):
    """Where the forwarder stands, its row locked, and what the publisher has published."""

    position: int
    told_epoch: int | None
    """The last one of which the broker's readers were told; None: of none yet."""
    published_upto: int
    epoch: int
    epoch_id: UUID | None
    """Of the message with which it begins; None for the first one, which begins with the log."""


def _known(connection: Connection[Any]) -> _Known:
    position = lock_position(connection, FORWARDER)
    row: tuple[int | None, int, int, UUID | None] | None = connection.execute(
        """
        SELECT forwarder.version, publisher.position, epoch, epoch_id
        FROM published, followers AS publisher, followers AS forwarder
        WHERE publisher.name = %s AND forwarder.name = %s
        """,
        (PUBLISHER, FORWARDER),
        prepare=True,
    ).fetchone()
    told, upto, epoch, epoch_id = row or (None, 0, FIRST_EPOCH, None)
    return _Known(position, told, upto, epoch, epoch_id)


def _save(connection: Connection[Any], position: int, epoch: int | None) -> None:
    connection.execute(
        "UPDATE followers SET position = %s, version = %s WHERE name = %s", (position, epoch, FORWARDER), prepare=True
    )


def _has_more(read: Read, upto: int, limit: int) -> bool:
    return len(read.rows) == limit or upto < read.upto
