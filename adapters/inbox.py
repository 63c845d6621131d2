"""What the provider has notified us of, until it is looked up: stored once however often it is delivered, never lost.

A row holds names and ids only, nothing else of what was sent.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
from psycopg import AsyncConnection

from adapters.gateways.stripe_notifications import Hint

INBOX_TABLE = """
    CREATE TABLE IF NOT EXISTS inbox (
        provider_event text PRIMARY KEY,  -- the provider's id: stored once, however often it is delivered
        hint jsonb NOT NULL,
        received_at timestamptz NOT NULL DEFAULT now(),
        tries integer NOT NULL DEFAULT 0,
        next_try_at timestamptz NOT NULL DEFAULT now(),  -- while it is taken: when its taker has surely failed
        settled_at timestamptz  -- NULL: it is still to be looked up
    );
    CREATE INDEX IF NOT EXISTS inbox_open ON inbox (next_try_at) WHERE settled_at IS NULL;
    CREATE INDEX IF NOT EXISTS inbox_settled ON inbox (settled_at) WHERE settled_at IS NOT NULL  -- to delete the old
"""

LEASE_S = 60
"""How long a taken row is left to its taker; after each failure twice as long."""
TRIES_MOST = 12
"""After so many tries, over about three days, a row is given up: look-ups by time and reconciling find it anyway."""
KEPT = timedelta(days=30)
"""How long a settled row is kept, so that a late delivery is known; Stripe delivers for three days."""


class Taken(NamedTuple):
    """A row to look up."""

    hint: Hint
    tries: int


_HINTS = msgspec.json.Decoder(Hint)


async def keep(connection: AsyncConnection[Any], hints: Iterable[Hint]) -> None:
    """Store what is not stored yet; durable once it returns."""
    for hint in hints:
        await connection.execute(
            "INSERT INTO inbox (provider_event, hint) VALUES (%s, %s::jsonb) ON CONFLICT DO NOTHING",
            (hint.event_id, msgspec.json.encode(hint).decode()),
        )


async def take(connection: AsyncConnection[Any], limit: int) -> list[Taken]:
    """The rows that have waited longest; nobody else takes them before their lease is over."""
    rows = await connection.execute(
        """
        UPDATE inbox SET tries = tries + 1, next_try_at = now() + make_interval(secs => %(lease_s)s * 2 ^ tries)
        WHERE provider_event IN (
            SELECT provider_event FROM inbox WHERE settled_at IS NULL AND next_try_at <= now()
            ORDER BY next_try_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
        ) RETURNING hint::text, tries
        """,
        {"lease_s": LEASE_S, "limit": limit},
    )
    return [Taken(_HINTS.decode(hint), tries) for hint, tries in await rows.fetchall()]


async def settle(connection: AsyncConnection[Any], provider_events: Sequence[str]) -> None:
    """Nothing more is to be learned of these; what was settled long ago is deleted."""
    await connection.execute(
        "UPDATE inbox SET settled_at = now() WHERE provider_event = ANY(%s)", (list(provider_events),)
    )
    await connection.execute("DELETE FROM inbox WHERE settled_at < now() - %s", (KEPT,))
