"""The outbox: one row for each cause and channel, from the fact until it is known whether the holder was told.

It is no read model: what was sent cannot be sent again by rebuilding it, so it is never emptied nor rewound. Addresses
stand in it only until they were used. A notice of a card is judged by business time, a message of accounts by real
time; leases and pauses are real time.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from psycopg import AsyncConnection, Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb
from pydantic import JsonValue

from adapters.notices.kinds import Channel, kind_of

OUTBOX_TABLE = """
    CREATE TABLE IF NOT EXISTS outbox (
        key text NOT NULL,  -- of the cause: the notice's own, or one made up for a message of accounts
        channel text NOT NULL CHECK (channel IN ('email', 'sms')),
        holder_id text,
        card_id uuid,  -- NULL: a message of accounts, which is judged by real time
        kind text NOT NULL,
        caused_at timestamptz NOT NULL,
        content jsonb,  -- the values of its text; NULL once a message of accounts has been dealt with
        state text NOT NULL DEFAULT 'pending'
            CHECK (state IN ('pending', 'sending', 'accepted', 'delivered', 'bounced', 'dropped')),
        reason text,  -- why it bounced, was dropped, or waits
        not_before timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,  -- after that it is no news
        tries integer NOT NULL DEFAULT 0,
        claim integer NOT NULL DEFAULT 0,  -- counts who took it: whoever comes with an older number writes nothing
        lease_until timestamptz NOT NULL DEFAULT '-infinity',  -- in somebody's hands, or resting after a failure
        handed_over boolean NOT NULL DEFAULT false,  -- it may have arrived, nobody has said so
        doubts integer NOT NULL DEFAULT 0,  -- how often that was so
        language text,
        address text,  -- only while it is to be sent
        address_hash bytea,
        body bytea,  -- what is sent, also by a retry; only until it was accepted
        body_hash bytea,
        template_version text,
        provider_id text,  -- by which whoever took it knows it
        sent_at timestamptz,  -- when it was accepted
        PRIMARY KEY (key, channel)  -- nobody is told of a cause twice
    )
"""
OUTBOX_INDEXES = """
    CREATE INDEX IF NOT EXISTS outbox_open ON outbox (channel, not_before) WHERE state IN ('pending', 'sending');
    CREATE INDEX IF NOT EXISTS outbox_of_holder ON outbox (holder_id, caused_at);
    CREATE INDEX IF NOT EXISTS outbox_of_card ON outbox (card_id, caused_at);
    CREATE INDEX IF NOT EXISTS outbox_at_provider ON outbox (provider_id) WHERE provider_id IS NOT NULL
"""
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


class Message(Protocol):
    """A message of accounts, to an address that its sender knows: a code, or what concerns a sign-in."""

    @property
    def kind(self) -> str: ...

    @property
    def to(self) -> str: ...

    @property
    def channel(self) -> Channel: ...

    @property
    def language(self) -> str: ...

    @property
    def values(self) -> Mapping[str, str]: ...

    @property
    def holder_id(self) -> str | None: ...

    @property
    def expires_at(self) -> datetime | None: ...

    @property
    def message_id(self) -> UUID: ...


def put_notices(connection: Connection[Any], notices: Sequence[NewNotice]) -> int:
    """Add those that are not there yet; returns how many that were."""
    if not notices:
        return 0
    columns = [list(column) for column in zip(*notices, strict=True)]
    columns[6] = [Jsonb(content) for content in columns[6]]
    added = connection.execute(
        """
        INSERT INTO outbox (key, channel, holder_id, card_id, kind, caused_at, content, expires_at, not_before)
        SELECT *, caused_at FROM unnest(
            %s::text[], %s::text[], %s::text[], %s::uuid[], %s::text[], %s::timestamptz[], %s::jsonb[],
            %s::timestamptz[]
        ) AS n (key, channel, holder_id, card_id, kind, caused_at, content, expires_at)
        ON CONFLICT (key, channel) DO NOTHING
        """,
        columns,
    ).rowcount
    if added:
        connection.execute(f"NOTIFY {OUTBOX_CHANNEL}")
    return added


async def put_message(connection: AsyncConnection[Any], message: Message) -> None:
    """Add a message of accounts, in the transaction of what it tells of: it is sent when that is committed."""
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
    sent_at: datetime | None
    """When it was accepted for delivery; None: nobody was told by it."""


def told_of_card(connection: Connection[Any], card_id: UUID, limit: int = 100) -> list[Told]:
    """The notices of one card that were sent, the newest cause first."""
    return _told(connection, "card_id = %s", card_id, limit)


def told_holder(connection: Connection[Any], holder_id: str, limit: int = 100) -> list[Told]:
    """The notices and messages that were sent to one holder, the newest cause first."""
    return _told(connection, "holder_id = %s", holder_id, limit)


def _told(connection: Connection[Any], condition: str, value: object, limit: int) -> list[Told]:
    with connection.cursor(row_factory=class_row(Told)) as cursor:
        query = f"""
            SELECT key, channel, card_id, kind, caused_at, state, sent_at FROM outbox
            WHERE {condition} AND state IN ('accepted', 'delivered') ORDER BY caused_at DESC, channel LIMIT %s
        """  # noqa: S608 (one of the two conditions above)
        return cursor.execute(query.encode(), (value, limit)).fetchall()


def forget_holder(connection: Connection[Any], holder_id: str) -> None:
    """Remove addresses and texts of a holder who leaves; that and when something was sent stays, as a proof."""
    connection.execute(
        """
        UPDATE outbox SET address = NULL, address_hash = NULL, body = NULL, content = NULL,
            state = CASE WHEN state IN ('pending', 'sending') THEN 'dropped' ELSE state END,
            reason = CASE WHEN state IN ('pending', 'sending') THEN 'account_erased' ELSE reason END
        WHERE holder_id = %s
        """,
        (holder_id,),
    )
