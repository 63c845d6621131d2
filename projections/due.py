"""Read model `due`: one row per card with a wake time; the scheduler's to-do list."""

from datetime import datetime
from typing import Any, NamedTuple, get_args
from uuid import UUID

from psycopg import Connection

from engine.card.facts import CardFact
from engine.envelope import Recorded
from projections.read_model import Column, ReadModel

DUE_CHANNEL = "baohao_due"
"""PostgreSQL notification: the table has changed."""


class DueRow(NamedTuple):
    """A card, the version of it that set the wake time, and the wake time."""

    card_id: UUID
    version: int
    wake_at: datetime


def fold(row: DueRow | None, recorded: Recorded) -> DueRow | None:
    """The last fact of each append carries the wake time; None removes the row."""
    del row
    if recorded.wake_at is None:
        return None
    return DueRow(recorded.card_id, recorded.version, recorded.wake_at)


def _key_of(recorded: Recorded) -> UUID | None:
    return recorded.card_id if recorded.last else None


DUE = ReadModel(
    name="due",
    version=1,
    facts=get_args(CardFact),
    row=DueRow,
    columns=(Column("card_id", "uuid"), Column("version", "bigint"), Column("wake_at", "timestamptz")),
    key_of=_key_of,
    fold=fold,
    reads_row=False,
    indexes=("(wake_at)",),
)


def list_due(connection: Connection[Any], limit: int) -> list[DueRow]:
    """The cards with the earliest wake times."""
    return DUE.select(connection, "ORDER BY wake_at, card_id LIMIT %s", (limit,))


def next_wake(connection: Connection[Any]) -> datetime | None:
    """The earliest wake time of all cards."""
    row = connection.execute("SELECT min(wake_at) FROM due").fetchone()
    return row[0] if row else None
