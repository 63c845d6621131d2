"""Signing out: here, on one device, or everywhere."""

from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from adapters.directory.account_events import note
from adapters.directory.client import Client
from adapters.directory.sessions import SignedIn, end_others, end_session


async def sign_out(
    connection: AsyncConnection[Any], signed_in: SignedIn, client: Client, now: datetime, other: UUID | None = None
) -> bool:
    """End this session, or another of the same holder; False if there is none such."""
    ended = other or signed_in.session_id
    async with connection.transaction():
        found = await end_session(connection, signed_in.holder_id, ended)
        if found:
            await note(connection, signed_in.holder_id, "signed_out", now, client, ended)
    return found


async def sign_out_everywhere(
    connection: AsyncConnection[Any], signed_in: SignedIn, client: Client, now: datetime, *, here_too: bool
) -> int:
    """End all other sessions, or all; how many ended."""
    async with connection.transaction():
        kept = None if here_too else signed_in.session_id
        ended = await end_others(connection, signed_in.holder_id, kept)
        await note(connection, signed_in.holder_id, "signed_out_everywhere", now, client, signed_in.session_id)
    return ended
