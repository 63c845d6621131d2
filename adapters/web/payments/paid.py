"""What a holder has paid: rows of the charges that succeeded, and what one of them bought."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from itertools import dropwhile
from typing import LiteralString, NamedTuple
from uuid import UUID

from psycopg.rows import class_row

from adapters.web.pages.portal import PAGE_SIZE, Held, Portal
from adapters.web.payments.issuer import Issuer, issuer_at
from engine.calendar import local_date
from engine.card.balance import BalanceCredited
from engine.card.custody import HolderChanged
from engine.card.methods import PaymentMethod, PaymentMethodBound, PaymentMethodUpdated
from engine.card.on_page import wallet_named
from engine.card.term import CardRenewed
from engine.envelope import Recorded
from engine.money import Money

_ALL_FACTS = 1_000_000
PAID: LiteralString = """
    SELECT attempt_id, card_id, number, zone, settled_at, charges.currency, minor, from_balance_minor, refunded_minor,
        top_up
    FROM charges JOIN cards USING (card_id) LEFT JOIN card_numbers USING (card_id)
    WHERE charges.status = 'succeeded' AND (%(holder)s::text IS NULL
        OR holder_id = %(holder)s::text AND (holder_since IS NULL OR attempted_at >= holder_since))
"""
"""What all queries begin with: payments of a holder since a card was theirs, or (None) of all."""
_LISTED: LiteralString = PAID + "ORDER BY settled_at DESC, attempt_id LIMIT %(limit)s OFFSET %(skip)s"
_ONE: LiteralString = PAID + "AND attempt_id = %(attempt)s"


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
    def total(self) -> Money:
        """What was paid in all."""
        return self.amount + self.from_balance

    @property
    def refunded(self) -> Money:
        """What went back."""
        return Money(minor=self.refunded_minor, currency=self.currency)

    @property
    def reference(self) -> str:
        """What a holder quotes to the support."""
        digits = self.attempt_id.hex[:8].upper()
        return f"{digits[:4]}-{digits[4:]}"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A payment with its card and what it bought."""

    paid: Paid
    held: Held
    renewed: CardRenewed | None
    """The term; None for a top-up, and for what goes back."""
    method: PaymentMethod | None
    """As it was then."""
    issuer: Issuer | None
    goes_back: bool = False
    """It paid for nothing: neither for a term nor onto the balance."""


async def payments_of(portal: Portal, holder_id: str, number: int) -> tuple[list[Paid], bool]:
    """A page of what a holder has paid, newest first, the first page being 1; and whether there are more."""
    asked = {"holder": holder_id, "limit": PAGE_SIZE + 1, "skip": PAGE_SIZE * (number - 1)}
    found = await _paid(portal, _LISTED, asked)
    return found[:PAGE_SIZE], len(found) > PAGE_SIZE


async def receipt_of(portal: Portal, holder_id: str | None, attempt_id: UUID) -> Receipt | None:
    """The receipt of a payment; None for one of another holder (None: of any) and for one that does not exist.

    It is of whoever had the card when the payment was begun, and stays so when the card changes hands.
    """
    found = await _paid(portal, _ONE, {"holder": None, "attempt": attempt_id})
    held = await portal.held([found[0].card_id]) if found else []
    if not held:
        return None
    facts = await portal.newest(found[0].card_id, None, _ALL_FACTS)
    if holder_id not in (None, _holder_then(facts, attempt_id, held[0].card.custody.holder_id)):
        return None
    async with portal.pool.connection() as connection:
        issuer = await issuer_at(connection, found[0].settled_at)
    renewed, method, is_credited = _bought(facts, attempt_id)
    return Receipt(found[0], held[0], renewed, method, issuer, goes_back=renewed is None and not is_credited)


async def _paid(portal: Portal, query: LiteralString, asked: dict[str, object]) -> list[Paid]:
    async with portal.pool.connection() as connection, connection.cursor(row_factory=class_row(Paid)) as cursor:
        await cursor.execute(query, asked)
        return await cursor.fetchall()


def _holder_then(facts: Iterable[Recorded], attempt_id: UUID, now: str) -> str:
    """Who had the card when the payment was begun; `now`: who has it."""
    later = dropwhile(lambda one: getattr(one.fact, "attempt_id", None) != attempt_id, facts)
    return next((one.fact.before for one in later if isinstance(one.fact, HolderChanged)), now)


def _bought(facts: Iterable[Recorded], attempt_id: UUID) -> tuple[CardRenewed | None, PaymentMethod | None, bool]:
    """The term that the payment bought, the method as it was then, and whether it came onto the balance as a top-up."""
    methods: dict[str, PaymentMethod] = {}
    renewed: CardRenewed | None = None
    used: PaymentMethod | None = None
    is_credited = False
    for one in facts:
        match one.fact:
            case PaymentMethodBound(method=method) | PaymentMethodUpdated(method=method):
                methods[method.method_id] = method
            case CardRenewed() as fact if fact.attempt_id == attempt_id:
                renewed = fact
            case BalanceCredited(about=about, reason="top_up") if about == attempt_id:
                is_credited = True
            case _ if getattr(one.fact, "attempt_id", None) == attempt_id:
                method_id = getattr(one.fact, "method_id", "")
                used = methods.get(method_id) or wallet_named(method_id) or used
            case _:
                pass
    return renewed, used, is_credited
