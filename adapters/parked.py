"""Messages and cards that could not be handled, kept with their reason until a person retries them.

Anybody who may publish on the queue can fill this table, so what is kept of a message is bounded and cleaned.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from msgspec import json
from psycopg import Connection
from psycopg.rows import class_row

from engine.text import masked, printable
from projections.parked_cards import cleaned

PARKED_TABLE = """
    CREATE TABLE IF NOT EXISTS parked (
        parked_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        card_id uuid UNIQUE,  -- a card is parked once; NULL for a message that names none of ours
        message bytea NOT NULL,
        reason text NOT NULL,
        parked_at timestamptz NOT NULL DEFAULT now(),
        subject text,
        headers jsonb,
        tries integer  -- how often the message had been delivered
    )
"""
PARKED_12 = """
    ALTER TABLE parked ADD COLUMN IF NOT EXISTS subject text,
        ADD COLUMN IF NOT EXISTS headers jsonb,
        ADD COLUMN IF NOT EXISTS tries integer
"""


class Parked(NamedTuple):
    """A parked message; `card_id` is None where the message named no card of the log.

    What is known of how it came, its subject, headers and deliveries, is None for one that an older version parked.
    """

    parked_id: int
    card_id: UUID | None
    message: bytes
    reason: str
    parked_at: datetime
    subject: str | None
    headers: Mapping[str, str] | None
    tries: int | None


class ToPark(NamedTuple):
    """A message to park, and why; `card_id` is None where it names none."""

    card_id: UUID | None
    message: bytes
    reason: str
    subject: str
    headers: Mapping[str, str]
    tries: int


FOREIGN_KEPT = 1000
"""So many messages that name no card of the log are kept, and a few where consumers park at once; no more."""
MESSAGE_KEPT = 1024
"""At most so many bytes of a message are kept."""
HEADERS_KEPT, HEADER_KEPT = 20, 200
"""So many headers are kept of a message, and so many characters of the name and of the value of each."""

_PARK = """
    INSERT INTO parked (card_id, message, reason, subject, headers, tries)
    SELECT ours.card_id, %b, %b, %b, %b::text::jsonb, %b::integer
    FROM (SELECT (SELECT originator_id FROM card_events WHERE originator_id = %b LIMIT 1)) AS ours (card_id)
    WHERE ours.card_id IS NOT NULL OR (SELECT count(*) FROM parked WHERE card_id IS NULL) < %b
    ON CONFLICT (card_id) DO NOTHING
"""


def park(connection: Connection[Any], parked: Sequence[ToPark]) -> None:
    """Park messages, each by itself; a card that is already parked keeps its first reason.

    One that cannot be stored keeps no other from it; its error is raised after all were tried.
    """
    failed: psycopg.Error | None = None
    for one in parked:
        try:
            connection.execute(_PARK, (*_kept(one), one.card_id, FOREIGN_KEPT), prepare=True)
        except (psycopg.DataError, psycopg.IntegrityError, psycopg.InternalError) as error:
            failed = failed or error
    if failed is not None:
        raise failed


def _kept(one: ToPark) -> tuple[bytes, str, str, str, int]:
    """What is kept: bounded, and without card numbers and tokens."""
    message = _masked(one.message[: 2 * MESSAGE_KEPT])[:MESSAGE_KEPT]
    headers = {_header(name): _header(value) for name, value in list(one.headers.items())[:HEADERS_KEPT]}
    return message, cleaned(one.reason), _header(one.subject), json.encode(headers).decode(), one.tries


def _header(text: str) -> str:
    return printable(masked(text[:HEADER_KEPT]))


def _masked(message: bytes) -> bytes:
    """A message without card numbers and tokens; its other bytes are kept, whatever they are."""
    return masked(message.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def list_parked(connection: Connection[Any]) -> list[Parked]:
    """All parked messages, oldest first."""
    with connection.cursor(row_factory=class_row(Parked)) as cursor:
        return cursor.execute("SELECT * FROM parked ORDER BY parked_id").fetchall()


class Retried(NamedTuple):
    """What a retry did, by parked ids: those of cards that are tried again, of nothing, of messages without a card."""

    retried: Sequence[int]
    unknown: Sequence[int]
    without_card: Sequence[int]


def retry_parked(connection: Connection[Any], parked_ids: Sequence[int] | None) -> Retried:
    """Unpark these cards (None: all); the scheduler sends them again at its next pass.

    A message that names no card stays.
    """
    with connection.transaction():
        found = dict(
            connection.execute(
                """
                SELECT parked_id, card_id FROM parked
                WHERE %(ids)s::bigint[] IS NULL OR parked_id = ANY(%(ids)s) ORDER BY parked_id FOR UPDATE
                """,
                {"ids": None if parked_ids is None else list(parked_ids)},
            ).fetchall()
        )
        cards = {parked_id: card_id for parked_id, card_id in found.items() if card_id is not None}
        connection.execute("DELETE FROM parked WHERE parked_id = ANY(%s)", (list(cards),))
        connection.execute("UPDATE due_sent SET lease_until = now() WHERE card_id = ANY(%s)", (list(cards.values()),))
    unknown = [one for one in dict.fromkeys(parked_ids or ()) if one not in found]
    return Retried(list(cards), unknown, [one for one in found if one not in cards])


def drop_parked(connection: Connection[Any], parked_ids: Sequence[int]) -> list[int]:
    """Remove these messages, as far as they name no card; the ids of those that were removed."""
    query = "DELETE FROM parked WHERE parked_id = ANY(%s) AND card_id IS NULL RETURNING parked_id"
    return sorted(parked_id for (parked_id,) in connection.execute(query, (list(parked_ids),)))


def parked_under(connection: Connection[Any], parked_id: int) -> Parked | None:
    """What is parked under that number."""
    with connection.cursor(row_factory=class_row(Parked)) as cursor:
        return cursor.execute("SELECT * FROM parked WHERE parked_id = %s", (parked_id,)).fetchone()


def parked_card(connection: Connection[Any], card_id: UUID) -> Parked | None:
    """The card's entry, if it is parked."""
    with connection.cursor(row_factory=class_row(Parked)) as cursor:
        return cursor.execute("SELECT * FROM parked WHERE card_id = %s", (card_id,)).fetchone()
