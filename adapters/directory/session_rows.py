"""Rows of sessions, of holders and of operators alike: how long they live, and whose a token is (ASVS 5.0.0, 7.3)."""

from datetime import datetime, timedelta
from typing import Any, LiteralString, NamedTuple

from psycopg import AsyncConnection

SEEN_EVERY = timedelta(minutes=1)
"""How exactly it is known when a session was used last."""


class SessionRows(NamedTuple):
    """A table of sessions, with `token_hash`, `created_at` and `seen_at`."""

    table: LiteralString
    whose: LiteralString
    """The column of the account."""
    idle: timedelta
    """A session that nobody uses ends after this …"""
    absolute: timedelta
    """… and any session after this (7.3.1, 7.3.2)."""

    def found_by(self, columns: LiteralString, accounts: LiteralString) -> LiteralString:
        """The query for the session of a token with its account, in one round trip, with the values of `asked_at`.

        Writes at most once a minute that the session was seen.
        """
        return f"""
            WITH seen AS (
                UPDATE {self.table} SET seen_at = %(now)s WHERE token_hash = %(hash)s
                AND seen_at < %(stale)s AND seen_at >= %(idle)s AND created_at >= %(absolute)s
            )
            SELECT {columns} FROM {self.table} AS session JOIN {accounts} USING ({self.whose})
            WHERE token_hash = %(hash)s AND seen_at >= %(idle)s AND session.created_at >= %(absolute)s
        """  # noqa: S608 (names of our own)

    def asked_at(self, now: datetime, token_hash: bytes) -> dict[str, object]:
        """The values of that query."""
        stale, idle, absolute = now - SEEN_EVERY, now - self.idle, now - self.absolute
        return {"hash": token_hash, "now": now, "stale": stale, "idle": idle, "absolute": absolute}

    async def sweep(self, connection: AsyncConnection[Any], now: datetime, whose: str | None = None) -> int:
        """Remove those that have run out, of one account or (None) of all; how many there were."""
        query: LiteralString = f"""
            DELETE FROM {self.table} WHERE (seen_at < %(idle)s OR created_at < %(absolute)s)
            AND (%(whose)s::text IS NULL OR {self.whose} = %(whose)s)
        """  # noqa: S608 (names of our own)
        asked = {"idle": now - self.idle, "absolute": now - self.absolute, "whose": whose}
        return (await connection.execute(query, asked)).rowcount
