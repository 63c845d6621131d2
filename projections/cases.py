"""Read model `cases`: what waits for a person."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from engine.card.attempt import CaseOpened
from engine.card.balance import BalanceCredited
from engine.card.decline import ChargeFailed
from engine.card.doubt import IN_DOUBT, NumberConfirmed
from engine.card.hold import CardHeld, CardReleased
from engine.card.ids import derived_id
from engine.card.payments import ChargeSucceeded
from engine.card.refunds import RefundFailed, RefundRecorded, RefundReturned, RefundSucceeded, refund_id_of
from engine.envelope import Recorded
from projections.read_model import Column, ReadModel


class CaseRow(NamedTuple):
    """An open case; `about` is the attempt concerned, None for the card itself."""

    case_id: UUID
    card_id: UUID
    reason: str
    about: UUID | None
    opened_at: datetime


class Case(NamedTuple):
    """A case for display; `minor` is the balance that is owed, for a case about that."""

    opened_at: datetime
    card_id: UUID
    reason: str
    about: UUID | None
    minor: int | None
    currency: str | None


def fold(row: CaseRow | None, recorded: Recorded) -> CaseRow | None:
    """The case after one more fact; None once it is closed."""
    del row
    card_id, at = recorded.card_id, recorded.fact.at
    match recorded.fact:
        case CaseOpened(about=about, reason=reason) if reason == IN_DOUBT:
            return CaseRow(about, card_id, reason, None, at)
        case CaseOpened(about=about, reason=reason, attempt_id=attempt_id):
            return CaseRow(about, card_id, reason, attempt_id or about, at)
        case RefundFailed(refund_id=refund_id, attempt_id=attempt_id, code=code):
            return CaseRow(refund_id, card_id, f"refund_failed: {code}", attempt_id, at)
        case RefundReturned(refund_id=refund_id, attempt_id=attempt_id, code=code):
            return CaseRow(refund_id, card_id, f"refund_returned: {code}", attempt_id, at)
        case CardHeld(reason=reason):
            return CaseRow(card_id, card_id, f"held: {reason}", None, at)
        case _:
            return None


def _key_of(recorded: Recorded) -> UUID | None:
    card_id = recorded.card_id
    match recorded.fact:
        case CaseOpened(about=about):
            return about
        case ChargeSucceeded(attempt_id=attempt_id) | ChargeFailed(attempt_id=attempt_id):
            return attempt_id
        case RefundSucceeded(refund_id=refund_id) | RefundFailed(refund_id=refund_id):
            return refund_id
        case RefundReturned(refund_id=refund_id) | RefundRecorded(refund_id=UUID() as refund_id):
            return refund_id
        case RefundRecorded(attempt_id=attempt_id) | BalanceCredited(reason="refund", about=UUID() as attempt_id):
            return refund_id_of(card_id, attempt_id)
        case CardHeld() | CardReleased():
            return card_id
        case NumberConfirmed():
            return derived_id(card_id, IN_DOUBT)
        case _:
            return None


CASES = ReadModel(
    name="cases",
    version=1,
    facts=(
        CaseOpened,
        ChargeSucceeded,
        ChargeFailed,
        RefundSucceeded,
        RefundFailed,
        RefundReturned,
        RefundRecorded,
        BalanceCredited,
        CardHeld,
        CardReleased,
        NumberConfirmed,
    ),
    row=CaseRow,
    columns=(
        Column("case_id", "uuid"),
        Column("card_id", "uuid"),
        Column("reason", "text"),
        Column("about", "uuid"),
        Column("opened_at", "timestamptz"),
    ),
    key_of=_key_of,
    fold=fold,  # reads rows, or each outcome would delete a row that hardly ever exists
)


def list_cases(connection: Connection[Any], limit: int) -> list[Case]:
    """The oldest cases first.

    Balances owed for closed and reclaimed cards come from the read model `cards`, as far as they can be paid out now:
    what a last attempt has reserved is owed too, and is added when its outcome is known. A hold on such a card, or a
    doubt whether its number exists, is no case.
    """
    with connection.cursor(row_factory=class_row(Case)) as cursor:
        cursor.execute(
            """
            WITH gone AS (
                SELECT card_id, changed_at, balance_minor, currency FROM cards WHERE status IN ('closed', 'reclaimed')
            )
            SELECT opened_at, card_id, reason, about, NULL::bigint AS minor, NULL AS currency
            FROM cases WHERE about IS NOT NULL OR card_id NOT IN (SELECT card_id FROM gone)
            UNION ALL
            SELECT changed_at, card_id, 'balance_owed', NULL, balance_minor, currency
            FROM gone WHERE balance_minor > 0
            ORDER BY opened_at, card_id, about LIMIT %s
            """,
            (limit,),
        )
        return cursor.fetchall()
