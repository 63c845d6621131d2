"""Messages and cards that could not be handled, kept with their reason until a person retries them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

PARKED_TABLE = """
    CREATE TABLE IF NOT EXISTS parked (
        parked_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        card_id uuid UNIQUE,  -- a card is parked once; NULL for a message that names no card
        message bytea NOT NULL,
        reason text NOT NULL,
        parked_at timestamptz NOT NULL DEFAULT now()
    )
"""


class Parked(NamedTuple):
    """A parked message; `card_id` is None where the message named no card."""

    parked_id: int
    card_id: UUID | None
    message: bytes
    reason: str
    parked_at: datetime


ToPark = tuple[UUID | None, bytes, str]
"""Card id (None: the message names none), message, reason."""


def park(connection: Connection[Any], parked: Sequence[ToPark]) -> None:
    """Park messages; a card that is already parked keeps its first reason."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO parked (card_id, message, reason) VALUES (%s, %s, %s) ON CONFLICT (card_id) DO NOTHING",
            parked,
        )


def list_parked(connection: Connection[Any]) -> list[Parked]:
    """All parked messages, oldest first."""
    with connection.cursor(row_factory=class_row(Parked)) as cursor:
        return cursor.execute("SELECT * FROM parked ORDER BY parked_id").fetchall()


def retry_parked(connection: Connection[Any], parked_ids: Sequence[int] | None) -> int:
    """Unpark these (None: all), and return how many; the scheduler sends their cards again at its next pass."""
    with connection.transaction():
        unparked = connection.execute(
            "DELETE FROM parked WHERE %(ids)s::bigint[] IS NULL OR parked_id = ANY(%(ids)s) RETURNING card_id",
            {"ids": None if parked_ids is None else list(parked_ids)},
        ).fetchall()
        card_ids = [card_id for (card_id,) in unparked if card_id is not None]
        connection.execute("UPDATE due_sent SET lease_until = now() WHERE card_id = ANY(%s)", (card_ids,))
    return len(unparked)
