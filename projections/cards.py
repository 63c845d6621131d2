"""Read model `cards`: one row per card, what its holder and the operator see."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from engine.card import facts
from engine.card.event import Event
from engine.envelope import Recorded
from projections.read_model import Column, ReadModel


class CardRow(NamedTuple):
    """A card as it stands; dates are local days of `zone`, `term_number` counts paid terms from 0.

    `price_minor` is what the holder was last told that a term costs. `balance_minor` may be spent;
    `reserved_minor` is what an open attempt has taken out of it.
    """

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
    held: bool
    balance_minor: int
    reserved_minor: int
    version: int
    changed_at: datetime


def fold(row: CardRow | None, recorded: Recorded) -> CardRow | None:
    """The row after one more fact."""
    fact, version = recorded.fact, recorded.version
    if isinstance(fact, facts.CardRegistered):
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
            held=False,
            balance_minor=0,
            reserved_minor=0,
            version=version,
            changed_at=fact.at,
        )
    if row is None:
        return None
    changes = _changes(row, fact)
    return row._replace(version=version, changed_at=fact.at, **changes) if changes else row


def _changes(row: CardRow, fact: Event) -> dict[str, Any]:
    changes_of = _CHANGES.get(type(fact))
    return changes_of(row, fact) if changes_of else {}


def _renewed(row: CardRow, fact: facts.CardRenewed) -> dict[str, Any]:
    term = fact.term
    spent = fact.from_balance if fact.attempt_id is None else 0  # else it was reserved with the attempt
    return {
        "status": "active",
        "term_number": term.number,
        "starts_on": term.starts_on,
        "ends_on": term.ends_on,
        "ends_at": term.ends_at,
        "balance_minor": row.balance_minor - spent,
    }


def _reserved(row: CardRow, fact: facts.ChargeAttempted) -> dict[str, Any]:
    return {"balance_minor": row.balance_minor - fact.from_balance, "reserved_minor": fact.from_balance}


def _failed(row: CardRow, fact: facts.ChargeFailed) -> dict[str, Any]:
    balance = row.balance_minor + row.reserved_minor
    return {"last_decline": fact.code, "outcome_unknown": False, "balance_minor": balance, "reserved_minor": 0}


def _succeeded(_: CardRow, fact: facts.ChargeSucceeded) -> dict[str, Any]:
    if fact.learned == "late":  # it is given back and changes nothing
        return {}
    return {"last_decline": None, "outcome_unknown": False, "reserved_minor": 0}


def _key_of(recorded: Recorded) -> UUID | None:
    fact = recorded.fact
    if isinstance(fact, facts.CardRegistered):
        return recorded.card_id
    if isinstance(fact, facts.ChargeAttempted) and not fact.from_balance:  # spares a row for most renewals
        return None
    return recorded.card_id if type(fact) in _CHANGES else None


_CHANGES: dict[type[Event], Callable[[CardRow, Any], dict[str, Any]]] = {
    facts.ZoneChanged: lambda _, fact: {"zone": fact.zone},
    facts.CardHeld: lambda _, __: {"held": True},
    facts.CardReleased: lambda _, __: {"held": False},
    facts.CardClosed: lambda _, __: {"status": "closed"},
    facts.PaymentMethodBound: lambda row, _: {"methods": row.methods + 1},
    facts.PaymentMethodRemoved: lambda row, _: {"methods": row.methods - 1},
    facts.AutoRenewEnabled: lambda _, fact: {"auto_renew_months": fact.months, "price_minor": fact.price.minor},
    facts.PeriodChanged: lambda _, fact: {"auto_renew_months": fact.months, "price_minor": fact.price.minor},
    facts.PriceChangeAnnounced: lambda _, fact: {"price_minor": fact.price.minor},
    facts.AutoRenewSwitchedOff: lambda _, __: {"auto_renew_months": None, "price_minor": None},
    facts.CardRenewed: _renewed,
    facts.GraceStarted: lambda _, __: {"status": "grace"},
    facts.Suspended: lambda _, __: {"status": "suspended"},
    facts.Reinstated: lambda _, __: {"status": "active"},
    facts.NumberReclaimed: lambda _, __: {"status": "reclaimed"},
    facts.ChargeAttempted: _reserved,
    facts.ChargeFailed: _failed,
    facts.ChargeOutcomeUnknown: lambda _, __: {"outcome_unknown": True},
    facts.ChargeSucceeded: _succeeded,
    facts.BalanceCredited: lambda row, fact: {"balance_minor": row.balance_minor + fact.amount.minor},
    facts.BalanceDebited: lambda row, fact: {"balance_minor": row.balance_minor - fact.amount.minor},
    facts.BalancePaidOut: lambda row, fact: {"balance_minor": row.balance_minor - fact.amount.minor},
}

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
        Column("held", "boolean"),
        Column("balance_minor", "bigint"),
        Column("reserved_minor", "bigint"),
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
