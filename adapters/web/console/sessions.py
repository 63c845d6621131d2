"""Sessions of operators: rows, of which the cookie has the key (ASVS 5.0.0, 7)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg.rows import class_row

from adapters.directory.secret import hash_of, new_token
from adapters.directory.session_rows import SessionRows
from adapters.web.console.roles import Action, Role, may
from engine.actor import Actor, actor

IDLE = timedelta(minutes=30)
"""A session that nobody uses ends after this …"""
ABSOLUTE = timedelta(hours=12)
"""… and any session after this (7.3.1, 7.3.2)."""
OPERATORS = SessionRows("operator_sessions", "operator_id", IDLE, ABSOLUTE)
"""The rows of operators."""
_FIND: LiteralString = (
    OPERATORS.found_by("session_id, operator_id, email, role", "operators")
    + " AND removed_at IS NULL AND totp_secret IS NOT NULL"
)


@dataclass(frozen=True, slots=True)
class Operator:
    """Who is signed in."""

    session_id: UUID
    operator_id: str
    email: str = field(repr=False)
    role: Role

    @property
    def actor(self) -> Actor:
        """As facts name who it was."""
        return actor("operator", self.operator_id)

    def may(self, action: Action) -> bool:
        """Whether the role allows it."""
        return may(self.role, action)


async def open_session(connection: AsyncConnection[Any], operator_id: str, now: datetime) -> str:
    """A new session and the token for its cookie; those of the account that have run out go."""
    token = new_token()
    await OPERATORS.sweep(connection, now, operator_id)
    await connection.execute(
        "INSERT INTO operator_sessions VALUES (%s, %s, %s, %s, %s)", (uuid4(), hash_of(token), operator_id, now, now)
    )
    return token


async def find_session(connection: AsyncConnection[Any], token: str, now: datetime) -> Operator | None:
    """Whose token it is, in one round trip, with the role of this moment."""
    async with connection.cursor(row_factory=class_row(Operator)) as cursor:
        await cursor.execute(_FIND, OPERATORS.asked_at(now, hash_of(token)), prepare=True)
        return await cursor.fetchone()


async def end_session(connection: AsyncConnection[Any], session_id: UUID) -> None:
    """The operator leaves."""
    await connection.execute("DELETE FROM operator_sessions WHERE session_id = %s", (session_id,))
