"""Read model `cards`: one row per card, as holder and operator see it."""

from datetime import date, datetime
from typing import Any, NamedTuple, TypedDict, get_args
from uuid import UUID

from psycopg import Connection

from engine.calendar import Term
from engine.card import facts
from engine.card.facts import CardFact
from engine.declines import NOT_PAID_ON_PAGE
from engine.envelope import Fact, Recorded
from engine.operations import OperationsFact
from projections.read_model import Column, ReadModel


class CardRow(NamedTuple):
    """The current state of a card; dates are local days of `zone`, `term_number` counts paid terms from 0.

    `price_minor` is the price of a term that the holder was shown last: agreed to, or announced. `balance_minor` may be
    spent; `reserved_minor` is the part that an open attempt has reserved. What happened before `holder_since` concerned
    another holder; None: nothing did.
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
    holder_since: datetime | None = None


NotShown = (
    OperationsFact
    | facts.RenewalRequested
    | facts.RenewalRequestEnded
    | facts.RenewalStarted
    | facts.PaymentMethodUpdated
    | facts.PaymentMethodsOrdered
    | facts.PaymentMethodAllowed
    | facts.ChargingBlocked
    | facts.DeadlinesMoved
    | facts.ReminderDue
    | facts.Deferred
    | facts.Replanned
    | facts.ChargeWithheld
    | facts.GapClosed
    | facts.CaseOpened
    | facts.NumberConfirmed
    | facts.AutoTopUpSet
    | facts.TopUpStarted
    | facts.TopUpFailed
    | facts.AutoTopUpStopped
    | facts.RefundStarted
    | facts.RefundSucceeded
    | facts.RefundOutcomeUnknown
    | facts.RefundPending
    | facts.RefundReturned
    | facts.RefundFailed
    | facts.RefundRecorded
    | facts.DisputeRecorded
    | facts.DisputeWon
)
"""The facts that do not change a row."""


def _key_of(recorded: Recorded) -> UUID | None:
    fact = recorded.fact
    if isinstance(fact, facts.ChargeAttempted) and not fact.from_balance:  # saves reading a row for most renewals
        return None
    return recorded.card_id


def fold(row: CardRow | None, recorded: Recorded) -> CardRow | None:
    """The row after one more fact."""
    fact = recorded.fact
    if row is None:
        return _registered(recorded, fact) if isinstance(fact, facts.CardRegistered) else None
    changes = _changes(row, fact)
    return row._replace(version=recorded.version, changed_at=fact.at, **changes) if changes else row


def _registered(recorded: Recorded, fact: facts.CardRegistered) -> CardRow:
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
        version=recorded.version,
        changed_at=fact.at,
    )


class _Changes(TypedDict, total=False):
    """Fields of a row, with their new values."""

    holder_id: str
    holder_since: datetime | None
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


def _changes(row: CardRow, fact: Fact) -> _Changes | None:  # noqa: C901, PLR0911, PLR0912 (one case per fact)
    """The frequent ones first: each case that does not match costs time."""
    match fact:
        case facts.ChargeSucceeded():
            return _succeeded(fact)
        case facts.CardRenewed():
            return _renewed(row, fact)
        case facts.TermUndone(term=term):
            return _running(term)
        case facts.ChargeFailed(code=code, top_up=top_up) if code == NOT_PAID_ON_PAGE:
            return {"outcome_unknown": False} if top_up is None else None
        case facts.ChargeFailed(code=code, top_up=None):
            balance = row.balance_minor + row.reserved_minor
            return {"last_decline": code, "outcome_unknown": False, "balance_minor": balance, "reserved_minor": 0}
        case facts.ChargeFailed(code=code):
            return {"last_decline": code}
        case facts.ChargeOutcomeUnknown(term_number=number) | facts.ChargePending(term_number=number):
            return {"outcome_unknown": True} if number > row.term_number else None  # a top-up names the running term
        case facts.PaymentMethodBound():
            return {"methods": row.methods + 1}
        case facts.PaymentMethodRemoved():
            return {"methods": row.methods - 1}
        case facts.BalanceCredited(amount=amount):
            return {"balance_minor": row.balance_minor + amount.minor}
        case facts.ChargeAttempted(from_balance=minor):
            return {"balance_minor": row.balance_minor - minor, "reserved_minor": minor}
        case facts.ChargeFound(from_balance=minor):
            return {"balance_minor": row.balance_minor - minor, "reserved_minor": minor} if minor else None
        case facts.BalanceDebited(amount=amount, from_reserve=reserved, of_term=term):
            balance = row.balance_minor - (amount.minor - reserved if term is None else 0)
            return {"balance_minor": balance, "reserved_minor": row.reserved_minor - reserved}
        case facts.BalancePaidOut(amount=amount):
            return {"balance_minor": row.balance_minor - amount.minor}
        case facts.AutoRenewEnabled(months=months, price=price) | facts.PeriodChanged(months=months, price=price):
            return {"auto_renew_months": months, "price_minor": price.minor}
        case facts.PriceChangeAnnounced(price=price):
            return {"price_minor": price.minor}
        case facts.AutoRenewSwitchedOff():
            return {"auto_renew_months": None, "price_minor": None}
        case facts.GraceStarted():
            return {"status": "grace"}
        case facts.Suspended():
            return {"status": "suspended"}
        case facts.Reinstated():
            return {"status": "active"}
        case facts.NumberReclaimed():
            return {"status": "reclaimed"}
        case facts.CardClosed():
            return {"status": "closed"}
        case facts.CardHeld():
            return {"held": True}
        case facts.CardReleased():
            return {"held": False}
        case facts.ZoneChanged(zone=zone):
            return {"zone": zone}
        case facts.HolderChanged(holder_id=holder_id, at=at):
            return {"holder_id": holder_id, "holder_since": at}
        case _:
            return _no_change(fact)


def _no_change(_: NotShown | facts.CardRegistered) -> None:
    """No change; a new kind of fact fails the type check here until somebody decides what it changes."""


def _succeeded(fact: facts.ChargeSucceeded) -> _Changes | None:
    if fact.learned == "late":  # it is refunded and changes nothing
        return None
    if fact.top_up is not None:
        return {"last_decline": None}
    return {"last_decline": None, "outcome_unknown": False, "reserved_minor": 0}


def _renewed(row: CardRow, fact: facts.CardRenewed) -> _Changes:
    term = fact.term
    spent = fact.from_balance if fact.attempt_id is None else 0  # else the attempt had reserved it
    return {"status": "active", "balance_minor": row.balance_minor - spent, **_running(term)}


def _running(term: Term) -> _Changes:
    return {
        "term_number": term.number,
        "starts_on": term.starts_on,
        "ends_on": term.ends_on,
        "ends_at": term.ends_at,
    }


CARDS = ReadModel(
    name="cards",
    version=1,
    facts=tuple(kind for kind in get_args(CardFact) if kind not in get_args(NotShown)),
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
        Column("holder_since", "timestamptz"),
    ),
    key_of=_key_of,
    fold=fold,
    indexes=("(holder_id)",),
)


def find_card(connection: Connection[Any], card_id: UUID) -> CardRow | None:
    """One card's row, or None."""
    return next(iter(CARDS.select(connection, "WHERE card_id = %s", (card_id,))), None)


def list_cards(
    connection: Connection[Any], status: str | None, limit: int, *, holder: str | None = None, skip: int = 0
) -> list[CardRow]:
    """The cards of a status and a holder (None: of all) whose terms end first, without the first `skip`."""
    return CARDS.select(
        connection,
        """
        WHERE (%(status)s::text IS NULL OR status = %(status)s)
        AND (%(holder)s::text IS NULL OR holder_id = %(holder)s)
        ORDER BY ends_at, card_id LIMIT %(limit)s OFFSET %(skip)s
        """,
        {"status": status, "holder": holder, "limit": limit, "skip": skip},
    )


def count_cards(connection: Connection[Any], status: str | None, holder: str | None) -> int:
    """How many cards there are of a status and a holder (None: of all)."""
    row = connection.execute(
        """
        SELECT count(*) FROM cards
        WHERE (%(status)s::text IS NULL OR status = %(status)s) AND (%(holder)s::text IS NULL OR holder_id = %(holder)s)
        """,
        {"status": status, "holder": holder},
    ).fetchone()
    return int(row[0]) if row else 0


def count_by_status(connection: Connection[Any]) -> dict[str, int]:
    """The number of cards in each status."""
    return dict(connection.execute("SELECT status, count(*) FROM cards GROUP BY status ORDER BY status").fetchall())
