"""Taking a card into care and letting it go, and the operator's hand on it.

Decisions: plain functions of card, arguments and time that return facts. What is already so gives (); what the
caller got wrong raises Refused.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from engine.calendar import local_date, term_from
from engine.card.events import (
    CardClosed,
    CardHeld,
    CardRegistered,
    CardReleased,
    Events,
    ZoneChanged,
)
from engine.card.lapse import moved, reclaimed
from engine.card.payments import BalanceCredited
from engine.card.refunds import refund_started
from engine.card.state import Card
from engine.catalogue import Catalogue, Period
from engine.errors import Refused
from engine.money import Currency, Money
from engine.policy import Policy


def register_card(  # noqa: PLR0913 (one argument per field of the command)
    card: Card | None,
    catalogue: Catalogue,
    *,
    holder_id: str,
    plan: str,
    currency: Currency,
    zone: str,
    starts_on: date,
    months: Period,
    at: datetime,
) -> Events:
    """Take a card with its running term into care.

    Raises Refused `unknown_plan`, `unknown_currency`, `not_sold`, `unknown_zone`, `already_registered`.
    """
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
        return (fact,)
    if (card.holder_id, card.plan, card.currency, card.term) == (holder_id, plan, currency, fact.term):
        return ()
    raise Refused("already_registered", "the card is registered, with other details or renewed since", "card_id")


def change_zone(card: Card, *, zone: str, at: datetime) -> Events:
    """Live by another clock from the next term on; raises Refused `unknown_zone`."""
    check_kept(card)
    _check_zone(zone)
    return () if zone == card.zone else (ZoneChanged(zone=zone, at=at),)


def hold_card(card: Card, *, reason: str, at: datetime) -> Events:
    """Take the card out of all automatic work until it is released."""
    check_kept(card)
    return () if card.held_since is not None else (CardHeld(reason=reason, by="operator", at=at),)


def release_card(card: Card, policy: Policy, *, at: datetime) -> Events:
    """Lift the hold; the deadlines move by the time for which it, or what came before it, kept us from charging."""
    check_kept(card)
    if card.held_since is None:
        return ()
    attempt = card.open_attempt
    since = min(card.held_since, card.blocked_since or at, attempt.attempted_at if attempt else at)
    return CardReleased(at=at), *moved(card, "held", since, policy, at)


def close_card(card: Card, *, reason: str, at: datetime) -> Events:
    """Give the card up; what an open attempt still takes is given back, and what is on the balance is owed."""
    if card.status == "closed":
        return ()
    check_kept(card)
    return (CardClosed(reason=reason, balance=Money(minor=card.balance.minor, currency=card.currency), at=at),)


def confirm_reclaim(card: Card, policy: Policy, *, at: datetime) -> Events:
    """The carrier took the number, whatever we think of it: what was paid for terms that are not over goes back."""
    if card.status == "reclaimed":
        return ()
    check_kept(card)
    lost = reclaimed(card, "carrier", policy, at)
    if card.status != "active" or at >= card.term.ends_at:
        return (lost,)
    terms = {card.term.number - 1, card.term.number} if at < card.term.starts_at else {card.term.number}
    paid = [one for one in card.payments if one.top_up is None and one.term_number in terms]
    refunds = tuple(refund_started(card, one, "number_reclaimed", at) for one in paid if one.left)
    minor = sum(minor for number, minor in card.from_balance.items() if number in terms)
    if not minor:
        return (lost, *refunds)
    back = Money(minor=minor, currency=card.currency)
    credit = BalanceCredited(amount=back, reason="released", about=None, at=at)
    return credit, replace(lost, balance=lost.balance + back), *refunds


def check_kept(card: Card) -> None:
    """Raise Refused `card_reclaimed` or `card_closed` for a card that is not in our care any more."""
    if card.status == "reclaimed":
        raise Refused("card_reclaimed", "the carrier has taken the number back; nothing can be changed")
    if card.status == "closed":
        raise Refused("card_closed", "the card was closed; nothing can be changed")


def _check_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        code, message = "unknown_zone", f"{zone!r} is no IANA time zone, such as Asia/Shanghai"
        raise Refused(code, message, "zone") from None
