"""Limits of how often: so many in a time, and the growing delay after failed sign-ins."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection

from adapters.directory.answers import Wait


class Limit(NamedTuple):
    """At most so many within that time."""

    most: int
    within: timedelta


FREE_FAILURES = 5
"""After so many failures the delay begins: 1, 2, 4 … seconds; never a lock-out, and codes do not wait (ASVS 6.1.1)."""
DELAY_MOST = 30
FORGOTTEN_AFTER = timedelta(days=1)
"""Failures this old count no more."""


async def take(
    connection: AsyncConnection[Any], what: str, key: bytes, limits: Sequence[Limit], now: datetime
) -> UUID | Wait:
    """Count one more, if the limits allow it; whoever asks at the same time for the same takes turns.

    The id is for `give_back`, if it turns out that it does not count.
    """
    newest = max(limit.most for limit in limits)
    async with connection.transaction():
        lock = f"{what}:{key.hex()}"
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (lock,))
        query = "SELECT at FROM directory_uses WHERE what = %s AND key = %s AND at <= %s ORDER BY at DESC LIMIT %s"
        rows = await (await connection.execute(query, (what, key, now, newest))).fetchall()
        free_at = [rows[limit.most - 1][0] + limit.within for limit in limits if len(rows) >= limit.most]
        if free_at and max(free_at) > now:
            return wait_until(max(free_at), now)
        insert = "INSERT INTO directory_uses (what, key, at) VALUES (%s, %s, %s) RETURNING use_id"
        row = await (await connection.execute(insert, (what, key, now))).fetchone()
    assert row is not None  # noqa: S101 (an insert that does nothing else returns its row)
    return row[0]


async def give_back(connection: AsyncConnection[Any], use_id: UUID) -> None:
    """It does not count after all."""
    await connection.execute("DELETE FROM directory_uses WHERE use_id = %s", (use_id,))


async def count_failure(connection: AsyncConnection[Any], key: bytes, now: datetime) -> Wait | None:
    """Count a try before it is judged, so that many at once are no way around it; or say how long to wait."""
    row = await (
        await connection.execute(
            """
            INSERT INTO sign_in_tries AS t (key, failures, failed_at, try_at) VALUES (%(key)s, 1, %(now)s, %(now)s)
            ON CONFLICT (key) DO UPDATE SET
                failures = CASE WHEN t.failed_at < %(forgotten)s THEN 1 ELSE t.failures + 1 END,
                failed_at = %(now)s,
                try_at = %(now)s::timestamptz + make_interval(secs => CASE
                    WHEN t.failed_at < %(forgotten)s OR t.failures + 1 < %(free)s THEN 0
                    ELSE least(%(most)s, power(2, least(t.failures + 1 - %(free)s, 30))) END)
            WHERE t.try_at <= %(now)s RETURNING failures
            """,
            {"key": key, "now": now, "forgotten": now - FORGOTTEN_AFTER, "free": FREE_FAILURES, "most": DELAY_MOST},
        )
    ).fetchone()
    if row is not None:
        return None
    waiting = await connection.execute("SELECT try_at FROM sign_in_tries WHERE key = %s", (key,))
    found = await waiting.fetchone()
    return wait_until(found[0] if found else now, now)


async def forget_failures(connection: AsyncConnection[Any], key: bytes) -> None:
    """The holder has signed in."""
    await connection.execute("DELETE FROM sign_in_tries WHERE key = %s", (key,))


def wait_until(then: datetime, now: datetime) -> Wait:
    """At least a second, so that nobody is told to wait for nothing."""
    return Wait(max(1, math.ceil((then - now).total_seconds())))
