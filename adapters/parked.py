"""Messages and cards that could not be handled, kept with their reason until a person retries them.

Anybody who may publish on the queue can fill this table, so what is kept of a message is bounded and cleaned.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from psycopg import Connection
from psycopg.rows import class_row

from engine.text import masked
from projections.parked_cards import cleaned

PARKED_TABLE = """
    CREATE TABLE IF NOT EXISTS parked (
        parked_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        card_id uuid UNIQUE,  -- a card is parked once; NULL for a message that names none of ours
        message bytea NOT NULL,
        reason text NOT NULL,
        parked_at timestamptz NOT NULL DEFAULT now()
    )
"""


class Parked(NamedTuple):
    """A parked message; `card_id` is None where the message named no card of the log."""

    parked_id: int
    card_id: UUID | None
    message: bytes
    reason: str
    parked_at: datetime


ToPark = tuple[UUID | None, bytes, str]
"""Card id (None: the message names none), message, reason."""


FOREIGN_KEPT = 1000
"""So many messages that name no card of the log are kept, and a few where consumers park at once; no more."""
MESSAGE_KEPT = 1024
"""At most so many bytes of a message are kept."""

_PARK = """
    INSERT INTO parked (card_id, message, reason)
    SELECT ours.card_id, %b, %b
    FROM (SELECT (SELECT originator_id FROM card_events WHERE originator_id = %b LIMIT 1)) AS ours (card_id)
    WHERE ours.card_id IS NOT NULL OR (SELECT count(*) FROM parked WHERE card_id IS NULL) < %b
    ON CONFLICT (card_id) DO NOTHING
"""


def park(connection: Connection[Any], parked: Sequence[ToPark]) -> None:
    """Park messages, each by itself; a card that is already parked keeps its first reason.

    One that cannot be stored keeps no other from it; its error is raised after all were tried.
    """
    failed: psycopg.Error | None = None
    for card_id, message, reason in parked:
        try:
            kept = _masked(message[: 2 * MESSAGE_KEPT])[:MESSAGE_KEPT]
            connection.execute(_PARK, (kept, cleaned(reason), card_id, FOREIGN_KEPT), prepare=True)
        except (psycopg.DataError, psycopg.IntegrityError, psycopg.InternalError) as error:
            failed = failed or error
    if failed is not None:
        raise failed


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


def parked_card(connection: Connection[Any], card_id: UUID) -> Parked | None:
    """The card's entry, if it is parked."""
    with connection.cursor(row_factory=class_row(Parked)) as cursor:
        return cursor.execute("SELECT * FROM parked WHERE card_id = %s", (card_id,)).fetchone()
