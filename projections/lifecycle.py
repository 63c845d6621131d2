"""Read model `lifecycle`: each change of a card's status, so that cards can be counted by status on any day."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from engine.card.custody import CardClosed, CardRegistered
from engine.card.event import Event
from engine.card.lapse import STATUS_AFTER
from engine.envelope import Recorded
from projections.read_model import Column, ReadModel

_AFTER: Mapping[type[Event], str] = {CardRegistered: "active", **STATUS_AFTER, CardClosed: "closed"}


class LifecycleRow(NamedTuple):
    """A card has a status from `at` on; `position` is its fact's place in the log."""

    position: int
    card_id: UUID
    status: str
    at: datetime


def fold(row: LifecycleRow | None, recorded: Recorded) -> LifecycleRow:
    """A change is written once and never changes."""
    del row
    return LifecycleRow(recorded.position, recorded.card_id, _AFTER[type(recorded.fact)], recorded.fact.at)


LIFECYCLE = ReadModel(
    name="lifecycle",
    version=1,
    facts=tuple(_AFTER),
    row=LifecycleRow,
    columns=(
        Column("position", "bigint"),
        Column("card_id", "uuid"),
        Column("status", "text"),
        Column("at", "timestamptz"),
    ),
    key_of=lambda recorded: recorded.position,
    fold=fold,
    reads_row=False,
    indexes=("(card_id)",),
)


class DayRow(NamedTuple):
    """So many cards had a status at the end of a day, each day in its card's own zone."""

    day: date
    status: str
    cards: int


def cards_by_day(connection: Connection[Any]) -> list[DayRow]:
    """The cards of each status, on the days on which their number changed; the zone is the card's present one."""
    with connection.cursor(row_factory=class_row(DayRow)) as cursor:
        return cursor.execute(
            """
            WITH changes AS (
                SELECT status, lag(status) OVER (PARTITION BY card_id ORDER BY position) AS before,
                    (at AT TIME ZONE zone)::date AS day
                FROM lifecycle JOIN (SELECT card_id, zone FROM cards) AS zones USING (card_id)
            ),
            moves AS (
                SELECT day, status, 1 AS cards FROM changes
                UNION ALL SELECT day, before, -1 FROM changes WHERE before IS NOT NULL
            ),
            days AS (SELECT day, status, sum(cards) AS cards FROM moves GROUP BY day, status)
            SELECT day, status, sum(cards) OVER (PARTITION BY status ORDER BY day)::bigint AS cards
            FROM days ORDER BY day, status
            """
        ).fetchall()
