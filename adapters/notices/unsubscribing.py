"""Doing without optional notices: one link for each holder and kind, which works without signing in (RFC 8058)."""

from collections.abc import Sequence
from secrets import token_urlsafe
from typing import Any

from psycopg import AsyncConnection, Connection


def token_of(connection: Connection[Any], holder_id: str, kind: str) -> str:
    """The token by which this holder ends notices of this kind."""
    row = connection.execute(
        """
        INSERT INTO optional_notices (token, holder_id, kind) VALUES (%s, %s, %s)
        ON CONFLICT (holder_id, kind) DO UPDATE SET kind = excluded.kind RETURNING token
        """,
        (token_urlsafe(24), holder_id, kind),
    ).fetchone()
    return str(row[0]) if row else ""


def without(connection: Connection[Any], holder_ids: Sequence[str]) -> set[tuple[str, str]]:
    """Which of these holders do without which kinds."""
    rows = connection.execute(
        "SELECT holder_id, kind FROM optional_notices WHERE holder_id = ANY (%s) AND unsubscribed_at IS NOT NULL",
        (list(holder_ids),),
    )
    return set(rows.fetchall())


async def is_known(connection: AsyncConnection[Any], token: str) -> bool:
    """Whether anything can be ended by the token."""
    return (await connection.execute("SELECT FROM optional_notices WHERE token = %s", (token,))).rowcount == 1


async def unsubscribe(connection: AsyncConnection[Any], token: str) -> bool:
    """End the notices that the token is for, however often; False for an unknown one."""
    ended = await connection.execute(
        """
        UPDATE optional_notices SET unsubscribed_at = coalesce(unsubscribed_at, clock_timestamp()) WHERE token = %s
        """,
        (token,),
    )
    return ended.rowcount == 1
