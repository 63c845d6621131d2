"""Read model `ledger`: every movement of money as one transfer from a debit to a credit account."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from engine.card.events import ChargeSucceeded
from engine.store import Recorded
from projections.read_model import Column, ReadModel

GATEWAY, SALES = "gateway", "sales"
"""Accounts: what the gateway owes us, and what holders paid for terms."""


class LedgerRow(NamedTuple):
    """A transfer; `minor` counts minor units and is positive; `position` is its fact's place in the log."""

    position: int
    card_id: UUID
    attempt_id: UUID
    debit: str
    credit: str
    currency: str
    minor: int
    at: datetime


def fold(row: LedgerRow | None, recorded: Recorded) -> LedgerRow | None:
    """A transfer is written once and never changes."""
    if not isinstance(recorded.fact, ChargeSucceeded):
        return row
    fact = recorded.fact
    return LedgerRow(
        recorded.position,
        recorded.card_id,
        fact.attempt_id,
        GATEWAY,
        SALES,
        fact.amount.currency,
        fact.amount.minor,
        fact.at,
    )


def _key_of(recorded: Recorded) -> int | None:
    return recorded.position if isinstance(recorded.fact, ChargeSucceeded) else None


LEDGER = ReadModel(
    name="ledger",
    row=LedgerRow,
    columns=(
        Column("position", "bigint"),
        Column("card_id", "uuid"),
        Column("attempt_id", "uuid"),
        Column("debit", "text"),
        Column("credit", "text"),
        Column("currency", "text"),
        Column("minor", "bigint"),
        Column("at", "timestamptz"),
    ),
    key_of=_key_of,
    fold=fold,
    reads_row=False,
    indexes=("(card_id)",),
)


def gateway_totals(connection: Connection[Any]) -> dict[str, int]:
    """What the gateway took and did not give back, per currency in minor units."""
    rows = connection.execute(
        """
        SELECT currency, sum(CASE WHEN debit = %(gateway)s THEN minor ELSE -minor END)::bigint
        FROM ledger WHERE %(gateway)s IN (debit, credit) GROUP BY currency ORDER BY currency
        """,
        {"gateway": GATEWAY},
    )
    return dict(rows.fetchall())
