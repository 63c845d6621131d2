"""The lease of a role's leader: it lapses when the leader stands still, and then another process takes it.

A leader that was stopped, or whose host died, keeps its connections and the rows that it has locked. So whoever takes
a lapsed lease first ends the session of the one before it: what that one was writing is rolled back, and it can write
nothing more when it wakes.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import AsyncConnection, Connection

from adapters.ending import end

LEADERS_TABLE = """
    CREATE TABLE IF NOT EXISTS leaders (
        role text PRIMARY KEY,
        process text NOT NULL,  -- host and process id, for people
        backend integer NOT NULL,  -- the session that writes, with its start, because numbers are used again
        backend_start timestamptz NOT NULL,
        since timestamptz NOT NULL DEFAULT clock_timestamp(),
        lease_until timestamptz NOT NULL
    ) WITH (fillfactor = 50)
"""

LEASE = timedelta(seconds=1.5)
"""With the second after which a standby asks again, a leader that stands still is replaced within three seconds."""
RENEW = timedelta(seconds=0.4)
"""How often the leader renews its lease."""

_TAKE = """
    WITH ended AS MATERIALIZED (
        SELECT pg_terminate_backend(s.pid, 1000)
        FROM leaders l JOIN pg_stat_activity s ON s.pid = l.backend AND s.backend_start = l.backend_start
        WHERE l.role = %(role)s AND l.lease_until < clock_timestamp()
    )
    INSERT INTO leaders (role, process, backend, backend_start, lease_until)
    SELECT %(role)s, %(process)s, me.pid, me.backend_start, clock_timestamp() + %(lease)s
    FROM pg_stat_activity me WHERE me.pid = pg_backend_pid() AND (SELECT count(*) FROM ended) >= 0
    ON CONFLICT (role) DO UPDATE
    SET process = excluded.process, backend = excluded.backend, backend_start = excluded.backend_start,
        since = clock_timestamp(), lease_until = excluded.lease_until
    WHERE leaders.lease_until < clock_timestamp() OR NOT EXISTS (
        SELECT FROM pg_stat_activity s WHERE s.pid = leaders.backend AND s.backend_start = leaders.backend_start
    )
    RETURNING backend
"""
_RENEW = """
    UPDATE leaders SET lease_until = clock_timestamp() + %(lease)s WHERE role = %(role)s AND backend = %(backend)s
"""


class LeaseLostError(Exception):
    """Another process leads now."""


def take_lease(connection: Connection[Any], role: str) -> int | None:
    """Take the lease if it is free, lapsed, or of a session that ended; the number of the session that has it now.

    The connection itself may know another number, which a pooler made up.
    """
    process = f"{socket.gethostname()} {os.getpid()}"
    row = connection.execute(_TAKE, {"role": role, "process": process, "lease": LEASE}).fetchone()
    return None if row is None else int(row[0])


def leader_of(connection: Connection[Any], role: str) -> str | None:
    """Host and process id of a role's leader; None while nobody has the lease."""
    row = connection.execute(
        "SELECT process FROM leaders WHERE role = %s AND lease_until > clock_timestamp()", (role,)
    ).fetchone()
    return row[0] if row else None


@contextlib.asynccontextmanager
async def renewing(database_url: str, role: str, backend: int) -> AsyncIterator["asyncio.Task[None]"]:
    """Renew the lease of a session for the block, and give it back at its end; the task ends when it is lost."""
    async with await AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute("SET synchronous_commit = off")  # after a crash of the server nobody leads
        values = {"role": role, "backend": backend, "lease": LEASE}
        task = asyncio.create_task(_renew(connection, values))
        try:
            yield task
        finally:
            await end(task)
            with contextlib.suppress(psycopg.Error):
                await connection.execute("DELETE FROM leaders WHERE role = %(role)s AND backend = %(backend)s", values)


async def _renew(connection: AsyncConnection[Any], values: dict[str, Any]) -> None:
    while True:
        renewed = await connection.execute(_RENEW, values)
        if not renewed.rowcount:
            raise LeaseLostError(f"another process leads the {values['role']} now")
        await asyncio.sleep(RENEW.total_seconds())
