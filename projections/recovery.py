"""Read model `recovery`: each renewal that met a decline, and what became of it; the funnel of dunning."""

from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from engine.card.decline import ChargeFailed
from engine.card.ids import derived_id
from engine.card.lapse import NumberReclaimed, Suspended
from engine.card.term import CardRenewed
from engine.envelope import Recorded
from projections.read_model import Column, ReadModel


class RecoveryRow(NamedTuple):
    """A term whose payment was declined: `consequence` is that of the first decline, `term_number` that of the term.

    `outcome` is open, recovered (paid) or lost (the number was reclaimed).
    """

    recovery_id: UUID
    card_id: UUID
    term_number: int
    declined_at: datetime
    code: str
    consequence: str
    declines: int
    suspended_at: datetime | None
    outcome: str
    ended_at: datetime | None


def fold(row: RecoveryRow | None, recorded: Recorded) -> RecoveryRow | None:
    """The row after one more fact."""
    match recorded.fact:
        case ChargeFailed() as fact if row is None:
            return RecoveryRow(
                recovery_id_of(recorded.card_id, fact.term_number),
                recorded.card_id,
                fact.term_number,
                fact.at,
                fact.code,
                fact.consequence,
                declines=1,
                suspended_at=None,
                outcome="open",
                ended_at=None,
            )
        case ChargeFailed() if row:
            return row._replace(declines=row.declines + 1)
        case Suspended(at=at) if row:
            return row._replace(suspended_at=at)
        case CardRenewed(at=at) if row:
            return row._replace(outcome="recovered", ended_at=at)
        case NumberReclaimed(at=at) if row:
            return row._replace(outcome="lost", ended_at=at)
        case _:
            return row


def recovery_id_of(card_id: UUID, term_number: int) -> UUID:
    """The key of a card's term."""
    return derived_id(card_id, f"recovery of term {term_number}")


def _key_of(recorded: Recorded) -> UUID | None:
    match recorded.fact:
        case ChargeFailed(term_number=number, top_up=None, counts=True):
            return recovery_id_of(recorded.card_id, number)
        case CardRenewed(term=term):
            return recovery_id_of(recorded.card_id, term.number)
        case Suspended(term_number=number) | NumberReclaimed(term_number=number):
            return recovery_id_of(recorded.card_id, number + 1)  # of the one before
        case _:
            return None


RECOVERY = ReadModel(
    name="recovery",
    version=1,
    facts=(ChargeFailed, CardRenewed, Suspended, NumberReclaimed),
    row=RecoveryRow,
    columns=(
        Column("recovery_id", "uuid"),
        Column("card_id", "uuid"),
        Column("term_number", "integer"),
        Column("declined_at", "timestamptz"),
        Column("code", "text"),
        Column("consequence", "text"),
        Column("declines", "integer"),
        Column("suspended_at", "timestamptz"),
        Column("outcome", "text"),
        Column("ended_at", "timestamptz"),
    ),
    key_of=_key_of,
    fold=fold,  # reads rows, or each renewal would delete a row that hardly ever exists
    indexes=("(card_id)",),
)


class FunnelRow(NamedTuple):
    """Of the renewals that were first declined on a day: how many were suspended, paid, lost, and are still open."""

    day: date
    plan: str
    consequence: str
    declined: int
    suspended: int
    recovered: int
    lost: int
    open: int


def funnel(connection: Connection[Any]) -> list[FunnelRow]:
    """By the local day of the first decline, plan and consequence; plan and zone are the card's present ones."""
    with connection.cursor(row_factory=class_row(FunnelRow)) as cursor:
        return cursor.execute(
            """
            SELECT (declined_at AT TIME ZONE zone)::date AS day, plan, consequence, count(*) AS declined,
                count(suspended_at) AS suspended, count(*) FILTER (WHERE outcome = 'recovered') AS recovered,
                count(*) FILTER (WHERE outcome = 'lost') AS lost, count(*) FILTER (WHERE outcome = 'open') AS open
            FROM recovery JOIN cards USING (card_id) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
            """
        ).fetchall()
