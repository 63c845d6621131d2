"""Read model `cards`: one row per card, what its holder and the operator see."""

from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from engine.card.events import (
    AutoRenewEnabled,
    AutoRenewSwitchedOff,
    CardRegistered,
    CardRenewed,
    ChargeFailed,
    ChargeOutcomeUnknown,
    ChargeSucceeded,
    Event,
    GraceStarted,
    PaymentMethodBound,
    Reinstated,
    Suspended,
)
from engine.store import Recorded
from projections.read_model import Column, ReadModel


class CardRow(NamedTuple):
    """A card as it stands; dates are local days of `zone`, `term_number` counts paid terms from 0."""

    card_id: UUID
    holder_id: str
    plan: str
    currency: str
    zone: str
    status: str
    term_number: int
    starts_on: date
    ends_on: date
    ends_at: datetime
    auto_renew_months: int | None
    price_minor: int | None
    methods: int
    last_decline: str | None
    outcome_unknown: bool
    version: int
    changed_at: datetime


def fold(row: CardRow | None, recorded: Recorded) -> CardRow | None:
    """The row after one more fact."""
    fact, version = recorded.fact, recorded.version
    if isinstance(fact, CardRegistered):
        return CardRow(
            recorded.card_id,
            fact.holder_id,
            fact.plan,
            fact.currency,
            fact.zone,
            "active",
            fact.term.number,
            fact.term.starts_on,
            fact.term.ends_on,
            fact.term.ends_at,
            auto_renew_months=None,
            price_minor=None,
            methods=0,
            last_decline=None,
            outcome_unknown=False,
            version=version,
            changed_at=fact.at,
        )
    if row is None:
        return None
    changes = _changes(row, fact)
    return row._replace(version=version, changed_at=fact.at, **changes) if changes else row


def _changes(row: CardRow, fact: Event) -> dict[str, Any]:  # noqa: C901, PLR0911 (a table: one return per fact)
    match fact:
        case PaymentMethodBound():
            return {"methods": row.methods + 1}
        case AutoRenewEnabled(months=months, price=price):
            return {"auto_renew_months": months, "price_minor": price.minor}
        case AutoRenewSwitchedOff():
            return {"auto_renew_months": None, "price_minor": None}
        case ChargeFailed(code=code):
            return {"last_decline": code, "outcome_unknown": False}
        case ChargeOutcomeUnknown():
            return {"outcome_unknown": True}
        case ChargeSucceeded():
            return {"last_decline": None, "outcome_unknown": False}
        case CardRenewed(term=term):
            return {
                "status": "active",
                "term_number": term.number,
                "starts_on": term.starts_on,
                "ends_on": term.ends_on,
                "ends_at": term.ends_at,
            }
        case GraceStarted():
            return {"status": "grace"}
        case Suspended():
            return {"status": "suspended"}
        case Reinstated():
            return {"status": "active"}
        case _:
            return {}


def _key_of(recorded: Recorded) -> UUID | None:
    return recorded.card_id if isinstance(recorded.fact, _CONCERNED) else None


_CONCERNED = (
    CardRegistered,
    PaymentMethodBound,
    AutoRenewEnabled,
    AutoRenewSwitchedOff,
    ChargeFailed,
    ChargeOutcomeUnknown,
    ChargeSucceeded,
    CardRenewed,
    GraceStarted,
    Suspended,
    Reinstated,
)

CARDS = ReadModel(
    name="cards",
    row=CardRow,
    columns=(
        Column("card_id", "uuid"),
        Column("holder_id", "text"),
        Column("plan", "text"),
        Column("currency", "text"),
        Column("zone", "text"),
        Column("status", "text"),
        Column("term_number", "integer"),
        Column("starts_on", "date"),
        Column("ends_on", "date"),
        Column("ends_at", "timestamptz"),
        Column("auto_renew_months", "integer"),
        Column("price_minor", "bigint"),
        Column("methods", "integer"),
        Column("last_decline", "text"),
        Column("outcome_unknown", "boolean"),
        Column("version", "bigint"),
        Column("changed_at", "timestamptz"),
    ),
    key_of=_key_of,
    fold=fold,
)


def find_card(connection: Connection[Any], card_id: UUID) -> CardRow | None:
    """One card's row, or None."""
    with connection.cursor(row_factory=class_row(CardRow)) as cursor:
        return cursor.execute("SELECT * FROM cards WHERE card_id = %s", (card_id,)).fetchone()


def list_cards(connection: Connection[Any], status: str | None, limit: int) -> list[CardRow]:
    """The cards whose terms end first, of one status or of all."""
    with connection.cursor(row_factory=class_row(CardRow)) as cursor:
        cursor.execute(
            """
            SELECT * FROM cards WHERE %(status)s::text IS NULL OR status = %(status)s
            ORDER BY ends_at, card_id LIMIT %(limit)s
            """,
            {"status": status, "limit": limit},
        )
        return cursor.fetchall()


def count_by_status(connection: Connection[Any]) -> dict[str, int]:
    """How many cards there are in each status."""
    return dict(connection.execute("SELECT status, count(*) FROM cards GROUP BY status ORDER BY status").fetchall())
