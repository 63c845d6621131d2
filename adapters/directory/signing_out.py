"""Signing out: here, on one device, or everywhere."""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from adapters.directory.account_events import note
from adapters.directory.sessions import SignedIn, end_others, end_session
from adapters.directory.visit import Visit


async def sign_out(
    connection: AsyncConnection[Any], signed_in: SignedIn, visit: Visit, other: UUID | None = None
) -> bool:
    """End this session, or another of the same holder; False if there is none such."""
    ended = other or signed_in.session_id
    async with connection.transaction():
        found = await end_session(connection, signed_in.holder_id, ended)
        if found:
            await note(connection, signed_in.holder_id, "signed_out", visit, ended)
    return found


async def sign_out_everywhere(
    connection: AsyncConnection[Any], signed_in: SignedIn, visit: Visit, *, here_too: bool
) -> int:
    """End all other sessions, or all; how many ended."""
    async with connection.transaction():
        kept = None if here_too else signed_in.session_id
        ended = await end_others(connection, signed_in.holder_id, kept)
        await note(connection, signed_in.holder_id, "signed_out_everywhere", visit, signed_in.session_id)
    return ended
