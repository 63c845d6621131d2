"""What a holder has to know of a card in trouble: the consequence, its cause, and what to do about it."""

from typing import NamedTuple

from markupsafe import Markup

from adapters.web.pages.due import due_now
from adapters.web.pages.naming import method_name, reason
from adapters.web.pages.portal import Held
from adapters.web.pages.shown import held_sentence
from adapters.web.pages.standing import NEEDS_HOLDER, Standing
from adapters.web.voice import Voice
from engine.calendar import local_date
from engine.card.deadlines import reclaims_at, suspends_at
from engine.card.methods import PaymentMethod
from engine.card.term import amount_due


class Alert(NamedTuple):
    """The consequence, its cause, and what to do about it."""

    heading: Markup
    cause: Markup


def alert_of(held: Held, standing: Standing, say: Voice) -> Alert | None:
    """At most one on a page: what happens unless something is done."""
    card = held.card
    if standing not in NEEDS_HOLDER:
        return None
    if standing == "cannot_renew":
        return _cannot_renew(held, say)
    renewal = card.renewal
    code = renewal.last_code if renewal else None
    cause = _cause(code, say) if card.held_since is None else say.joined(_cause(code, say), held_sentence(held, say))
    lost = say.day(local_date(reclaims_at(card), held.zone))
    if standing == "suspended":
        heading = say("Service is off, and the number is lost on %(day)s", day=lost)
        return Alert(heading, say.joined(cause, _remedy(held, say)))
    kept = say("The number is lost on %(day)s.", day=lost)
    off = say.day(local_date(suspends_at(card), held.zone))
    if renewal is None:
        heading = say("Service goes off on %(day)s unless the card is renewed", day=off)
    else:
        amount = say.money(amount_due(card, renewal))
        heading = say("Service goes off on %(day)s unless %(amount)s is paid", day=off, amount=amount)
    if renewal is not None and renewal.reactivation_fee is not None:
        more = say("Once off, switching on again costs %(fee)s more.", fee=say.money(renewal.reactivation_fee))
        return Alert(heading, say.joined(cause, more, kept))
    return Alert(heading, say.joined(cause, kept))


def _remedy(held: Held, say: Voice) -> Markup:
    """What a card whose service is off needs."""
    due = due_now(held)
    if due is None:
        return say("Turning auto-renewal on is charged at once and restores the service.")
    amount = say.money(due.amount)
    if due.fee is None:
        return say("%(amount)s is due; once it is paid, service is on again.", amount=amount)
    values = {"amount": amount, "price": say.money(due.price), "fee": say.money(due.fee)}
    return say(
        "%(amount)s is due, %(price)s for the term and %(fee)s once for switching on; "
        "once it is paid, service is on again.",
        **values,
    )


def _cannot_renew(held: Held, say: Voice) -> Alert:
    card, methods = held.card, held.card.methods
    off = say.day(local_date(suspends_at(card), held.zone))
    heading = say("Auto-renewal has nothing to charge: service goes off on %(day)s", day=off)
    causes = [_dead(one, methods.ended[one.method_id], say) for one in methods.bound] or [
        say("No payment method is left with this card.")
    ]
    remedy = say("Add or update a payment method, and the card is renewed as agreed.")
    return Alert(heading, say.joined(*causes, remedy))


def _dead(method: PaymentMethod, code: str, say: Voice) -> Markup:
    name, said = method_name(method, say), reason(code, say)
    if said:
        return say("%(method)s cannot be charged any more: %(reason)s.", method=name, reason=said)
    return say("%(method)s cannot be charged any more.", method=name)


def _cause(code: str | None, say: Voice) -> Markup:
    said = reason(code, say)
    if said:
        return say("The last payment failed: %(reason)s.", reason=said)
    return say("The last payment failed.") if code else say("The term that was paid has ended.")
