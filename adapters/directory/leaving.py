"""What a holder may always do: take all personal data along, and have them erased."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from adapters.directory.account_events import list_events, note
from adapters.directory.accounts import find_account, tell
from adapters.directory.answers import Done, NotRecent, StillOwed
from adapters.directory.messages import Send
from adapters.directory.passkeys import list_passkeys
from adapters.directory.secret import keyed, secret_of
from adapters.directory.sessions import SignedIn, list_sessions
from adapters.directory.visit import Visit
from adapters.notices.outbox import forget_holder

EVENTS_EXPORTED = 10_000


async def export_account(
    connection: AsyncConnection[Any], signed_in: SignedIn, visit: Visit
) -> dict[str, Any] | NotRecent:
    """All that is kept here about the holder, in plain JSON values; what the log knows of a card is no part of it."""
    if not signed_in.is_recent(visit.now):
        return NotRecent()
    holder_id = signed_in.holder_id
    async with connection.transaction():
        await note(connection, holder_id, "exported", visit, signed_in.session_id)
        account = await find_account(connection, holder_id)
        devices = await list_sessions(connection, holder_id, visit.now)
        events = await list_events(connection, holder_id, EVENTS_EXPORTED)
        passkeys = await list_passkeys(connection, holder_id)
        rows = {what: await _rows(connection, query, holder_id) for what, query in _EXPORTED.items()}
    return {
        "account": _plain(asdict(account)) if account else None,
        "sessions": [_plain(device._asdict()) for device in devices],
        "events": [_plain(event._asdict()) for event in events],
        "passkeys": [_plain(passkey._asdict()) for passkey in passkeys],
        **rows,
        "exported_at": visit.now.isoformat(),
    }


_EXPORTED: Mapping[str, LiteralString] = {
    "cards": """
        SELECT card_id, number FROM card_numbers JOIN cards USING (card_id) WHERE holder_id = %s ORDER BY number
    """,
    "messages": """
        SELECT kind, channel, card_id, caused_at, state, reason, sent_at, language, address,
            CASE WHEN kind <> 'code' THEN content END AS content
        FROM outbox WHERE holder_id = %s ORDER BY caused_at DESC, key, channel LIMIT 10000
    """,
    "without_reminders": """
        SELECT kind, unsubscribed_at FROM optional_notices WHERE holder_id = %s AND unsubscribed_at IS NOT NULL
        ORDER BY kind
    """,
    "tokens": """
        SELECT name, scopes, created_at, expires_at, revoked_at, used_at FROM api_tokens
        WHERE holder_id = %s ORDER BY created_at, name
    """,
}
"""What else is kept → its rows, without what would open anything."""


async def _rows(connection: AsyncConnection[Any], query: LiteralString, holder_id: str) -> list[dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        return [_plain(row) for row in await (await cursor.execute(query, (holder_id,))).fetchall()]


async def erase_account(
    connection: AsyncConnection[Any], send: Send, signed_in: SignedIn, visit: Visit
) -> Done | NotRecent | StillOwed:
    """As `erase`, for a holder who has just proved to be the holder."""
    if not signed_in.is_recent(visit.now):
        return NotRecent()
    return await erase(connection, send, signed_in.holder_id, visit)


async def erase(connection: AsyncConnection[Any], send: Send, holder_id: str, visit: Visit) -> Done | StillOwed:
    """Account, passkeys, sessions, tokens, codes, numbers and what happened are gone; the log has no personal data.

    Refused while something is still owed between us for a card: it is renewed automatically, a charge is open or
    without answer, or money is left on it. Nobody could be told any more, nor be paid back.
    """
    async with connection.transaction():
        account = await find_account(connection, holder_id)
        if account is None:
            return Done()
        if owed := await _owed(connection, holder_id):
            return StillOwed(tuple(owed))
        await forget_holder(connection, holder_id)
        for address in account.addresses:
            await tell(connection, send, account, "account_erased", {}, at=address, now=visit.now)
        secret = await secret_of(connection)
        tried_as = [f"{one.kind}:{one.text}" for one in account.addresses] + [f"holder:{holder_id}"]
        keys = [keyed(secret, "sign_in", one) for one in tried_as]
        texts = [one.text for one in account.addresses]
        await connection.execute("DELETE FROM sign_in_tries WHERE key = ANY (%s)", (keys,))
        await connection.execute("DELETE FROM codes WHERE holder_id = %s OR address = ANY (%s)", (holder_id, texts))
        await connection.execute(
            "DELETE FROM card_numbers USING cards WHERE cards.card_id = card_numbers.card_id AND holder_id = %s",
            (holder_id,),
        )
        await connection.execute("DELETE FROM accounts WHERE holder_id = %s", (holder_id,))
        await connection.execute("DELETE FROM sessions WHERE holder_id = %s", (holder_id,))
        await connection.execute("DELETE FROM passkeys WHERE holder_id = %s", (holder_id,))
        await connection.execute("DELETE FROM passkey_challenges WHERE holder_id = %s", (holder_id,))
        await connection.execute("DELETE FROM api_tokens WHERE holder_id = %s", (holder_id,))
        await connection.execute("DELETE FROM account_events WHERE holder_id = %s", (holder_id,))
        await note(connection, holder_id, "erased", Visit(visit.now))
    return Done()


async def _owed(connection: AsyncConnection[Any], holder_id: str) -> list[UUID]:
    """Cards for which something is owed, or may be: what the read models have not followed yet is not known."""
    rows = await connection.execute(
        """
        SELECT card_id FROM cards WHERE holder_id = %s AND (
            auto_renew_months IS NOT NULL OR outcome_unknown OR balance_minor + reserved_minor > 0
            OR EXISTS (
                SELECT FROM charges WHERE charges.card_id = cards.card_id
                AND charges.status IN ('attempted', 'unknown', 'pending')
            )
            OR EXISTS (
                SELECT FROM card_events WHERE originator_id = card_id AND notification_id > coalesce((
                    SELECT min(position) FROM followers WHERE name IN ('read_models.cards', 'read_models.charges')
                ), 0)
            )
            OR EXISTS (SELECT FROM parked_cards WHERE parked_cards.card_id = cards.card_id AND follower = 'read_models')
        ) ORDER BY card_id
        """,
        (holder_id,),
    )
    return [card_id for (card_id,) in await rows.fetchall()]


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """The same in values that JSON has."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else str(value) if isinstance(value, UUID) else value
        for name, value in fields.items()
    }
