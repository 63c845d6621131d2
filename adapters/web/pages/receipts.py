"""Receipts: what a holder has paid, newest first, and a page for each payment that prints well."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import LiteralString, NamedTuple
from uuid import UUID

from psycopg.rows import class_row
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.directory.sessions import SignedIn
from adapters.web.door import Door, missing
from adapters.web.frame import page
from adapters.web.pages.ids import whole_number
from adapters.web.pages.naming import length, method_name, plan_name
from adapters.web.pages.portal import PAGE_SIZE, Portal
from adapters.web.voice import voice
from engine.calendar import local_date
from engine.card.methods import PaymentMethod, PaymentMethodBound, PaymentMethodUpdated
from engine.card.term import CardRenewed
from engine.envelope import Recorded
from engine.money import Money

_ALL_FACTS = 1_000_000
_OF_HOLDER: LiteralString = """
    SELECT attempt_id, card_id, number, zone, settled_at, charges.currency, minor, from_balance_minor, refunded_minor,
        top_up
    FROM charges JOIN cards USING (card_id) LEFT JOIN card_numbers USING (card_id)
    WHERE holder_id = %(holder)s AND charges.status = 'succeeded'
    AND (holder_since IS NULL OR attempted_at >= holder_since)
"""
_LISTED: LiteralString = _OF_HOLDER + "ORDER BY settled_at DESC, attempt_id LIMIT %(limit)s OFFSET %(skip)s"
_ONE: LiteralString = _OF_HOLDER + "AND attempt_id = %(attempt)s"


class Paid(NamedTuple):
    """One payment; amounts in minor units."""

    attempt_id: UUID
    card_id: UUID
    number: str | None
    zone: str
    settled_at: datetime
    currency: str
    minor: int
    from_balance_minor: int
    refunded_minor: int
    top_up: int | None

    @property
    def day(self) -> date:
        """The local day of the payment."""
        return local_date(self.settled_at, self.zone)

    @property
    def amount(self) -> Money:
        """What was charged."""
        return Money(minor=self.minor, currency=self.currency)

    @property
    def from_balance(self) -> Money:
        """What the balance paid in addition."""
        return Money(minor=self.from_balance_minor, currency=self.currency)

    @property
    def refunded(self) -> Money:
        """What went back."""
        return Money(minor=self.refunded_minor, currency=self.currency)

    @property
    def reference(self) -> str:
        """What a holder quotes to the support."""
        digits = self.attempt_id.hex[:8].upper()
        return f"{digits[:4]}-{digits[4:]}"


def receipt_pages(portal: Portal, door: Door) -> list[Route]:
    """`/receipts` and `/receipts/ATTEMPT`."""

    async def listed(request: Request, visitor: SignedIn) -> Response:
        number = whole_number(request.query_params.get("page", "")) or 1
        asked = {"holder": visitor.holder_id, "limit": PAGE_SIZE + 1, "skip": PAGE_SIZE * (number - 1)}
        found = await _paid(portal, _LISTED, asked)
        more = number + 1 if len(found) > PAGE_SIZE else None
        return page(
            "receipts", visitor.language, visitor=visitor, here="/receipts", receipts=found[:PAGE_SIZE], more=more
        )

    async def one(request: Request, visitor: SignedIn) -> Response:
        asked = {"holder": visitor.holder_id, "attempt": request.path_params["attempt_id"]}
        found = await _paid(portal, _ONE, asked)
        held = await portal.card(visitor.holder_id, found[0].card_id) if found else None
        if not found or held is None:
            return missing(request, visitor)
        paid, say = found[0], voice(visitor.language)
        facts = await portal.newest(paid.card_id, None, _ALL_FACTS)
        renewed, method = _bought(facts, paid.attempt_id)
        return page(
            "receipt",
            visitor.language,
            visitor=visitor,
            here=f"/receipts/{paid.attempt_id}",
            paid=paid,
            plan=plan_name(held.plan, held.card.custody.plan, say),
            term=renewed.term if renewed else None,
            period=length(renewed.months, say) if renewed else None,
            method=method_name(method, say),
            place=say.place(paid.zone),
        )

    return [
        Route("/receipts", door.signed_in(listed), methods=["GET"]),
        Route("/receipts/{attempt_id:uuid}", door.signed_in(one), methods=["GET"]),
    ]


async def _paid(portal: Portal, query: LiteralString, asked: dict[str, object]) -> list[Paid]:
    async with portal.pool.connection() as connection, connection.cursor(row_factory=class_row(Paid)) as cursor:
        await cursor.execute(query, asked)
        return await cursor.fetchall()


def _bought(facts: Iterable[Recorded], attempt_id: UUID) -> tuple[CardRenewed | None, PaymentMethod | None]:
    """What the payment bought (None: a top-up), and the method as it was then."""
    methods: dict[str, PaymentMethod] = {}
    renewed: CardRenewed | None = None
    used: PaymentMethod | None = None
    for one in facts:
        match one.fact:
            case PaymentMethodBound(method=method) | PaymentMethodUpdated(method=method):
                methods[method.method_id] = method
            case CardRenewed() as fact if fact.attempt_id == attempt_id:
                renewed = fact
            case _ if getattr(one.fact, "attempt_id", None) == attempt_id:
                used = methods.get(getattr(one.fact, "method_id", ""), used)
            case _:
                pass
    return renewed, used
