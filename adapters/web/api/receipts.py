"""Receipts: what was paid, newest first, and each payment with what it bought, also as a file to keep."""

from datetime import date, datetime
from typing import LiteralString
from uuid import UUID

from fastapi import APIRouter, Response
from psycopg.rows import class_row
from pydantic import BaseModel, ConfigDict

from adapters.web.api.asking import Asked, Reading
from adapters.web.api.cursors import Cursor, Limit, cursor_of, place_of
from adapters.web.api.problems import NO_STORE, ProblemError, documented
from adapters.web.api.reading import Holder
from adapters.web.api.shapes import ShownAmount, amount, maybe_amount
from adapters.web.api.unchanged import NOT_CHANGED, IfNoneMatch, is_known, tagged
from adapters.web.payments.paid import PAID, Paid, receipt_of
from adapters.web.payments.paid import Receipt as FoundReceipt
from adapters.web.payments.paper import paper_of
from adapters.web.payments.printing import PDF, file_name, tag_of
from adapters.web.voice import voice
from engine.card.methods import MethodKind

_LISTED: LiteralString = (
    PAID
    + """
    AND (%(at)s::timestamptz IS NULL OR (settled_at, attempt_id) < (%(at)s, %(attempt)s::uuid))
    ORDER BY settled_at DESC, attempt_id DESC LIMIT %(limit)s
"""
)
_ONE = documented(404, unknown="receipt")
receipts = APIRouter(tags=["receipts"])


class Receipt(BaseModel):
    """A payment that succeeded: for a term, or for the balance where `top_up` numbers one."""

    attempt_id: UUID
    card_id: UUID
    paid_at: datetime
    amount: ShownAmount
    from_balance: ShownAmount
    refunded: ShownAmount
    top_up: int | None = None


_EXAMPLE = {
    "attempt_id": "1d2b6b0e-6a57-5c86-8f3c-0f6a5a9d2c01",
    "card_id": "6f1c2a50-3f0e-4d26-9d3b-0d7c1a4c9b11",
    "paid_at": "2026-11-29T04:00:00Z",
    "amount": {"amount_minor": 7680, "currency": "CNY"},
    "from_balance": {"amount_minor": 0, "currency": "CNY"},
    "refunded": {"amount_minor": 0, "currency": "CNY"},
}


class PaidTerm(BaseModel):
    """The term that was bought: local days in the card's zone, `ends_on` is the first day after it.

    `reactivation_fee` came on top of `price`, because the service was off.
    """

    months: int
    price: ShownAmount
    reactivation_fee: ShownAmount | None
    starts_on: date
    ends_on: date
    zone: str


class PaidWith(BaseModel):
    """The payment method as it was then."""

    kind: MethodKind
    brand: str | None
    last4: str | None


class PaidTo(BaseModel):
    """Who issued the receipt: whoever it was when it was paid."""

    name: str
    address: str | None
    tax_id: str | None


class ShownReceipt(Receipt):
    """A receipt with what was bought, how it was paid, and its short `reference`; a top-up has no `term`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_EXAMPLE,
                    "reference": "1D2B-6B0E",
                    "number": "+85255500142",
                    "plan": "keep-basic",
                    "term": {
                        "months": 12,
                        "price": {"amount_minor": 7680, "currency": "CNY"},
                        "reactivation_fee": {"amount_minor": 0, "currency": "CNY"},
                        "starts_on": "2027-01-09",
                        "ends_on": "2028-01-09",
                        "zone": "Asia/Hong_Kong",
                    },
                    "method": {"kind": "credit_card", "brand": "visa", "last4": "4242"},
                    "issuer": {"name": "Baohao Ltd", "address": "1 Harbour Road, Hong Kong", "tax_id": "HK-1"},
                }
            ]
        }
    )

    reference: str
    number: str | None
    plan: str
    term: PaidTerm | None
    method: PaidWith | None
    issuer: PaidTo | None


class Receipts(BaseModel):
    """A page of receipts, newest first; `next` is null on the last one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"receipts": [_EXAMPLE], "next": "MjAyNg"}]})

    receipts: list[Receipt]
    next: str | None


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
    async with pool.connection() as connection, connection.cursor(row_factory=class_row(Paid)) as rows:
        found = await (await rows.execute(_LISTED, given)).fetchall()
    last = found[limit - 1] if len(found) > limit else None
    more = cursor_of(f"{last.settled_at.isoformat()} {last.attempt_id}") if last else None
    return Receipts(receipts=[_receipt(one) for one in found[:limit]], next=more)


@receipts.get("/receipts/{attempt_id}", responses=_ONE)
async def show_receipt(asked: Reading, response: Response, attempt_id: UUID) -> ShownReceipt:
    """One payment, with what it bought; needs `cards:read`."""
    response.headers.update(NO_STORE)
    found = await _found(asked, attempt_id)
    paid, renewed, method = found.paid, found.renewed, found.method
    return ShownReceipt(
        **dict(_receipt(paid)),
        reference=paid.reference,
        number=paid.number,
        plan=found.held.card.custody.plan,
        term=renewed
        and PaidTerm(
            months=renewed.months,
            price=amount(renewed.price),
            reactivation_fee=maybe_amount(renewed.reactivation_fee),
            starts_on=renewed.term.starts_on,
            ends_on=renewed.term.ends_on,
            zone=renewed.term.zone,
        ),
        method=method and PaidWith(kind=method.kind, brand=method.brand, last4=method.last4),
        issuer=found.issuer and PaidTo(**found.issuer._asdict()),
    )


@receipts.get(
    "/receipts/{attempt_id}/pdf",
    response_class=Response,
    responses={**_ONE, 200: {"description": "The file.", "content": {PDF: {}}}, 304: NOT_CHANGED},
)
async def print_receipt(asked: Reading, attempt_id: UUID, if_none_match: IfNoneMatch = None) -> Response:
    """A receipt to keep, in the language of Accept-Language: the same bytes until it changes; needs `cards:read`."""
    paper = paper_of(found := await _found(asked, attempt_id), voice(asked.language))
    headers = tagged(f'"{tag_of(paper)}"')
    if is_known(headers, if_none_match):
        return Response(status_code=304, headers=headers)
    content = await asked.printer.pdf(paper)
    return Response(content, headers=headers | file_name(found.paid), media_type=PDF)


async def _found(asked: Asked, attempt_id: UUID) -> FoundReceipt:
    found = await receipt_of(asked.portal, asked.bearer.holder_id, attempt_id)
    if found is None:
        raise ProblemError(404, "unknown_receipt", "there is no such receipt")
    return found


def _place(text: str) -> tuple[datetime, UUID]:
    at, _, attempt_id = text.partition(" ")
    moment = datetime.fromisoformat(at)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment, UUID(attempt_id)


def _receipt(paid: Paid) -> Receipt:
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
