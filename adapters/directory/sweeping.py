"""What has had its time: rows that nothing asks for any more."""

from datetime import datetime, timedelta
from typing import Any, LiteralString

from psycopg import AsyncConnection

from adapters.directory.limits import FORGOTTEN_AFTER
from adapters.directory.sessions import HOLDERS

EVENTS_KEPT = timedelta(days=365)
USES_KEPT = timedelta(days=1)
"""The longest time of a limit."""


async def sweep(connection: AsyncConnection[Any], now: datetime) -> int:
    """Remove them; how many there were. May run at any time, in as many processes as like."""
    steps: tuple[tuple[LiteralString, datetime], ...] = (
        ("DELETE FROM codes WHERE expires_at < %s", now),
        ("DELETE FROM passkey_challenges WHERE expires_at < %s", now),
        ("DELETE FROM directory_uses WHERE at < %s", now - USES_KEPT),
        ("DELETE FROM sign_in_tries WHERE failed_at < %s", now - FORGOTTEN_AFTER),
        ("DELETE FROM account_events WHERE at < %s", now - EVENTS_KEPT),
    )
    removed = await HOLDERS.sweep(connection, now)
    for query, before in steps:
        removed += (await connection.execute(query, (before,))).rowcount
    return removed
