"""A card as the pages show it: its standing, its line, its next payment, and the one sentence about it."""

from functools import lru_cache
from typing import NamedTuple

from markupsafe import Markup

from adapters.web.pages.ahead import NextPayment, next_payment, source
from adapters.web.pages.due import due_now
from adapters.web.pages.lifeline import Stretch, lifeline
from adapters.web.pages.naming import plan_name
from adapters.web.pages.portal import Held
from adapters.web.pages.standing import Standing, beneath, standing_of
from adapters.web.voice import Voice
from engine.calendar import local_date
from engine.card.deadlines import reclaims_at, suspends_at
from engine.card.facts import CardFacts
from engine.money import Money


class Shown(NamedTuple):
    """A card as the pages show it."""

    held: Held
    standing: Standing
    number: str
    plan: str
    balance: Money
    plan_and_balance: Markup
    foreseen: CardFacts
    """What will happen to it by itself."""
    line: tuple[Stretch, ...]
    payment: NextPayment | None
    source: Markup | None
    says: Markup | None
    """The one sentence about a card that is not in order."""


def shown(held: Held, say: Voice) -> Shown:
    """The card with all that its pages say of it."""
    card, standing, foreseen = held.card, standing_of(held.card), held.outlook()
    payment, plan = next_payment(card, foreseen), plan_name(held.plan, card.custody.plan, say)
    balance = Money(minor=card.balance.minor, currency=card.custody.currency)
    return Shown(
        held,
        standing,
        held.number or str(card.card_id)[:8],
        plan,
        balance,
        _plan_and_balance(plan, balance, say),
        foreseen,
        lifeline(card, standing, foreseen, say, held.at),
        payment,
        source(payment, say, short=True) if payment else None,
        _sentence(held, standing, payment, say),
    )


@lru_cache(4096)  # many cards have the same
def _plan_and_balance(plan: str, balance: Money, say: Voice) -> Markup:
    return say("%(plan)s, balance %(balance)s", plan=plan, balance=say.money(balance))


def held_sentence(held: Held, say: Voice) -> Markup:
    """Why a card is on hold, and whether service is on and until when it is paid."""
    card, paid_to = held.card, say.day(held.card.term.ends_on)
    why = (
        say("A payment could not be made as ordered, and we are looking into it. Nothing is charged meanwhile.")
        if card.hold is not None and card.hold.by == "alarm"
        else say("This card is on hold, and we are looking into it. Nothing is charged meanwhile.")
    )
    if card.status == "suspended":
        return say.joined(why, say("Service is off; the card was paid until %(day)s.", day=paid_to))
    if held.at >= card.term.ends_at:
        return say.joined(why, say("Service is on; the card was paid until %(day)s.", day=paid_to))
    return say.joined(why, say("Service is on, and the card is paid until %(day)s.", day=paid_to))


def _off(held: Held, lost: Markup, say: Voice) -> Markup:
    due = due_now(held)
    if due is None:
        return say("Service is off. The number is lost on %(day)s unless it is paid.", day=lost)
    values = {"day": lost, "amount": say.money(due.amount)}
    return say("Service is off. The number is lost on %(day)s unless %(amount)s is paid.", **values)


def _unfinished(held: Held, say: Voice) -> Markup | None:
    attempt, later = held.card.attempts.open, beneath(held.card)
    if attempt is None:
        return None
    unfinished = say("Your payment of %(amount)s is not finished.", amount=say.money(attempt.amount))
    consequence = _sentence(held, later, None, say) if later in ("suspended", "grace") else None
    return unfinished if consequence is None else say.joined(unfinished, consequence)


def _sentence(held: Held, standing: Standing, payment: NextPayment | None, say: Voice) -> Markup | None:
    if standing in ("active", "closed", "reclaimed"):
        return None
    off, lost = (say.day(held.day_of(one)) for one in (suspends_at(held.card), reclaims_at(held.card)))
    match standing:
        case "suspended":
            return _off(held, lost, say)
        case "grace":
            return say("The paid term has ended. Service goes off on %(day)s unless it is paid.", day=off)
        case "waiting":
            return say("The bank has not answered yet. Your number is safe. Do not pay again; we will tell you.")
        case "held":
            return held_sentence(held, say)
        case "paying":
            return _unfinished(held, say)
        case "auto_renew_off":
            return say("Unless renewed, service goes off on %(day)s.", day=off)
        case "cannot_renew":
            return say(
                "No payment method can be charged. Unless you change that, service goes off on %(day)s.", day=off
            )
        case "payment_failed":
            return _payment_failed(held, payment, off, say)


def _payment_failed(held: Held, payment: NextPayment | None, off: Markup, say: Voice) -> Markup:
    if payment is None:
        return say("The payment failed. Service goes off on %(day)s.", day=off)
    values = {"day": off, "again": say.day(local_date(payment.at, held.zone))}
    return say("The payment failed. Service goes off on %(day)s; we try again on %(again)s.", **values)
