"""Read model `ledger`: every movement of money as one transfer from a debit to a credit account."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from engine.card.balance import BalanceCredited, BalanceDebited, BalancePaidOut
from engine.card.disputes import DisputeRecorded, DisputeWon
from engine.card.event import Event
from engine.card.payments import ChargeSucceeded
from engine.card.refunds import RefundRecorded, RefundReturned, RefundSucceeded
from engine.card.term import CardRenewed
from engine.envelope import Recorded
from engine.money import Money
from projections.read_model import Column, ReadModel

GATEWAY, SALES, BALANCE, DISPUTES, PAID_OUT = "gateway", "sales", "balance", "disputes", "paid_out"
"""Accounts: what the gateway owes us, what we earned, what we owe holders, and what was paid out by other means.

Money from the gateway is booked as sales; a top-up moves it to the balance in the same append.
"""


class LedgerRow(NamedTuple):
    """A transfer; `minor` counts minor units and is positive; `position` is its fact's place in the log."""

    position: int
    card_id: UUID
    attempt_id: UUID | None
    debit: str
    credit: str
    currency: str
    minor: int
    at: datetime


class _Transfer(NamedTuple):
    debit: str
    credit: str
    amount: Money
    attempt_id: UUID | None


def fold(row: LedgerRow | None, recorded: Recorded) -> LedgerRow | None:
    """A transfer is written once and never changes."""
    transfer = _transfer(recorded.fact)
    if transfer is None:
        return row
    return LedgerRow(
        recorded.position,
        recorded.card_id,
        transfer.attempt_id,
        transfer.debit,
        transfer.credit,
        transfer.amount.currency,
        transfer.amount.minor,
        recorded.fact.at,
    )


def _transfer(fact: Event) -> _Transfer | None:  # noqa: C901, PLR0911 (one case per fact)
    """The transfer of a fact, if it moves money."""
    match fact:
        case ChargeSucceeded(amount=amount, attempt_id=attempt_id):
            return _Transfer(GATEWAY, SALES, amount, attempt_id)
        case CardRenewed(from_balance=minor, price=price, attempt_id=attempt_id) if minor:
            return _Transfer(BALANCE, SALES, Money(minor=minor, currency=price.currency), attempt_id)
        case BalanceCredited(reason="released", about=about) if about is not None:
            return None  # it was only reserved
        case BalanceCredited(amount=amount, about=about):
            return _Transfer(SALES, BALANCE, amount, about)
        case BalanceDebited(amount=amount, about=about, of_term=None):
            return _Transfer(BALANCE, SALES, amount, about)
        case BalancePaidOut(amount=amount):
            return _Transfer(BALANCE, PAID_OUT, amount, None)
        case RefundSucceeded(amount=amount, attempt_id=attempt_id):
            return _Transfer(SALES, GATEWAY, amount, attempt_id)
        case RefundReturned(amount=amount, attempt_id=attempt_id):
            return _Transfer(GATEWAY, SALES, amount, attempt_id)
        case RefundRecorded(amount=amount, attempt_id=attempt_id) if amount.minor:
            return _Transfer(SALES, PAID_OUT, amount, attempt_id)
        case DisputeRecorded(amount=amount, attempt_id=attempt_id):
            return _Transfer(SALES, DISPUTES, amount, attempt_id)
        case DisputeWon(amount=amount, attempt_id=attempt_id):
            return _Transfer(DISPUTES, SALES, amount, attempt_id)
        case _:
            return None


def _key_of(recorded: Recorded) -> int | None:
    return recorded.position if _transfer(recorded.fact) is not None else None


LEDGER = ReadModel(
    name="ledger",
    version=1,
    facts=(
        ChargeSucceeded,
        CardRenewed,
        BalanceCredited,
        BalanceDebited,
        BalancePaidOut,
        RefundSucceeded,
        RefundReturned,
        RefundRecorded,
        DisputeRecorded,
        DisputeWon,
    ),
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
    indexes=("(card_id)", "USING brin (at)"),
)


class BalanceRow(NamedTuple):
    """An account in one currency, in minor units; `balance` is debits less credits, so those of a currency sum to 0."""

    currency: str
    account: str
    debited: int
    credited: int
    balance: int


def balances(connection: Connection[Any]) -> list[BalanceRow]:
    """Every account that has moved, by currency."""
    with connection.cursor(row_factory=class_row(BalanceRow)) as cursor:
        return cursor.execute(
            """
            WITH sides AS (
                SELECT currency, debit AS account, minor AS debited, 0 AS credited FROM ledger
                UNION ALL SELECT currency, credit, 0, minor FROM ledger
            )
            SELECT currency, account, sum(debited)::bigint AS debited, sum(credited)::bigint AS credited,
                sum(debited - credited)::bigint AS balance
            FROM sides GROUP BY currency, account ORDER BY currency, account
            """
        ).fetchall()


def gateway_totals(connection: Connection[Any]) -> dict[str, int]:
    """What the gateway charged less what it refunded, per currency in minor units."""
    rows = connection.execute(
        """
        SELECT currency, sum(CASE WHEN debit = %(gateway)s THEN minor ELSE -minor END)::bigint
        FROM ledger WHERE %(gateway)s IN (debit, credit) GROUP BY currency ORDER BY currency
        """,
        {"gateway": GATEWAY},
    )
    return dict(rows.fetchall())
