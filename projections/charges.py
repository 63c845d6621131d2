"""Read model `charges`: one row per attempt, from the intent to its definite end."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from engine.card.events import ChargeAttempted, ChargeFailed, ChargeOutcomeUnknown, ChargeSucceeded
from engine.store import Recorded
from projections.read_model import Column, ReadModel


class ChargeRow(NamedTuple):
    """An attempt; `status` is attempted, unknown, failed or succeeded; `minor` counts minor units."""

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


def fold(row: ChargeRow | None, recorded: Recorded) -> ChargeRow | None:
    """The row after one more fact."""
    match recorded.fact:
        case ChargeAttempted() as fact:
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
            )
        case ChargeSucceeded(gateway_ref=gateway_ref, at=at) if row:
            return row._replace(status="succeeded", code=None, gateway_ref=gateway_ref, settled_at=at)
        case ChargeFailed(code=code, at=at) if row:
            return row._replace(status="failed", code=code, settled_at=at)
        case ChargeOutcomeUnknown(reason=reason) if row:
            return row._replace(status="unknown", code=reason)
        case _:
            return row


def _key_of(recorded: Recorded) -> UUID | None:
    match recorded.fact:
        case ChargeAttempted() | ChargeSucceeded() | ChargeFailed() | ChargeOutcomeUnknown() as fact:
            return fact.attempt_id
        case _:
            return None


CHARGES = ReadModel(
    name="charges",
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
    ),
    key_of=_key_of,
    fold=fold,
    indexes=("(card_id)",),
)
