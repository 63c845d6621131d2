"""The balance: prepaid money on the card, what comes onto it and what leaves it."""

from collections.abc import Collection, Iterator, Mapping
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

GoneBy = Literal["refund", "dispute"]
"""How a charge went back: by us, or by the holder's bank."""


# Facts


class BalanceCredited(Event, kw_only=True):
    """Money came onto the balance."""

    amount: Money
    reason: Literal["top_up", "refund", "released", "dispute_won"]
    about: UUID | None
    evidence: str | None = None


class BalanceDebited(Event, kw_only=True):
    """Money left the balance again, because the charge that had brought it went back.

    `from_reserve` is the part of `amount` that the open attempt had reserved: it is not released any more. With
    `of_term` nothing left the balance: it had paid for that term, and does not come back if the term does.
    """

    amount: Money
    reason: GoneBy
    about: UUID
    from_reserve: int = 0
    of_term: int | None = None


class BalancePaidOut(Event, kw_only=True):
    """What was left on the balance went back to the holder, outside of the gateway."""

    amount: Money
    evidence: str


# State


class ClawedBack(Value):
    """What the balance paid for a term with money that went back since: if the term is undone, the balance lacks it."""

    about: UUID
    reason: GoneBy
    of_term: int
    minor: int


class Balance(Value):
    """Prepaid money on the card, in minor units of its currency."""

    minor: int = 0
    """What may be spent; what an open attempt has reserved is not in it."""
    paid_terms: Mapping[int, int] = {}
    """What the balance paid for the last two terms, by their number."""
    clawed_back: tuple[ClawedBack, ...] = ()
    """The parts of it that the balance does not get back, since their charges went back."""
    paid_out: int = 0
    """What went back to the holder outside of the gateway, in all."""


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


def paid_out(balance: Balance, fact: BalancePaidOut) -> Balance:
    """So much less may be spent, and no charge that brought it may go back in its place."""
    return replace(balance, minor=balance.minor - fact.amount.minor, paid_out=balance.paid_out + fact.amount.minor)


def term_paid(balance: Balance, fact: CardRenewed) -> Balance:
    """What the balance paid for a term is remembered; with an attempt it was reserved before."""
    if not fact.from_balance and not balance.paid_terms:
        return balance
    number = fact.term.number
    paid_terms = {**balance.paid_terms, number: fact.from_balance}
    kept = {one: minor for one, minor in paid_terms.items() if one >= number - 1 and minor}
    spent = fact.from_balance if fact.attempt_id is None else 0
    clawed_back = tuple(one for one in balance.clawed_back if one.of_term in kept)
    return replace(balance, paid_terms=kept, clawed_back=clawed_back, minor=balance.minor - spent)


def term_undone(balance: Balance, number: int) -> Balance:
    """What the balance paid for that term comes back by a fact of its own."""
    if not balance.paid_terms:
        return balance
    paid_terms = {one: minor for one, minor in balance.paid_terms.items() if one != number}
    return replace(
        balance, paid_terms=paid_terms, clawed_back=tuple(one for one in balance.clawed_back if one.of_term != number)
    )


def ended(balance: Balance) -> Balance:
    """The card is given up: nothing more comes back of what the balance paid for terms."""
    return replace(balance, paid_terms={}, clawed_back=()) if balance.paid_terms else balance


def terms_clawed_back(balance: Balance, fact: BalanceDebited, of_term: int) -> Balance:
    """If that term is undone, the balance gets so much less of what it paid for it."""
    one = ClawedBack(fact.about, fact.reason, of_term, fact.amount.minor)
    return replace(balance, clawed_back=(*balance.clawed_back, one))


def clawback_lifted(balance: Balance, about: UUID, minor: int) -> Balance:
    """The bank gave so much of that charge back to us: the balance gets it again, should its terms be undone."""
    kept: list[ClawedBack] = []
    for one in balance.clawed_back:
        freed = min(one.minor, minor) if one.about == about else 0
        minor -= freed
        if freed < one.minor:
            kept.append(replace(one, minor=one.minor - freed))
    return replace(balance, clawed_back=tuple(kept))


# Decisions


def pay_out_balance(card: HasBalance, *, amount: Money, evidence: str, at: datetime) -> tuple[BalancePaidOut, ...]:
    """What was left on the balance went back to the holder; raises Refused `more_than_balance` and others."""
    check_amount(card, amount)
    if amount.minor > card.balance.minor:
        message = f"there is {amount.of(card.balance.minor)} on the balance, not {amount}"
        raise Refused("more_than_balance", message, "amount.minor")
    return (BalancePaidOut(amount=amount, evidence=evidence, at=at),)


def claw_back_from_terms(
    card: HasBalance, minor: int, reason: GoneBy, about: UUID, at: datetime
) -> Iterator[BalanceDebited]:
    """What the balance cannot give back, since it paid for terms with it: the latest term first."""
    balance = card.balance
    for number, paid in sorted(balance.paid_terms.items(), reverse=True):
        taken = min(minor, paid - sum(one.minor for one in balance.clawed_back if one.of_term == number))
        if taken > 0:
            amount = Money(minor=taken, currency=card.custody.currency)
            yield BalanceDebited(amount=amount, reason=reason, about=about, of_term=number, at=at)
            minor -= taken


def clawed_back_with(balance: Balance, about: UUID) -> int:
    """What was clawed back because that charge went back, in minor units."""
    return sum(one.minor for one in balance.clawed_back if one.about == about)


def give_back_terms(
    card: HasBalance, numbers: Collection[int], at: datetime
) -> tuple[BalanceCredited | BalanceDebited, ...]:
    """What the balance paid for terms that come back, less what of it went back another way."""
    currency = card.custody.currency
    minor = sum(paid for number, paid in card.balance.paid_terms.items() if number in numbers)
    if not minor:
        return ()
    credit = BalanceCredited(amount=Money(minor=minor, currency=currency), reason="released", about=None, at=at)
    debits = (
        BalanceDebited(amount=Money(minor=one.minor, currency=currency), reason=one.reason, about=one.about, at=at)
        for one in card.balance.clawed_back
        if one.of_term in numbers
    )
    return credit, *debits


def check_amount(card: HasCustody, amount: Money, field: str = "amount") -> None:
    """Raise Refused `amount_not_positive`, `amount_too_large` or `wrong_currency` for what this card cannot take."""
    currency = card.custody.currency
    if amount.currency != currency:
        message = f"the card is kept in {currency}, not {amount.currency}"
        raise Refused("wrong_currency", message, f"{field}.currency")
    if amount.minor > AMOUNT_MAX_MINOR:
        message = f"an amount is at most {amount.of(AMOUNT_MAX_MINOR)}, not {amount}"
        raise Refused("amount_too_large", message, f"{field}.minor")
    if amount.minor <= 0:
        message = f"an amount must be more than 0, not {amount}"
        raise Refused("amount_not_positive", message, f"{field}.minor")
