"""Read model `terms`: each paid term with its price; what of it is earned by a day, and what is owed in service."""

from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from engine.card.ids import derived_id
from engine.card.term import CardRenewed
from engine.card.undoing import TermUndone
from engine.envelope import Recorded
from projections.read_model import Column, ReadModel


class TermRow(NamedTuple):
    """A paid term, from `starts_on` up to the day before `ends_on`; amounts in minor units.

    The fee is what reactivating cost; the price is for the days of the term.
    """

    term_id: UUID
    card_id: UUID
    number: int
    starts_on: date
    ends_on: date
    currency: str
    price_minor: int
    fee_minor: int
    paid_at: datetime


def fold(row: TermRow | None, recorded: Recorded) -> TermRow | None:
    """The paid term; None once it was undone."""
    del row
    match recorded.fact:
        case CardRenewed(term=term, price=price, reactivation_fee=fee, at=at):
            return TermRow(
                term_id_of(recorded.card_id, term.number),
                recorded.card_id,
                term.number,
                term.starts_on,
                term.ends_on,
                price.currency,
                price.minor,
                fee.minor if fee is not None else 0,
                at,
            )
        case _:
            return None


def term_id_of(card_id: UUID, number: int) -> UUID:
    """The key of a card's term."""
    return derived_id(card_id, f"term {number}")


def _key_of(recorded: Recorded) -> UUID | None:
    match recorded.fact:
        case CardRenewed(term=term):
            return term_id_of(recorded.card_id, term.number)
        case TermUndone(undone_number=number):
            return term_id_of(recorded.card_id, number)
        case _:
            return None


TERMS = ReadModel(
    name="terms",
    version=1,
    facts=(CardRenewed, TermUndone),
    row=TermRow,
    columns=(
        Column("term_id", "uuid"),
        Column("card_id", "uuid"),
        Column("number", "integer"),
        Column("starts_on", "date"),
        Column("ends_on", "date"),
        Column("currency", "text"),
        Column("price_minor", "bigint"),
        Column("fee_minor", "bigint"),
        Column("paid_at", "timestamptz"),
    ),
    key_of=_key_of,
    fold=fold,
    reads_row=False,
    indexes=("(card_id)", "USING brin (paid_at)"),
)


class RevenueRow(NamedTuple):
    """Of a month, in minor units: what was sold in it, what was earned, and what of all sold is left to be earned.

    A price is earned evenly over the days of its term, none of it before the day of payment; a fee on that day.
    """

    month: date
    currency: str
    sold: int
    earned: int
    deferred: int


def first_paid_on(connection: Connection[Any]) -> date | None:
    """The UTC day of the first payment for a term; None before there is one."""
    row = connection.execute("SELECT min((paid_at AT TIME ZONE 'UTC')::date) FROM terms").fetchone()
    return row[0] if row else None


def revenue(connection: Connection[Any], first: date, last: date) -> list[RevenueRow]:
    """The months from that of `first` to that of `last`, which counts up to `last`; days of payment are UTC's.

    What went back by refunds and disputes stands in the ledger: a term counts until it is undone.
    """
    with connection.cursor(row_factory=class_row(RevenueRow)) as cursor:
        return cursor.execute(_REVENUE, {"first": first, "last": last}).fetchall()


_REVENUE = """
    WITH ends AS (
        SELECT month::date AS month, least((month + interval '1 month')::date - 1, %(last)s::date) AS upto
        FROM generate_series(date_trunc('month', %(first)s::date) - interval '1 month', %(last)s::date, '1 month')
            AS of (month)
    ),
    paid AS (SELECT *, (paid_at AT TIME ZONE 'UTC')::date AS paid_on FROM terms),
    sums AS (
        SELECT month, currency, sum(price_minor + fee_minor)::bigint AS sold,
            sum(fee_minor + price_minor * least(greatest(upto - starts_on + 1, 0), ends_on - starts_on)
                / (ends_on - starts_on))::bigint AS earned
        FROM ends JOIN paid ON paid_on <= upto GROUP BY month, currency
    ),
    changes AS (
        SELECT month, currency, sold - coalesce(lag(sold) OVER months, 0) AS sold,
            earned - coalesce(lag(earned) OVER months, 0) AS earned, sold - earned AS deferred
        FROM sums WINDOW months AS (PARTITION BY currency ORDER BY month)
    )
    SELECT month, currency, sold, earned, deferred FROM changes
    WHERE month >= date_trunc('month', %(first)s::date) ORDER BY month, currency
"""
