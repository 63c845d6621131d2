"""Read model `cases`: what waits for a person."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from psycopg import Connection
from psycopg.rows import class_row

from engine.card.events import CardClosed, CardHeld, CardReleased, NumberReclaimed
from engine.card.payments import (
    BalancePaidOut,
    CaseOpened,
    ChargeFailed,
    ChargeSucceeded,
    RefundFailed,
    RefundRecorded,
    RefundSucceeded,
)
from engine.card.refunds import refund_id_of
from engine.store import Recorded
from projections.read_model import Column, ReadModel


class CaseRow(NamedTuple):
    """Something to find out or to settle; `minor` is the money that is owed, if it is about that."""

    case_id: UUID
    card_id: UUID
    reason: str
    about: UUID
    minor: int | None
    opened_at: datetime


def fold(row: CaseRow | None, recorded: Recorded) -> CaseRow | None:
    """The case after one more fact; None when it is settled."""
    card_id, at = recorded.card_id, recorded.fact.at
    match recorded.fact:
        case CaseOpened(about=about, reason=reason):
            return CaseRow(about, card_id, reason, about, None, at)
        case RefundFailed(refund_id=refund_id, attempt_id=attempt_id, code=code):
            return CaseRow(refund_id, card_id, f"refund_failed: {code}", attempt_id, None, at)
        case CardHeld(reason=reason):
            return CaseRow(card_id, card_id, f"held: {reason}", card_id, None, at)
        case CardClosed(balance=balance) | NumberReclaimed(balance=balance):
            return CaseRow(_owed(card_id), card_id, "balance_owed", card_id, balance.minor, at)
        case BalancePaidOut(amount=amount) if row is not None and row.minor is not None and row.minor > amount.minor:
            return row._replace(minor=row.minor - amount.minor)
        case _:
            return None


def _key_of(recorded: Recorded) -> UUID | None:
    card_id = recorded.card_id
    match recorded.fact:
        case CaseOpened(about=about):
            return about
        case (
            ChargeSucceeded(attempt_id=attempt_id, learned=learned)
            | ChargeFailed(attempt_id=attempt_id, learned=learned)
        ):
            return attempt_id if learned not in {"sent", "late"} else None  # no case yet, or none any more
        case RefundSucceeded(refund_id=refund_id) | RefundFailed(refund_id=refund_id):
            return refund_id
        case RefundRecorded(attempt_id=attempt_id):
            return refund_id_of(card_id, attempt_id)
        case CardHeld(by="alarm") | CardReleased():
            return card_id
        case CardClosed(balance=balance) | NumberReclaimed(balance=balance):
            return _owed(card_id) if balance.minor else None
        case BalancePaidOut():
            return _owed(card_id)
        case _:
            return None


def _owed(card_id: UUID) -> UUID:
    return uuid5(card_id, "balance owed")


CASES = ReadModel(
    name="cases",
    row=CaseRow,
    columns=(
        Column("case_id", "uuid"),
        Column("card_id", "uuid"),
        Column("reason", "text"),
        Column("about", "uuid"),
        Column("minor", "bigint"),
        Column("opened_at", "timestamptz"),
    ),
    key_of=_key_of,
    fold=fold,
)


def list_cases(connection: Connection[Any], limit: int) -> list[CaseRow]:
    """The oldest cases first."""
    with connection.cursor(row_factory=class_row(CaseRow)) as cursor:
        return cursor.execute("SELECT * FROM cases ORDER BY opened_at, case_id LIMIT %s", (limit,)).fetchall()
