"""What happened to an account that matters for its safety: a row each, without secrets and addresses."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from psycopg.rows import class_row

from adapters.directory.visit import Visit

log = structlog.get_logger()


class AccountEvent(NamedTuple):
    """One of them; `ip_prefix` is the network it came from."""

    what: str
    at: datetime
    ip_prefix: str | None
    session_id: UUID | None


async def note(
    connection: AsyncConnection[Any],
    holder_id: str,
    what: str,
    visit: Visit,
    session_id: UUID | None = None,
) -> None:
    """Keep it, in the transaction of what happened."""
    await connection.execute(
        "INSERT INTO account_events (holder_id, what, at, ip_prefix, session_id) VALUES (%s, %s, %s, %s, %s)",
        (holder_id, what, visit.now, visit.prefix, session_id),
    )
    log.info("account.event", what=what, holder_id=holder_id)


async def list_events(connection: AsyncConnection[Any], holder_id: str, limit: int = 100) -> list[AccountEvent]:
    """The newest of an account, newest first."""
    query = """
        SELECT what, at, ip_prefix, session_id FROM account_events WHERE holder_id = %s ORDER BY at DESC LIMIT %s
    """
    async with connection.cursor(row_factory=class_row(AccountEvent)) as cursor:
        return await (await cursor.execute(query, (holder_id, limit))).fetchall()
