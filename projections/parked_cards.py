"""Cards that a read model cannot follow: what they are parked at, and why, until their facts can be folded.

The rows of a parked card stay as they were before the fact at `position`; all other cards go on.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from engine.text import masked, printable

PARKED_CARDS_TABLE = """
    CREATE TABLE IF NOT EXISTS parked_cards (
        follower text NOT NULL,
        card_id uuid NOT NULL,
        model text NOT NULL,
        position bigint NOT NULL,  -- of the card's first fact that is not in the model's rows
        reason text NOT NULL,
        parked_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (follower, card_id, model)
    )
"""

SKIPPED_FACTS_TABLE = """
    CREATE TABLE IF NOT EXISTS skipped_facts (
        model text NOT NULL,
        position bigint NOT NULL,
        card_id uuid NOT NULL,
        reason text NOT NULL,
        skipped_by text NOT NULL,
        skipped_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (model, position)
    )
"""
"""Facts that a read model leaves out where it cannot take them, because a person said so; kept for auditors."""

REASON_KEPT = 500
"""At most so many characters of a reason are kept."""


class ParkedCard(NamedTuple):
    """A card that a read model does not follow from the fact at `position` on."""

    model: str
    card_id: UUID
    position: int
    reason: str


class ListedCard(NamedTuple):
    """A parked card as `list_parked_cards` shows it."""

    model: str
    card_id: UUID
    position: int
    reason: str
    parked_at: datetime


def park_cards(connection: Connection[Any], follower: str, cards: Collection[ParkedCard]) -> None:
    """Park cards, in the transaction that writes the rows of the others."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO parked_cards (follower, model, card_id, position, reason) VALUES (%s, %s, %s, %s, %s)",
            [(follower, *card._replace(reason=cleaned(card.reason))) for card in cards],
        )


def parked_at(connection: Connection[Any], follower: str, card_ids: Sequence[UUID]) -> dict[tuple[str, UUID], int]:
    """Those of the cards that are parked: (model, card id) → position."""
    rows = connection.execute(
        "SELECT model, card_id, position FROM parked_cards WHERE follower = %s AND card_id = ANY(%s)",
        (follower, card_ids),
        prepare=True,
    ).fetchall()
    return {(model, card_id): position for model, card_id, position in rows}


class SkippedFact(NamedTuple):
    """A fact that a read model leaves out where it cannot take it, and who said so."""

    model: str
    position: int
    card_id: UUID
    reason: str
    skipped_by: str
    skipped_at: datetime


def skip_fact(
    connection: Connection[Any], follower: str, model: str, card_id: UUID, reason: str, by: str
) -> int | None:
    """Note that a model is to leave out the fact at which a card is parked; its position, None where none is.

    Where a row could not be stored, that is the first fact of its batch for that row.
    """
    row = connection.execute(
        """
        INSERT INTO skipped_facts (model, position, card_id, reason, skipped_by)
        SELECT model, position, card_id, %s, %s FROM parked_cards WHERE follower = %s AND model = %s AND card_id = %s
        ON CONFLICT DO NOTHING RETURNING position
        """,
        (cleaned(reason), by, follower, model, card_id),
    ).fetchone()
    return row[0] if row else None


def list_skipped_facts(connection: Connection[Any], limit: int) -> list[SkippedFact]:
    """The facts that read models leave out, the latest first."""
    with connection.cursor(row_factory=class_row(SkippedFact)) as cursor:
        return cursor.execute(
            "SELECT model, position, card_id, reason, skipped_by, skipped_at FROM skipped_facts "
            "ORDER BY skipped_at DESC, model, position LIMIT %s",
            (limit,),
        ).fetchall()


def skipped_among(connection: Connection[Any], model: str, positions: Sequence[int]) -> set[int]:
    """Those of the positions at which a read model leaves out a fact that it cannot take."""
    rows = connection.execute(
        "SELECT position FROM skipped_facts WHERE model = %s AND position = ANY(%s)", (model, list(positions))
    ).fetchall()
    return {position for (position,) in rows}


def unpark_card(connection: Connection[Any], follower: str, card_id: UUID, models: Collection[str]) -> dict[str, int]:
    """Remove a card from those that are parked for some models; returns model → position."""
    rows = connection.execute(
        "DELETE FROM parked_cards WHERE follower = %s AND card_id = %s AND model = ANY(%s) RETURNING model, position",
        (follower, card_id, list(models)),
    ).fetchall()
    return dict(rows)


def parked_card_ids(connection: Connection[Any], follower: str) -> list[UUID]:
    """The cards that at least one read model of a follower does not follow."""
    rows = connection.execute(
        "SELECT DISTINCT card_id FROM parked_cards WHERE follower = %s ORDER BY card_id", (follower,)
    ).fetchall()
    return [card_id for (card_id,) in rows]


def list_parked_cards(connection: Connection[Any], follower: str, limit: int) -> list[ListedCard]:
    """The cards that read models do not follow, by model, the longest parked first."""
    with connection.cursor(row_factory=class_row(ListedCard)) as cursor:
        return cursor.execute(
            "SELECT model, card_id, position, reason, parked_at FROM parked_cards WHERE follower = %s "
            "ORDER BY model, parked_at, card_id LIMIT %s",
            (follower, limit),
        ).fetchall()


def count_parked_cards(connection: Connection[Any], follower: str) -> dict[str, int]:
    """How many cards each read model does not follow; those that follow all are not named."""
    rows = connection.execute(
        "SELECT model, count(*) FROM parked_cards WHERE follower = %s GROUP BY model ORDER BY model", (follower,)
    ).fetchall()
    return dict(rows)


def cleaned(reason: str) -> str:
    """The beginning of a reason, without card numbers and tokens, and with what is no plain text replaced by `?`."""
    kept = printable(masked(reason[: 2 * REASON_KEPT]))
    return kept if len(kept) <= REASON_KEPT else f"{kept[: REASON_KEPT - 1]}…"
