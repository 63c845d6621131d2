"""Passkeys that a holder has lost are removed by the support: codes alone are a way in again (ASVS 5.0.0, 6.4.3)."""

from typing import Any

from psycopg import AsyncConnection

from adapters.directory.account_events import note
from adapters.directory.accounts import tell_everywhere
from adapters.directory.codes import void_codes
from adapters.directory.messages import Send
from adapters.directory.sessions import end_others
from adapters.directory.visit import Visit


async def remove_lost_passkeys(connection: AsyncConnection[Any], send: Send, holder_id: str, visit: Visit) -> int:
    """Remove all passkeys of the account and end its sessions; the holder is told at all addresses. How many it were.

    `visit` is the support's: of it the time is kept, and nothing else.
    """
    async with connection.transaction():
        await connection.execute("SELECT FROM accounts WHERE holder_id = %s FOR UPDATE", (holder_id,))
        removed = await connection.execute("DELETE FROM passkeys WHERE holder_id = %s", (holder_id,))
        if removed.rowcount:
            await end_others(connection, holder_id, None)
            await void_codes(connection, holder_id)
            await tell_everywhere(connection, send, holder_id, "passkeys_removed", visit.now)
            await note(connection, holder_id, "passkeys_removed", Visit(visit.now))
    return removed.rowcount
