"""The scheduler: due rows become messages, one per card, version and lease, so that a lost one is sent again."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from nats.aio.client import Client
from psycopg import Connection

from adapters.broker.connection import connected
from adapters.broker.due import DUE_STREAM, DUE_SUBJECT, CardDue, message_id
from adapters.broker.sending import Outgoing, send
from adapters.broker.streams import CHARGING, ensure_due_stream, lease_of
from adapters.clock_check import clock_of
from adapters.control import CLOCK_CHANNEL
from adapters.roles.lead import Connections, Work, lead
from adapters.settings import Settings
from projections.due import DUE_CHANNEL

log = structlog.get_logger()


BATCH = 1000
"""Messages sent together."""
WINDOW = 4096
"""At most so many cards, the oldest due, are in flight: bounds the queue and the query of each pass."""


async def main(settings: Settings, database_url: str, nats_url: str, stop: asyncio.Event) -> None:
    """Schedule until `stop`."""
    lease_time, clock = lease_of(settings), clock_of(settings)

    async def prepare(connections: Connections) -> None:
        await ensure_due_stream(connections.broker.jetstream(), settings)

    async def step(connections: Connections) -> bool:
        control = await asyncio.to_thread(clock.read, connections.database)
        again = await somebody_consumes(connections.broker)
        sent = await schedule(connections.database, connections.broker, control.now, BATCH, lease_time, again=again)
        if sent:
            log.info("scheduler.sent", messages=sent, due_by=control.now.isoformat())
        return sent == BATCH

    poll = timedelta(milliseconds=settings.poll_ms)
    broker = partial(connected, nats_url, settings)
    work = Work("scheduler", prepare, step, (DUE_CHANNEL, CLOCK_CHANNEL), poll, clock, broker)
    await lead(work, database_url, stop)


class Lease(NamedTuple):
    """A card to send; `lease` numbers the sends of this version."""

    card_id: UUID
    version: int
    lease: int


async def somebody_consumes(client: Client) -> bool:
    """Whether a consumer waits for messages or handles some; without one, nothing is gained by sending again."""
    info = await client.jetstream().consumer_info(DUE_STREAM, CHARGING)
    return bool(info.num_waiting or info.num_ack_pending)


async def schedule(
    connection: Connection[Any], client: Client, now: datetime, limit: int, lease_time: timedelta, *, again: bool = True
) -> int:
    """One pass: send what is due at `now`, return how many; `again` also sends what was lost.

    Raises NotStoredError, and then nothing is marked.
    """
    leases = await asyncio.to_thread(due_cards, connection, now, limit, again=again)
    if leases:
        await send(client, [_message(lease) for lease in leases])
        await asyncio.to_thread(mark_sent, connection, leases, lease_time)
    return len(leases)


def due_cards(connection: Connection[Any], now: datetime, limit: int, *, again: bool = True) -> list[Lease]:
    """The oldest due cards that are neither in flight nor parked; without `again`, only those not sent so far."""
    rows = connection.execute(
        """
        SELECT d.card_id, d.version, CASE WHEN s.version = d.version THEN s.lease + 1 ELSE 1 END
        FROM (
            SELECT card_id, version, wake_at FROM due
            WHERE wake_at <= %(now)s AND NOT EXISTS (SELECT FROM parked p WHERE p.card_id = due.card_id)
            ORDER BY wake_at LIMIT %(window)s
        ) d LEFT JOIN due_sent s ON s.card_id = d.card_id
        WHERE s.card_id IS NULL OR s.version <> d.version OR (%(again)s AND s.lease_until <= clock_timestamp())
        ORDER BY d.wake_at LIMIT %(limit)s
        """,
        {"now": now, "window": WINDOW, "limit": limit, "again": again},
        prepare=True,
    )
    return [Lease(*row) for row in rows]


def mark_sent(connection: Connection[Any], leases: Sequence[Lease], lease_time: timedelta) -> None:
    """Record what is in flight. After a crash before this, the same message ids are sent again."""
    connection.execute(
        """
        INSERT INTO due_sent AS old (card_id, version, lease, lease_until)
        SELECT id, version, lease, clock_timestamp() + %b
        FROM unnest(%b::uuid[], %b::bigint[], %b::integer[]) AS n (id, version, lease)
        ON CONFLICT (card_id) DO UPDATE
        SET version = excluded.version, lease = excluded.lease, lease_until = excluded.lease_until
        """,
        (lease_time, *(list(column) for column in zip(*leases, strict=True))),
        prepare=True,
    )


def _message(lease: Lease) -> Outgoing:
    body = CardDue.model_construct(card_id=lease.card_id)
    return Outgoing(DUE_SUBJECT, message_id(*lease), body.__pydantic_serializer__.to_json(body))
