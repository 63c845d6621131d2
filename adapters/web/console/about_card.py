"""What the tables say of one card, beside its facts: charges, notices, cases, limits, and whose it is."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString, NamedTuple, TypeVar
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

from adapters.directory.accounts import Account, find_account
from adapters.directory.addresses import AddressKind
from adapters.notices.reached import unreached
from engine.card.methods import PaymentMethod
from engine.networks import NETWORK_LIMITS, NetworkLimit

ROWS_MOST = 100
Row = TypeVar("Row", bound=tuple[Any, ...])


class Charge(NamedTuple):
    """An attempt."""

    attempt_id: UUID
    term_number: int
    top_up: int | None
    method_id: str
    currency: str
    minor: int
    from_balance_minor: int
    refunded_minor: int
    attempted_at: datetime
    status: str
    code: str | None
    gateway_ref: str | None
    settled_at: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether nobody knows yet what became of it."""
        return self.status in {"attempted", "unknown", "pending"}

    @property
    def left(self) -> int:
        """What of it may still go back, in minor units."""
        return max(0, self.minor - self.refunded_minor) if self.status == "succeeded" else 0


class Notice(NamedTuple):
    """What the holder was told, or will be, by one channel."""

    key: str
    channel: str
    kind: str
    caused_at: datetime
    state: str
    reason: str | None
    sent_at: datetime | None
    is_kept: bool
    """Whether its content is, so that it can be sent again."""


class OfCase(NamedTuple):
    """An open case."""

    case_id: UUID
    reason: str
    about: UUID | None
    opened_at: datetime


class Use(NamedTuple):
    """How much of a network limit the payment card behind a method has used; `blocked_until` forbids it altogether."""

    method_id: str
    rule: str
    days: float
    used: int
    most: int
    blocked_until: datetime | None


class About(NamedTuple):
    """All of it."""

    charges: list[Charge]
    notices: list[Notice]
    cases: list[OfCase]
    wake_at: datetime | None
    account: Account | None
    unreached: list[AddressKind]
    """By what no message reaches the holder: the last one bounced."""
    parked_id: int | None
    parked_why: str | None


async def about_card(connection: AsyncConnection[Any], card_id: UUID, holder_id: str) -> About:
    """What there is, each with an index of the card's."""
    charges: LiteralString = """
        SELECT attempt_id, term_number, top_up, method_id, currency, minor, from_balance_minor, refunded_minor,
            attempted_at, status, code, gateway_ref, settled_at
        FROM charges WHERE card_id = %s ORDER BY attempted_at DESC, attempt_id LIMIT %s
    """
    notices: LiteralString = """
        SELECT key, channel, kind, caused_at, state, reason, sent_at, content IS NOT NULL AS is_kept
        FROM outbox WHERE card_id = %s ORDER BY caused_at DESC, key, channel LIMIT %s
    """
    cases: LiteralString = """
        SELECT case_id, reason, about, opened_at FROM cases WHERE card_id = %s ORDER BY opened_at LIMIT %s
    """
    wake: LiteralString = """
        SELECT (SELECT wake_at FROM due WHERE card_id = %(card)s), parked_id, reason
        FROM (SELECT) AS one LEFT JOIN parked ON card_id = %(card)s
    """
    row = await (await connection.execute(wake, {"card": card_id})).fetchone()
    wake_at, parked_id, parked_why = row or (None, None, None)
    account = await find_account(connection, holder_id)
    addresses = account.addresses if account else ()
    lost = await unreached(connection, *(one.text for one in addresses))
    return About(
        await _rows(connection, Charge, charges, card_id),
        await _rows(connection, Notice, notices, card_id),
        await _rows(connection, OfCase, cases, card_id),
        wake_at,
        account,
        [one.kind for one in addresses if one.text in lost],
        parked_id,
        parked_why,
    )


async def limits_of(
    connection: AsyncConnection[Any], methods: Sequence[PaymentMethod], amount: str | None, at: datetime
) -> list[Use]:
    """What each of the methods has used of its limits; `amount` (such as `270 EUR`) for limits that count by it."""
    uses: list[Use] = []
    for method in methods:
        if method.fingerprint is not None:
            network = "mastercard" if (method.brand or "").lower() == "mastercard" else "other"
            uses += [
                await _use(connection, method, limit, amount, at)
                for limit in NETWORK_LIMITS
                if limit.network == network and not (limit.per_amount and amount is None)
            ]
    return uses


async def _use(
    connection: AsyncConnection[Any], method: PaymentMethod, limit: NetworkLimit, amount: str | None, at: datetime
) -> Use:
    query: LiteralString = """
        SELECT count(*) FILTER (WHERE %(amount)s::text IS NULL OR amount = %(amount)s),
            (SELECT CASE WHEN isfinite(until) THEN until ELSE '9999-01-01' END FROM card_events_blocked
             WHERE fingerprint = %(fingerprint)s AND until > %(at)s)
        FROM card_events_tries WHERE fingerprint = %(fingerprint)s AND declined_at > %(since)s
    """
    asked = {
        "fingerprint": method.fingerprint,
        "at": at,
        "since": at - limit.window,
        "amount": amount if limit.per_amount else None,
    }
    row = await (await connection.execute(query, asked)).fetchone()
    used, until = row or (0, None)
    return Use(method.method_id, limit.name, limit.window / timedelta(days=1), used, limit.most, until)


async def _rows(connection: AsyncConnection[Any], kind: type[Row], query: LiteralString, card_id: UUID) -> list[Row]:
    async with connection.cursor(row_factory=class_row(kind)) as cursor:
        return await (await cursor.execute(query, (card_id, ROWS_MOST))).fetchall()
