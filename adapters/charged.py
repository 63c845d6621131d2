"""What the log says of charges: to which card an attempt belongs, what it took, and what of it went back."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, get_args
from uuid import UUID

from psycopg import Connection, sql

from engine.card.attempt import ChargeAttempted
from engine.card.decline import ChargeFailed
from engine.card.gap import ChargeFound
from engine.card.payments import ChargeSucceeded
from engine.card.refunds import RefundFailed, RefundRecorded, RefundReturned, RefundStarted, RefundSucceeded
from engine.envelope import Recorded, names_of, read_fact
from engine.store.log import head

Told = (
    ChargeAttempted
    | ChargeFound
    | ChargeSucceeded
    | ChargeFailed
    | RefundStarted
    | RefundSucceeded
    | RefundFailed
    | RefundReturned
    | RefundRecorded
)
"""The facts that tell what a charge took and what of it went back by the gateway."""
_TOLD = [name for kind in get_args(Told) for name in names_of(kind)]
_FOUND = list(names_of(ChargeFound))
AT_ONCE = 5000
"""Rows that are read together."""
CLOCKS_DIFFER = timedelta(days=1)
"""How much the order of business times may differ from the order in the log."""


@dataclass(slots=True)
class Book:
    """What the log says of one attempt; amounts in minor units of the currency of the charge."""

    card_id: UUID
    attempt_id: UUID
    attempted_at: datetime | None = None
    succeeded: ChargeSucceeded | None = None
    failed: bool = False
    refunds: dict[UUID, int] = field(default_factory=dict[UUID, int])
    """What each refund asks the gateway for."""
    over: set[UUID] = field(default_factory=set[UUID])
    """The refunds that are not under way any more."""
    arrived: dict[UUID, RefundSucceeded] = field(default_factory=dict[UUID, RefundSucceeded])
    """The refunds that succeeded, those that came back later included."""
    returned: set[UUID] = field(default_factory=set[UUID])
    by_hand: int = 0
    """What a person says went back, maybe by the provider's own pages."""

    def kept(self, until: datetime | None = None) -> dict[UUID, int]:
        """What the refunds gave back that succeeded, until an instant, and did not come back."""
        kept = (one for refund_id, one in self.arrived.items() if refund_id not in self.returned)
        return {one.refund_id: one.amount.minor for one in kept if until is None or one.at <= until}

    @property
    def refunded_most(self) -> int:
        """What the provider may have refunded at most, as far as the log can tell."""
        under_way = sum(minor for one, minor in self.refunds.items() if one not in self.over)
        return sum(self.kept().values()) + under_way + self.by_hand

    def tell(self, fact: Told) -> None:
        """One more fact, in any order."""
        match fact:
            case ChargeAttempted() | ChargeFound():
                self.attempted_at = fact.at
            case ChargeSucceeded():
                self.succeeded = fact
            case ChargeFailed():
                self.failed = True
            case RefundStarted():
                self.refunds[fact.refund_id] = fact.amount.minor
            case RefundSucceeded():
                self.arrived[fact.refund_id] = fact
                self.over.add(fact.refund_id)
            case RefundFailed():
                self.over.add(fact.refund_id)
            case RefundReturned():
                self.returned.add(fact.refund_id)
            case RefundRecorded():
                self.by_hand += fact.amount.minor


def books_since(connection: Connection[Any], since: datetime) -> dict[UUID, Book]:
    """The attempts that were made since an instant, at least, by their ids; reads the log backwards so far."""
    books: dict[UUID, Book] = {}
    for recorded in _backwards(connection):
        fact = recorded.fact
        if fact.at < since - CLOCKS_DIFFER:
            break
        if isinstance(fact, Told):
            attempt_id = fact.attempt_id
            books.setdefault(attempt_id, Book(recorded.card_id, attempt_id)).tell(fact)
    return {attempt_id: book for attempt_id, book in books.items() if book.attempted_at is not None}


def _backwards(connection: Connection[Any]) -> Iterator[Recorded]:
    """The facts that tell of charges, newest first; what is appended meanwhile is not among them."""
    before = head(connection) + 1
    while True:
        rows = connection.execute(
            """
            SELECT notification_id, originator_id, originator_version, topic, state FROM card_events
            WHERE notification_id < %s AND topic = ANY(%s) ORDER BY notification_id DESC LIMIT %s
            """,
            (before, _TOLD, AT_ONCE),
        ).fetchall()
        yield from (read_fact(*row) for row in rows)
        if len(rows) < AT_ONCE:
            return
        before = rows[-1][0]


def card_of(connection: Connection[Any], attempt_id: UUID) -> UUID | None:
    """The card of an attempt; None if the log does not have it."""
    attempts = sql.SQL(", ").join(map(sql.Literal, names_of(ChargeAttempted)))  # as the index has them
    query = sql.SQL(
        """
        SELECT originator_id FROM card_events
        WHERE topic IN ({attempts}) AND card_events_attempt(state) = convert_to(%(attempt)s, 'UTF8')
        """
    )
    row = connection.execute(query.format(attempts=attempts), {"attempt": str(attempt_id)}).fetchone()
    return row[0] if row is not None else _card_of_found(connection, attempt_id)


def _card_of_found(connection: Connection[Any], attempt_id: UUID) -> UUID | None:
    """Of a charge that was found after a restore: there are few, and no index has them."""
    row = connection.execute(
        """
        SELECT originator_id FROM card_events
        WHERE topic = ANY(%s) AND position(convert_to(%s, 'UTF8') IN state) > 0 LIMIT 1
        """,
        (_FOUND, str(attempt_id)),
    ).fetchone()
    return row[0] if row is not None else None
