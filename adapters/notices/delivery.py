"""The life of a row of the outbox: claimed, handed over, settled; SQL for whoever sends.

A claim is committed before anything is sent, and so is what is sent. Only whoever claimed a row last may write what
became of it. A row whose sender was killed is claimed again when its lease is over: `handed_over` then says that it
may have arrived.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from pydantic import JsonValue

from adapters.languages.language import Language
from adapters.notices.kinds import OTHER, Channel, kind_of
from adapters.notices.reached import hash_of
from adapters.notices.timing import day_began, next_morning, retry_after

LEASE = timedelta(minutes=2)
"""How long a row is in one sender's hands; one that takes longer loses it. Longer than a try to send may take."""
ERASED = "account_erased"
"""The kind after which nothing is kept by which anybody could be found."""
DOUBTS_MOST = 1
"""How often an SMS is sent again that may have arrived."""


class Row(NamedTuple):
    """A claimed row."""

    key: str
    channel: Channel
    holder_id: str | None
    card_id: UUID | None
    kind: str
    caused_at: datetime
    content: Mapping[str, JsonValue] | None
    correlation_id: str | None
    """That of the fact; None for a message of accounts."""
    expires_at: datetime
    is_over: bool
    """It is no news any more."""
    tries: int
    claim: int
    handed_over: bool
    doubts: int
    language: Language | None
    address: str | None
    body: bytes | None


class Rendered(NamedTuple):
    """What is sent, to whom and in which language; kept until it was accepted."""

    address: str
    language: Language
    zone: str
    body: bytes
    template_version: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """Whoever delivers it has taken it, and knows it by this id."""

    provider_id: str


@dataclass(frozen=True, slots=True)
class Failed:
    """It was not taken, and may be later."""

    reason: str


@dataclass(frozen=True, slots=True)
class Doubtful:
    """It may have been taken or not."""

    reason: str


@dataclass(frozen=True, slots=True)
class Bounced:
    """It will never be taken for this address."""

    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """It will never be taken, which is no fault of the address: others may be."""

    reason: str


Outcome = Accepted | Failed | Doubtful | Bounced | Rejected


def claim(connection: Connection[Any], channel: Channel, now: datetime, limit: int) -> list[Row]:
    """Take up to `limit` rows that are due at `now` (business time); what lives for minutes comes first."""
    with connection.cursor(row_factory=class_row(Row)) as cursor:
        return cursor.execute(
            """
            UPDATE outbox o SET state = 'sending', claim = o.claim + 1, lease_until = clock_timestamp() + %(lease)s
            FROM (
                SELECT key, channel FROM outbox
                WHERE channel = %(channel)s AND state IN ('pending', 'sending') AND lease_until <= clock_timestamp()
                    AND not_before <= CASE WHEN card_id IS NULL THEN clock_timestamp() ELSE %(now)s END
                ORDER BY card_id IS NOT NULL, not_before LIMIT %(limit)s
                FOR UPDATE SKIP LOCKED
            ) due
            WHERE o.key = due.key AND o.channel = due.channel
            RETURNING o.key, o.channel, holder_id, card_id, kind, caused_at, content, correlation_id, expires_at,
                expires_at <= CASE WHEN card_id IS NULL THEN clock_timestamp() ELSE %(now)s END AS is_over,
                tries, claim, handed_over, doubts, language, address, body
            """,
            {"channel": channel, "now": now, "limit": limit, "lease": LEASE},
            prepare=True,
        ).fetchall()


def begin(connection: Connection[Any], row: Row, rendered: Rendered, now: datetime) -> bool:
    """Record what is about to be sent; False where it may not be sent now.

    That is so when somebody else has claimed it meanwhile, and when its card has caused an SMS on this local day.
    """
    with connection.transaction():
        if _is_one_too_many(connection, row, rendered.zone, now):
            wait(connection, row, next_morning(now, rendered.zone), "one_sms_a_day")
            return False
        begun = connection.execute(
            """
            UPDATE outbox SET handed_over = true, tries = tries + 1, lease_until = clock_timestamp() + %(lease)s,
                address = %(address)s, language = %(language)s, body = %(body)s, template_version = %(version)s,
                address_hash = %(address_hash)s, body_hash = %(body_hash)s
            WHERE key = %(key)s AND channel = %(channel)s AND claim = %(claim)s AND state = 'sending'
            """,
            {
                **_named(row),
                "lease": LEASE,
                "address": rendered.address,
                "language": rendered.language,
                "body": rendered.body,
                "version": rendered.template_version,
                "address_hash": None if row.kind == ERASED else hash_of(rendered.address),
                "body_hash": sha256(rendered.body).digest(),
            },
        )
        return begun.rowcount == 1


def _is_one_too_many(connection: Connection[Any], row: Row, zone: str, now: datetime) -> bool:
    """Whether the card has caused an SMS on this local day; the lock lasts until the transaction ends."""
    if row.channel != "sms" or row.card_id is None or row.handed_over or kind_of(row.kind).every_time:
        return False
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"outbox {row.card_id}",))
    others = connection.execute(
        """
        SELECT kind FROM outbox
        WHERE card_id = %(card_id)s AND channel = 'sms' AND key <> %(key)s
            AND (sent_at >= %(since)s OR state = 'sending' AND handed_over)
        """,
        {"card_id": row.card_id, "key": row.key, "since": day_began(now, zone)},
    ).fetchall()
    return any(not kind_of(kind).every_time for (kind,) in others)


def settle(connection: Connection[Any], row: Row, outcome: Outcome, now: datetime, random: Random) -> str:
    """Record what became of a try; returns the state in which that leaves the row.

    `row` is as it was claimed, before its try was counted.
    """
    match outcome:
        case Accepted(provider_id):
            _end(connection, row, "accepted", None, provider_id, now)
            return "accepted"
        case Bounced(reason):
            with connection.transaction():
                if _end(connection, row, "bounced", reason):
                    try_other_channel(connection, row)
            return "bounced"
        case Rejected(reason):
            drop(connection, row, reason, other_channel=True)
            return "dropped"
        case Doubtful(reason) if row.channel == "sms" or kind_of(row.kind).once:
            return _settle_doubt(connection, row, reason, random)
        case Failed(reason) | Doubtful(reason):
            return _retry(connection, row, reason, random, doubts=0)


def _settle_doubt(connection: Connection[Any], row: Row, reason: str, random: Random) -> str:
    """What cannot be recognised as the same by whoever gets it is sent again rarely, or never."""
    if kind_of(row.kind).once or row.doubts + row.handed_over >= DOUBTS_MOST:
        _end(connection, row, "dropped", f"may_have_arrived: {reason}")
        return "dropped"
    return _retry(connection, row, reason, random, doubts=1)


def is_doubtful_again(connection: Connection[Any], row: Row) -> bool:
    """Whether a row of a killed sender is not sent again, because it may have arrived; then it is dropped."""
    if not row.handed_over or (row.channel == "email" and not kind_of(row.kind).once):
        return False
    if kind_of(row.kind).once or row.doubts >= DOUBTS_MOST:
        _end(connection, row, "dropped", "may_have_arrived")
        return True
    connection.execute(
        f"UPDATE outbox SET doubts = doubts + 1 WHERE {_OURS}",  # noqa: S608 (a condition of our own)
        _named(row),
    )
    return False


def _retry(connection: Connection[Any], row: Row, reason: str, random: Random, *, doubts: int) -> str:
    pause = retry_after(row.tries + 1, random, once=kind_of(row.kind).once)
    if pause is None:
        with connection.transaction():
            if _end(connection, row, "dropped", f"given_up: {reason}"):
                try_other_channel(connection, row)
        return "dropped"
    connection.execute(
        f"""
        UPDATE outbox SET state = 'pending', handed_over = false, reason = %(reason)s, doubts = doubts + %(doubts)s,
            lease_until = clock_timestamp() + %(pause)s
        WHERE {_OURS}
        """,  # noqa: S608 (a condition of our own)
        {**_named(row), "reason": reason, "doubts": doubts, "pause": pause},
    )
    return "pending"


def wait(connection: Connection[Any], row: Row, until: datetime, reason: str) -> None:
    """Leave it until that time: business time for a card's notice."""
    connection.execute(
        f"""
        UPDATE outbox
        SET state = 'pending', reason = %(reason)s, not_before = %(until)s, lease_until = clock_timestamp()
        WHERE {_OURS}
        """,  # noqa: S608 (a condition of our own)
        {**_named(row), "reason": reason, "until": until},
    )


def drop(connection: Connection[Any], row: Row, reason: str, *, other_channel: bool = False) -> None:
    """It is not sent; on the other channel it may be."""
    with connection.transaction():
        if _end(connection, row, "dropped", reason) and other_channel:
            try_other_channel(connection, row)


def try_other_channel(connection: Connection[Any], row: Row) -> None:
    """Let a notice of a card be sent by the other channel, unless it is or was; not a message to one address."""
    if row.card_id is None:
        return
    connection.execute(
        """
        INSERT INTO outbox (key, channel, holder_id, card_id, kind, caused_at, content, not_before, expires_at)
        SELECT key, %(other)s, holder_id, card_id, kind, caused_at, content, not_before, expires_at FROM outbox
        WHERE key = %(key)s AND channel = %(channel)s
        ON CONFLICT (key, channel) DO NOTHING
        """,
        {**_named(row), "other": OTHER[row.channel]},
    )


_OURS = "key = %(key)s AND channel = %(channel)s AND claim = %(claim)s AND state = 'sending'"


def _end(
    connection: Connection[Any],
    row: Row,
    state: str,
    reason: str | None,
    provider_id: str | None = None,
    sent_at: datetime | None = None,
) -> bool:
    """Nothing more is done with it: addresses and texts leave; False if somebody else has claimed it meanwhile."""
    ended = connection.execute(
        f"""
        UPDATE outbox SET state = %(state)s, reason = %(reason)s, provider_id = %(provider_id)s,
            settled_at = clock_timestamp(),
            sent_at = CASE WHEN card_id IS NULL AND %(sent_at)s::timestamptz IS NOT NULL THEN clock_timestamp()
                ELSE %(sent_at)s END,
            address = NULL, body = NULL, content = CASE WHEN card_id IS NULL THEN NULL ELSE content END
        WHERE {_OURS}
        """,  # noqa: S608 (a condition of our own)
        {**_named(row), "state": state, "reason": reason, "provider_id": provider_id, "sent_at": sent_at},
    )
    return ended.rowcount == 1


def _named(row: Row) -> dict[str, object]:
    return {"key": row.key, "channel": row.channel, "claim": row.claim}
