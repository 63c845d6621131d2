"""Read model `charges`: one row per attempt, from the intent to the definite outcome."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from engine.card.attempt import ChargeAttempted, ChargeOutcomeUnknown, ChargePending
from engine.card.balance import BalanceCredited
from engine.card.decline import ChargeFailed
from engine.card.disputes import DisputeRecorded, DisputeWon
from engine.card.gap import ChargeFound
from engine.card.payments import ChargeSucceeded
from engine.card.refunds import RefundRecorded, RefundReturned, RefundSucceeded
from engine.envelope import Recorded
from projections.read_model import Column, ReadModel


class ChargeRow(NamedTuple):
    """An attempt; `status` is attempted, unknown, pending, failed or succeeded; `minor` counts minor units.

    `top_up` is the number of the top-up that it is for, None for a renewal; `refunded_minor` was refunded, to the
    balance or to the method, or taken back by the holder's bank in disputes that are not won: more than `minor`, if
    both did.
    """

    attempt_id: UUID
    card_id: UUID
    term_number: int
    method_id: str
    currency: str
    minor: int
    attempted_at: datetime
    status: str
    code: str | None
    gateway_ref: str | None
    settled_at: datetime | None
    top_up: int | None
    from_balance_minor: int
    refunded_minor: int


def fold(row: ChargeRow | None, recorded: Recorded) -> ChargeRow | None:
    """The row after one more fact."""
    match recorded.fact:
        case (ChargeAttempted() | ChargeFound()) as fact:
            return ChargeRow(
                fact.attempt_id,
                recorded.card_id,
                fact.term_number,
                fact.method_id,
                fact.amount.currency,
                fact.amount.minor,
                fact.at,
                "attempted",
                code=None,
                gateway_ref=None,
                settled_at=None,
                top_up=fact.top_up,
                from_balance_minor=fact.from_balance,
                refunded_minor=0,
            )
        case ChargeSucceeded(gateway_ref=gateway_ref, at=at) if row:
            return row._replace(status="succeeded", code=None, gateway_ref=gateway_ref, settled_at=at)
        case ChargeFailed(code=code, at=at) if row:
            return row._replace(status="failed", code=code, settled_at=at)
        case ChargeOutcomeUnknown(reason=reason) if row:
            return row._replace(status="unknown", code=reason)
        case ChargePending(gateway_ref=gateway_ref) if row:
            return row._replace(status="pending", code=None, gateway_ref=gateway_ref)
        case RefundSucceeded() | RefundRecorded() | DisputeRecorded() | BalanceCredited() as fact if row:
            return row._replace(refunded_minor=row.refunded_minor + fact.amount.minor)
        case DisputeWon(amount=amount) | RefundReturned(amount=amount) if row:
            return row._replace(refunded_minor=row.refunded_minor - amount.minor)
        case _:
            return row


def _key_of(recorded: Recorded) -> UUID | None:
    match recorded.fact:
        case ChargeAttempted() | ChargeFound() | ChargeSucceeded() | ChargeFailed() as fact:
            return fact.attempt_id
        case ChargeOutcomeUnknown() | ChargePending() as fact:
            return fact.attempt_id
        case RefundSucceeded() | RefundReturned() | RefundRecorded() | DisputeRecorded() | DisputeWon() as fact:
            return fact.attempt_id
        case BalanceCredited(reason="refund", about=about):
            return about
        case _:
            return None


CHARGES = ReadModel(
    name="charges",
    version=1,
    facts=(
        ChargeAttempted,
        ChargeFound,
        ChargeSucceeded,
        ChargeFailed,
        ChargeOutcomeUnknown,
        ChargePending,
        RefundSucceeded,
        RefundReturned,
        RefundRecorded,
        DisputeRecorded,
        DisputeWon,
        BalanceCredited,
    ),
    row=ChargeRow,
    columns=(
        Column("attempt_id", "uuid"),
        Column("card_id", "uuid"),
        Column("term_number", "integer"),
        Column("method_id", "text"),
        Column("currency", "text"),
        Column("minor", "bigint"),
        Column("attempted_at", "timestamptz"),
        Column("status", "text"),
        Column("code", "text"),
        Column("gateway_ref", "text"),
        Column("settled_at", "timestamptz"),
        Column("top_up", "integer"),
        Column("from_balance_minor", "bigint"),
        Column("refunded_minor", "bigint"),
    ),
    key_of=_key_of,
    fold=fold,
    indexes=("(card_id)", "USING brin (attempted_at)"),
)
