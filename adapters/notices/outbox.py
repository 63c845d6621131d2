"""The outbox: one row for each cause and channel, from the fact until it is known whether the holder was told.

It is no read model: what was sent cannot be sent again by rebuilding it, so it is never emptied nor rewound. Addresses
stand in it only until they were used. A notice of a card is judged by business time, a message of accounts by real
time; leases and pauses are real time.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from psycopg import AsyncConnection, Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from pydantic import JsonValue

from adapters.directory.messages import Message
from adapters.notices.kinds import Channel, kind_of

OUTBOX_CHANNEL = "baohao_outbox"
"""PostgreSQL notification: there is something to send."""


class NewNotice(NamedTuple):
    """A notice of a card that is to be sent by one channel."""

    key: str
    channel: Channel
    holder_id: str | None
    card_id: UUID
    kind: str
    caused_at: datetime
    content: Mapping[str, JsonValue]
    expires_at: datetime
    correlation_id: str
    """That of the fact: what the command or the wake-up was called that led to it."""


def put_notices(connection: Connection[Any], notices: Sequence[NewNotice]) -> int:
    """Add those that are not there yet; returns how many that were."""
    if not notices:
        return 0
    columns = [list(column) for column in zip(*notices, strict=True)]
    columns[6] = [Jsonb(content) for content in columns[6]]
    added = connection.execute(
        """
        INSERT INTO outbox (
            key, channel, holder_id, card_id, kind, caused_at, content, expires_at, correlation_id, not_before
        )
        SELECT *, caused_at FROM unnest(
            %s::text[], %s::text[], %s::text[], %s::uuid[], %s::text[], %s::timestamptz[], %s::jsonb[],
            %s::timestamptz[], %s::text[]
        ) AS n (key, channel, holder_id, card_id, kind, caused_at, content, expires_at, correlation_id)
        ON CONFLICT (key, channel) DO NOTHING
        """,
        columns,
    ).rowcount
    if added:
        connection.execute(f"NOTIFY {OUTBOX_CHANNEL}")
    return added


async def put_message(connection: AsyncConnection[Any], message: Message) -> None:
    """Add a message of accounts, in the transaction of what it tells of: it is sent when that is committed.

    This is the directory's `Send`.
    """
    await connection.execute(
        """
        INSERT INTO outbox (
            key, channel, holder_id, kind, caused_at, content, not_before, expires_at, language, address
        )
        VALUES (%(key)s, %(channel)s, %(holder)s, %(kind)s, clock_timestamp(), %(content)s, clock_timestamp(),
            coalesce(%(expires_at)s, clock_timestamp() + %(news_for)s), %(language)s, %(address)s)
        ON CONFLICT (key, channel) DO NOTHING
        """,
        {
            "key": f"account:{message.message_id}",
            "channel": message.channel,
            "holder": message.holder_id,
            "kind": message.kind,
            "content": Jsonb(dict(message.values)),
            "expires_at": message.expires_at,
            "news_for": kind_of(message.kind).news_for,
            "language": message.language,
            "address": message.to,
        },
    )
    await connection.execute(f"NOTIFY {OUTBOX_CHANNEL}")


class Told(NamedTuple):
    """What became of one notice on one channel, as a page shows it; without texts and addresses."""

    key: str
    channel: Channel
    card_id: UUID | None
    kind: str
    caused_at: datetime
    state: str
    sent_at: datetime
    """When it was accepted for delivery."""

    @property
    def version(self) -> int | None:
        """The version of the fact, in its card's history, that the notice is about; None for a message of accounts."""
        return None if self.card_id is None else int(self.key.split(":")[1])


async def told_of_card(connection: AsyncConnection[Any], card_id: UUID, limit: int = 100) -> list[Told]:
    """The notices of one card that were sent, the newest cause first."""
    return await _told(connection, "card_id = %s", (card_id,), limit)


async def told_of_facts(
    connection: AsyncConnection[Any], card_id: UUID, holder_id: str, first: int, last: int
) -> list[Told]:
    """The notices of one card that this holder was sent about the facts of these versions, the newest cause first."""
    condition = "card_id = %s AND holder_id = %s AND split_part(key, ':', 2)::int BETWEEN %s AND %s"
    return await _told(connection, condition, (card_id, holder_id, first, last), 1000)


async def told_holder(connection: AsyncConnection[Any], holder_id: str, limit: int = 100) -> list[Told]:
    """The notices and messages that were sent to one holder, the newest cause first."""
    return await _told(connection, "holder_id = %s", (holder_id,), limit)


async def _told(connection: AsyncConnection[Any], condition: str, values: Sequence[object], limit: int) -> list[Told]:
    async with connection.cursor(row_factory=class_row(Told)) as cursor:
        query = f"""
            SELECT key, channel, card_id, kind, caused_at, state, sent_at FROM outbox
            WHERE {condition} AND state IN ('accepted', 'delivered') ORDER BY caused_at DESC, channel LIMIT %s
        """  # noqa: S608 (one of the conditions above)
        await cursor.execute(query.encode(), (*values, limit))
        return await cursor.fetchall()


async def forget_holder(connection: AsyncConnection[Any], holder_id: str) -> None:
    """Remove addresses and texts of a holder who leaves; that and when something was sent stays, as a proof.

    A message that says so, put afterwards, is sent.
    """
    await connection.execute(
        """
        UPDATE outbox SET address = NULL, address_hash = NULL, body = NULL, content = NULL,
            state = CASE WHEN state IN ('pending', 'sending') THEN 'dropped' ELSE state END,
            reason = CASE WHEN state IN ('pending', 'sending') THEN 'account_erased' ELSE reason END
        WHERE holder_id = %s
        """,
        (holder_id,),
    )
    await connection.execute("DELETE FROM optional_notices WHERE holder_id = %s", (holder_id,))


Again = Literal["again", "unknown", "waits", "forgotten"]
"""What became of the wish to send a notice again."""


def send_again(connection: Connection[Any], key: str) -> Again:
    """Let a notice of a card be sent again by each of its channels: rendered anew, under another Message-ID.

    The new rows have keys of their own; those of what was sent stay.
    """
    rows = connection.execute("SELECT state, content IS NOT NULL FROM outbox WHERE key = %s", (key,)).fetchall()
    if not rows:
        return "unknown"
    if any(state in {"pending", "sending"} for state, _ in rows):
        return "waits"
    if not all(kept for _, kept in rows):
        return "forgotten"
    connection.execute(
        """
        INSERT INTO outbox (
            key, channel, holder_id, card_id, kind, caused_at, content, correlation_id, not_before, expires_at
        )
        SELECT key || ':again:' || gen_random_uuid(), channel, holder_id, card_id, kind, caused_at, content,
            correlation_id, caused_at, caused_at + interval '10 years'
        FROM outbox WHERE key = %s
        """,
        (key,),
    )
    connection.execute(f"NOTIFY {OUTBOX_CHANNEL}")
    return "again"
