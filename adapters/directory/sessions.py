"""Sessions of signed-in holders: rows, of which the cookie has the key (ASVS 5.0.0, 7)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from adapters.directory.answers import Opened
from adapters.directory.secret import hash_of, new_token
from adapters.directory.session_rows import SessionRows
from adapters.directory.visit import Visit
from adapters.languages.language import Language

IDLE = timedelta(hours=24)
"""A session that nobody uses ends after this …"""
ABSOLUTE = timedelta(days=14)
"""… and any session after this (7.3.1, 7.3.2)."""
HOLDERS = SessionRows("sessions", "holder_id", IDLE, ABSOLUTE)
"""The rows of holders."""
RECENT = timedelta(minutes=10)
"""How long ago the holder may have proved to be the holder for what is sensitive (7.5.1)."""
DRAFT_CHARACTERS = 20_000
"""Of JSON, of all forms together; the table has the same limit."""
_DEVICE_CHARACTERS = 100
_FIND = HOLDERS.found_by("session_id, holder_id, language, zone, email, phone, confirmed_at, draft", "accounts")
JsonValue = str | int | float | bool | None | list[Any] | dict[str, Any]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Whose page it is: session and account in one record."""

    session_id: UUID
    holder_id: str
    language: Language
    zone: str
    email: str | None = field(repr=False)
    phone: str | None = field(repr=False)
    confirmed_at: datetime
    """When the holder last proved to be the holder."""
    draft: dict[str, Any] = field(repr=False)
    """What forms of several steps keep, by the form's name."""

    def is_recent(self, now: datetime) -> bool:
        """Whether something sensitive may be done without asking for the password again."""
        return now - self.confirmed_at <= RECENT


class Device(NamedTuple):
    """One session, as its holder sees it."""

    session_id: UUID
    device: str
    created_at: datetime
    seen_at: datetime


async def open_session(
    connection: AsyncConnection[Any], holder_id: str, visit: Visit, *, proved: bool = True
) -> Opened:
    """A new session; those of the account that have run out go. Unless `proved`, what is sensitive asks for more."""
    token, session_id = new_token(), uuid4()
    confirmed_at = visit.now if proved else visit.now - ABSOLUTE
    await HOLDERS.sweep(connection, visit.now, holder_id)
    await connection.execute(
        """
        INSERT INTO sessions (session_id, token_hash, holder_id, created_at, seen_at, confirmed_at, device)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        """,
        (session_id, hash_of(token), holder_id, visit.now, visit.now, confirmed_at, visit.device[:_DEVICE_CHARACTERS]),
    )
    return Opened(token, session_id, holder_id)


async def find_session(connection: AsyncConnection[Any], token: str, now: datetime) -> SignedIn | None:
    """Whose token it is, in one round trip; writes at most once a minute that it was seen."""
    async with connection.cursor(row_factory=class_row(SignedIn)) as cursor:
        await cursor.execute(_FIND, HOLDERS.asked_at(now, hash_of(token)), prepare=True)
        return await cursor.fetchone()


async def confirm_session(connection: AsyncConnection[Any], signed_in: SignedIn, now: datetime) -> Opened | None:
    """The holder has proved to be the holder again: the session goes on under a new token; None if it has ended."""
    token = new_token()
    updated = await connection.execute(
        "UPDATE sessions SET token_hash = %s, confirmed_at = %s WHERE session_id = %s AND holder_id = %s",
        (hash_of(token), now, signed_in.session_id, signed_in.holder_id),
    )
    return Opened(token, signed_in.session_id, signed_in.holder_id) if updated.rowcount else None


async def end_session(connection: AsyncConnection[Any], holder_id: str, session_id: UUID) -> bool:
    """End one session of the holder; False if there is none such."""
    query = "DELETE FROM sessions WHERE session_id = %s AND holder_id = %s"
    return (await connection.execute(query, (session_id, holder_id))).rowcount > 0


async def end_others(connection: AsyncConnection[Any], holder_id: str, kept: UUID | None) -> int:
    """End all sessions of the holder but one, or all; how many ended."""
    query = "DELETE FROM sessions WHERE holder_id = %s AND session_id IS DISTINCT FROM %s::uuid"
    return (await connection.execute(query, (holder_id, kept))).rowcount


async def list_sessions(connection: AsyncConnection[Any], holder_id: str, now: datetime) -> list[Device]:
    """Those that have not run out, the last used first."""
    query = """
        SELECT session_id, device, created_at, seen_at FROM sessions
        WHERE holder_id = %s AND seen_at >= %s AND created_at >= %s ORDER BY seen_at DESC, session_id
    """
    async with connection.cursor(row_factory=class_row(Device)) as cursor:
        return await (await cursor.execute(query, (holder_id, now - IDLE, now - ABSOLUTE))).fetchall()


async def save_draft(connection: AsyncConnection[Any], session_id: UUID, key: str, value: JsonValue) -> bool:
    """Keep what a form has so far; None forgets it. False if the session has ended, or all forms have too much."""
    if value is None:
        query = "UPDATE sessions SET draft = draft - %s WHERE session_id = %s"
        return (await connection.execute(query, (key, session_id))).rowcount > 0
    query = "UPDATE sessions SET draft = draft || %s WHERE session_id = %s AND length((draft || %s)::text) <= %s"
    more = Jsonb({key: value})
    return (await connection.execute(query, (more, session_id, more, DRAFT_CHARACTERS))).rowcount > 0
