"""Receipts: what was paid, newest first."""

from datetime import datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Response
from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict

from adapters.web.api.asking import Reading
from adapters.web.api.cursors import Cursor, Limit, cursor_of, place_of
from adapters.web.api.problems import NO_STORE, documented
from adapters.web.api.reading import Holder
from adapters.web.api.shapes import ShownAmount

_LISTED: LiteralString = """
    SELECT attempt_id, card_id, settled_at, charges.currency, minor, from_balance_minor, refunded_minor, top_up
    FROM charges JOIN cards USING (card_id)
    WHERE charges.status = 'succeeded' AND (%(holder)s::text IS NULL
        OR holder_id = %(holder)s AND (holder_since IS NULL OR attempted_at >= holder_since))
    AND (%(at)s::timestamptz IS NULL OR (settled_at, attempt_id) < (%(at)s, %(attempt)s::uuid))
    ORDER BY settled_at DESC, attempt_id DESC LIMIT %(limit)s
"""
receipts = APIRouter(tags=["receipts"])


class Receipt(BaseModel):
    """A payment that succeeded: for a term, or for the balance where `top_up` numbers one."""

    attempt_id: UUID
    card_id: UUID
    paid_at: datetime
    amount: ShownAmount
    from_balance: ShownAmount
    refunded: ShownAmount
    top_up: int | None


class Receipts(BaseModel):
    """A page of receipts, newest first; `next` is null on the last one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "receipts": [
                        {
                            "attempt_id": "1d2b6b0e-6a57-5c86-8f3c-0f6a5a9d2c01",
                            "card_id": "6f1c2a50-3f0e-4d26-9d3b-0d7c1a4c9b11",
                            "paid_at": "2026-11-29T04:00:00Z",
                            "amount": {"amount_minor": 7680, "currency": "CNY"},
                            "from_balance": {"amount_minor": 0, "currency": "CNY"},
                            "refunded": {"amount_minor": 0, "currency": "CNY"},
                            "top_up": 1,
                        }
                    ],
                    "next": "MjAyNg",
                }
            ]
        }
    )

    receipts: list[Receipt]
    next: str | None


class _Paid(NamedTuple):
    attempt_id: UUID
    card_id: UUID
    settled_at: datetime
    currency: str
    minor: int
    from_balance_minor: int
    refunded_minor: int
    top_up: int | None


@receipts.get("/receipts", responses=documented())
async def list_receipts(
    asked: Reading, response: Response, holder: Holder = None, limit: Limit = 50, cursor: Cursor = None
) -> Receipts:
    """What was paid for the cards that the token may see; needs `cards:read`."""
    response.headers.update(NO_STORE)
    at, attempt_id = place_of(cursor, _place) or (None, None)
    if holder is not None and not asked.bearer.may_see(holder):
        return Receipts(receipts=[], next=None)
    given = {"holder": asked.bearer.holder_id or holder, "limit": limit + 1, "at": at, "attempt": attempt_id}
    pool = asked.portal.pool
    async with pool.connection() as connection, connection.cursor(row_factory=class_row(_Paid)) as rows:
        found = await (await rows.execute(_LISTED, given)).fetchall()
    last = found[limit - 1] if len(found) > limit else None
    more = cursor_of(f"{last.settled_at.isoformat()} {last.attempt_id}") if last else None
    return Receipts(receipts=[_receipt(one) for one in found[:limit]], next=more)


def _place(text: str) -> tuple[datetime, UUID]:
    at, _, attempt_id = text.partition(" ")
    moment = datetime.fromisoformat(at)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment, UUID(attempt_id)


def _receipt(paid: _Paid) -> Receipt:
    def of(minor: int) -> ShownAmount:
        return ShownAmount(amount_minor=minor, currency=paid.currency)

    return Receipt(
        attempt_id=paid.attempt_id,
        card_id=paid.card_id,
        paid_at=paid.settled_at,
        amount=of(paid.minor),
        from_balance=of(paid.from_balance_minor),
        refunded=of(paid.refunded_minor),
        top_up=paid.top_up,
    )
