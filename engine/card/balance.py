"""The balance: prepaid money on the card, what comes onto it and what leaves it.

What decisions have in common: custody.py.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from msgspec.structs import replace

from engine.card.custody import HasCustody
from engine.card.event import Event
from engine.card.term import CardRenewed
from engine.errors import Refused
from engine.money import Money
from engine.value import Value

AMOUNT_MAX_MINOR = 1_000_000_000
"""More is a slip of the keyboard."""


# Facts


class BalanceCredited(Event, kw_only=True):
    """Money came onto the balance."""

    amount: Money
    reason: Literal["top_up", "refund", "released", "dispute_won"]
    about: UUID | None
    evidence: str | None = None


class BalanceDebited(Event, kw_only=True):
    """Money left the balance again, because the charge that had brought it went back.

    `from_reserve` is the part of `amount` that the open attempt had reserved: it is not released any more.
    """

    amount: Money
    reason: Literal["refund", "dispute"]
    about: UUID
    from_reserve: int = 0


class BalancePaidOut(Event, kw_only=True):
    """What was left on the balance went back to the holder, outside of the gateway."""

    amount: Money
    evidence: str


# State


class Balance(Value):
    """Prepaid money on the card, in minor units of its currency."""

    minor: int = 0
    """What may be spent; what an open attempt has reserved is not in it."""
    paid_terms: Mapping[int, int] = {}
    """What the balance paid for the last two terms, by their number."""


class HasBalance(HasCustody, Protocol):
    """A card with its balance, and the currency of both."""

    @property
    def balance(self) -> Balance: ...


# Fold


def credited(balance: Balance, minor: int) -> Balance:
    """So much more may be spent."""
    return replace(balance, minor=balance.minor + minor) if minor else balance


def debited(balance: Balance, minor: int) -> Balance:
    """So much less may be spent: it left, or is reserved with an attempt."""
    return replace(balance, minor=balance.minor - minor) if minor else balance


def term_paid(balance: Balance, fact: CardRenewed) -> Balance:
    """What the balance paid for a term is remembered; with an attempt it was reserved before."""
    if not fact.from_balance and not balance.paid_terms:
        return balance
    number = fact.term.number
    paid_terms = {**balance.paid_terms, number: fact.from_balance}
    kept = {one: minor for one, minor in paid_terms.items() if one >= number - 1 and minor}
    spent = fact.from_balance if fact.attempt_id is None else 0
    return replace(balance, paid_terms=kept, minor=balance.minor - spent)


def term_undone(balance: Balance, number: int) -> Balance:
    """What the balance paid for that term comes back by a fact of its own."""
    paid_terms = {one: minor for one, minor in balance.paid_terms.items() if one != number}
    return replace(balance, paid_terms=paid_terms) if balance.paid_terms else balance


# Decisions


def pay_out_balance(card: HasBalance, *, amount: Money, evidence: str, at: datetime) -> tuple[BalancePaidOut, ...]:
    """What was left on the balance went back to the holder; raises Refused `more_than_balance` and others."""
    check_amount(card, amount)
    if amount.minor > card.balance.minor:
        message = f"there are {card.balance.minor} {card.custody.currency} minor on the balance, not {amount.minor}"
        raise Refused("more_than_balance", message, "amount.minor")
    return (BalancePaidOut(amount=amount, evidence=evidence, at=at),)


def check_amount(card: HasCustody, amount: Money, field: str = "amount") -> None:
    """Raise Refused `amount_not_positive`, `amount_too_large` or `wrong_currency` for what this card cannot take."""
    currency = card.custody.currency
    if amount.currency != currency:
        message = f"the card is kept in {currency}, not {amount.currency}"
        raise Refused("wrong_currency", message, f"{field}.currency")
    if amount.minor > AMOUNT_MAX_MINOR:
        message = f"an amount is at most {AMOUNT_MAX_MINOR}, not {amount.minor}"
        raise Refused("amount_too_large", message, f"{field}.minor")
    if amount.minor <= 0:
        message = f"an amount must be more than 0, not {amount.minor}"
        raise Refused("amount_not_positive", message, f"{field}.minor")
