"""Custody: taking a card with its number into our care, and giving it up."""

from datetime import date, datetime, timedelta
from typing import Literal, Protocol

from msgspec.structs import replace

from engine.calendar import Instant, Term, known_zones, local_date, start_of_day, term_from
from engine.card.event import Event
from engine.catalogue import KeepRule, Period
from engine.errors import Refused
from engine.money import Currency, Money
from engine.rules import Rules
from engine.value import Value

Status = Literal["active", "grace", "suspended", "reclaimed", "closed"]


# Facts


class CardRegistered(Event, kw_only=True):
    """A card with its running term was taken into our care."""

    holder_id: str
    plan: str
    currency: Currency
    zone: str
    keep_rule: str
    keep: KeepRule
    term: Term
    anchor_day: int


class ZoneChanged(Event, kw_only=True):
    """The holder's time zone changed; it applies from the next term."""

    zone: str


class HolderChanged(Event, kw_only=True):
    """The card came to another holder, free of all that the one `before` had agreed to and bound."""

    holder_id: str
    before: str


class CardClosed(Event, kw_only=True):
    """The holder gave the card up; it is no longer ours to keep, and `balance` is owed to the holder.

    What an open attempt has reserved is part of it, and can be paid out when its outcome is known.
    """

    reason: str
    balance: Money


# State


class Custody(Value):
    """Whose card it is, what it is kept under, in which currency, and the time zone from the next term on."""

    holder_id: str
    plan: str
    currency: Currency
    zone: str
    since: Instant | None = None
    """When it came to this holder; None: it was registered for them."""


class HasStatus(Protocol):
    """A card's status."""

    @property
    def status(self) -> Status: ...


class HasCustody(HasStatus, Protocol):
    """A card's status and custody."""

    @property
    def custody(self) -> Custody: ...


class HasBalance(Protocol):
    """A balance, in minor units of the card's currency."""

    @property
    def minor(self) -> int: ...


class _Registered(HasCustody, Protocol):
    @property
    def term(self) -> Term: ...


class _Reserving(Protocol):
    @property
    def from_balance(self) -> int: ...


class _MayReserve(Protocol):
    @property
    def open(self) -> _Reserving | None: ...


class Owing(HasCustody, Protocol):
    """A card with its balance, and what an open attempt may have reserved of it."""

    @property
    def balance(self) -> HasBalance: ...

    @property
    def attempts(self) -> _MayReserve: ...


# Fold


def registered(fact: CardRegistered) -> Custody:
    """The custody of a new card."""
    return Custody(fact.holder_id, fact.plan, fact.currency, fact.zone)


def zone_changed(custody: Custody, fact: ZoneChanged) -> Custody:
    """Another time zone applies from the next term on."""
    return replace(custody, zone=fact.zone)


def holder_changed(custody: Custody, fact: HolderChanged) -> Custody:
    """Another holder, as of now."""
    return replace(custody, holder_id=fact.holder_id, since=fact.at)


# Decisions


def register_card(  # noqa: PLR0913 (one argument per field of the command)
    card: _Registered | None,
    rules: Rules,
    *,
    holder_id: str,
    plan: str,
    currency: Currency,
    zone: str,
    starts_on: date,
    months: Period,
    lapsed: bool = False,
    at: datetime,
) -> tuple[CardRegistered, ...]:
    """Take a card with its running term into care.

    A term that ended long ago is taken for a mistyped year, unless the caller says that the card is `lapsed`: one that
    ended more than `lapsed_days_most` ago, or for which the carrier would have taken the number by now. So is one that
    starts more than `ahead_days_most` ahead. Raises Refused `unknown_plan`, `unknown_currency`, `not_sold`,
    `unknown_zone`, `already_registered`, `term_ended_long_ago`, `term_far_ahead`.
    """
    catalogue = rules.catalogue
    keep_rule = catalogue.plan(plan).keep_rule
    _check_zone(zone)
    catalogue.quote(plan, currency, months, local_date(at, zone))
    fact = CardRegistered(
        holder_id=holder_id,
        plan=plan,
        currency=currency,
        zone=zone,
        keep_rule=keep_rule,
        keep=catalogue.keep_rules[keep_rule],
        term=term_from(0, starts_on, months, starts_on.day, zone),
        anchor_day=starts_on.day,
        at=at,
    )
    if card is None:
        _check_starts_soon(fact, rules.policy.ahead_days_most)
        if not lapsed:
            _check_ended_lately(fact, rules.policy.lapsed_days_most)
        return (fact,)
    known = card.custody
    if (known.holder_id, known.plan, known.currency, card.term) == (holder_id, plan, currency, fact.term):
        return ()
    raise Refused("already_registered", "the card is registered, with other details or renewed since", "card_id")


def change_zone(card: HasCustody, *, zone: str, at: datetime) -> tuple[ZoneChanged, ...]:
    """Use another time zone from the next term on; raises Refused `unknown_zone`."""
    check_kept(card)
    _check_zone(zone)
    return () if zone == card.custody.zone else (ZoneChanged(zone=zone, at=at),)


def close_card(card: Owing, *, reason: str, at: datetime) -> tuple[CardClosed, ...]:
    """Give the card up; what an open attempt still takes is given back, and what is on the balance is owed."""
    if card.status == "closed":
        return ()
    check_kept(card)
    return (CardClosed(reason=reason, balance=balance_owed(card), at=at),)


def balance_owed(card: Owing) -> Money:
    """What is owed of the balance of a card that is given up: what an open attempt has reserved is released later."""
    reserved = card.attempts.open.from_balance if card.attempts.open is not None else 0
    return Money(minor=card.balance.minor + reserved, currency=card.custody.currency)


def check_kept(card: HasStatus) -> None:
    """Raise Refused `card_reclaimed` or `card_closed` for a card that is not in our care any more."""
    if card.status == "reclaimed":
        raise Refused("card_reclaimed", "the carrier has taken the number back; nothing can be changed")
    if card.status == "closed":
        raise Refused("card_closed", "the card was closed; nothing can be changed")


def is_kept(card: HasStatus) -> bool:
    """Whether the card is still in our care."""
    return card.status not in ("reclaimed", "closed")


def _check_ended_lately(fact: CardRegistered, days_most: int) -> None:
    term, days = fact.term, min(days_most, fact.keep.reclaim_days)
    if fact.at < start_of_day(term.ends_on + timedelta(days), term.zone):
        return
    message = (
        f"the term from {term.starts_on} ended on {term.ends_on}, too long ago for a card that is to be kept; "
        "correct the year, or say lapsed: true if the card did lapse then"
    )
    raise Refused("term_ended_long_ago", message, "starts_on")


def _check_starts_soon(fact: CardRegistered, days_most: int) -> None:
    if fact.term.starts_on > local_date(fact.at, fact.zone) + timedelta(days_most):
        message = f"the term starts on {fact.term.starts_on}, more than {days_most} days ahead; correct the year"
        raise Refused("term_far_ahead", message, "starts_on")


def _check_zone(zone: str) -> None:
    if zone not in known_zones():
        raise Refused("unknown_zone", f"{zone!r} is no IANA time zone of a place, such as Asia/Shanghai", "zone")
