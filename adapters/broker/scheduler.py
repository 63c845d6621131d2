"""Due rows become messages: one per card, version and lease, so that a lost one is sent again."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from nats.aio.client import Client
from psycopg import Connection

from adapters.broker.due import DUE_SUBJECT, CardDue
from adapters.broker.sending import Message, send

DUE_SENT_TABLE = """
    CREATE TABLE IF NOT EXISTS due_sent (
        card_id uuid PRIMARY KEY,  -- one message per card is under way
        version bigint NOT NULL,
        lease integer NOT NULL,  -- how often this version was sent
        lease_until timestamptz NOT NULL  -- real time: until then the message is believed to be under way
    ) WITH (fillfactor = 50)
"""

WINDOW = 4096
"""The oldest due cards that may be under way at a time: what bounds the queue and each look."""


class Lease(NamedTuple):
    """A card to be sent, with the number of this sending."""

    card_id: UUID
    version: int
    lease: int


def due_cards(connection: Connection[Any], now: datetime, limit: int) -> list[Lease]:
    """The oldest due cards that are neither under way nor parked."""
    rows = connection.execute(
        """
        SELECT d.card_id, d.version, CASE WHEN s.version = d.version THEN s.lease + 1 ELSE 1 END
        FROM (
            SELECT card_id, version, wake_at FROM due
            WHERE wake_at <= %(now)s AND NOT EXISTS (SELECT FROM parked p WHERE p.card_id = due.card_id)
            ORDER BY wake_at LIMIT %(window)s
        ) d LEFT JOIN due_sent s ON s.card_id = d.card_id
        WHERE s.card_id IS NULL OR s.version <> d.version OR s.lease_until <= clock_timestamp()
        ORDER BY d.wake_at LIMIT %(limit)s
        """,
        {"now": now, "window": WINDOW, "limit": limit},
        prepare=True,
    )
    return [Lease(*row) for row in rows]


def mark_sent(connection: Connection[Any], leases: Sequence[Lease], lease_time: timedelta) -> None:
    """Remember what is under way. A crash before this sends again, under the same message ids."""
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


async def schedule(
    connection: Connection[Any], client: Client, now: datetime, limit: int, lease_time: timedelta
) -> int:
    """One look: send what is due at `now`; answers how many. Raises NotStoredError, and then nothing is marked."""
    leases = await asyncio.to_thread(due_cards, connection, now, limit)
    if leases:
        await send(client, [_message(lease) for lease in leases], None, chained=False)
        await asyncio.to_thread(mark_sent, connection, leases, lease_time)
    return len(leases)


def _message(lease: Lease) -> Message:
    body = CardDue.model_construct(card_id=lease.card_id)
    message_id = f"{lease.card_id}.{lease.version}.{lease.lease}"
    return Message(DUE_SUBJECT, message_id, body.__pydantic_serializer__.to_json(body))
