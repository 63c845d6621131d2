"""What comes next to a card, in the holder's words: from the outlook, which the engine's own decisions give."""

from datetime import datetime
from typing import NamedTuple

from markupsafe import Markup

from adapters.web.pages.history import Tone
from adapters.web.pages.naming import method_name, short_method_name
from adapters.web.pages.standing import NEEDS_HOLDER, Standing, beneath
from adapters.web.voice import Voice
from engine.calendar import local_date
from engine.card.attempt import ChargeAttempted
from engine.card.card import Card
from engine.card.deadlines import reclaims_at, suspends_at
from engine.card.facts import CardFact, CardFacts
from engine.card.lapse import GraceStarted, NumberReclaimed, Suspended
from engine.card.methods import PaymentMethod
from engine.card.reminders import ReminderDue
from engine.card.term import CardRenewed
from engine.money import Money


class Coming(NamedTuple):
    """One thing that will happen."""

    at: datetime
    when: Markup
    text: Markup
    tone: Tone = ""


class NextPayment(NamedTuple):
    """When what is taken from where: `method` is None where the balance pays for all of it."""

    at: datetime
    amount: Money
    from_balance: Money
    method: PaymentMethod | None

    @property
    def total(self) -> Money:
        """What the term costs."""
        return self.amount + self.from_balance


def next_payment(card: Card, foreseen: CardFacts) -> NextPayment | None:
    """The next payment for a term; None where none is to come."""
    currency = card.custody.currency
    for one in foreseen:
        match one:
            case ChargeAttempted(top_up=None):
                method = _method(card, one.method_id)
                return NextPayment(one.at, one.amount, Money(minor=one.from_balance, currency=currency), method)
            case CardRenewed(attempt_id=None):
                nothing = Money(minor=0, currency=currency)
                return NextPayment(one.at, nothing, Money(minor=one.from_balance, currency=currency), None)
            case _:
                pass
    return None


def source(payment: NextPayment, say: Voice, *, short: bool = False) -> Markup:
    """Where a payment comes from."""
    if payment.method is None:
        return say("the balance")
    name = short_method_name(payment.method, say) if short else method_name(payment.method, say)
    return say("the balance first, the rest from %(method)s", method=name) if payment.from_balance.minor else name


def coming_up(card: Card, standing: Standing, foreseen: CardFacts, say: Voice) -> tuple[Coming, ...]:
    """What will happen by itself, in order; for a card in trouble also what happens if nothing is paid."""
    planned = [one for fact in foreseen if (one := _planned(card, fact, say)) is not None]
    if (beneath(card) if standing == "paying" else standing) in NEEDS_HOLDER:
        payments = [one for one in planned if not one.tone]
        planned = sorted((*payments[:1], *_unless_paid(card, say)), key=lambda one: one.at)
    return tuple(planned)


def _unless_paid(card: Card, say: Voice) -> list[Coming]:
    zone, off_at, lost_at = card.term.zone, suspends_at(card), reclaims_at(card)
    found = [_lost(lost_at, zone, say)]
    if card.status != "suspended":
        found.append(_off(off_at, zone, say))
    return found


def _off(at: datetime, zone: str, say: Voice) -> Coming:
    text = say("<b>Service goes off.</b> No calls or messages; the number is still yours.")
    return Coming(at, say.short_day(local_date(at, zone)), text, "warn")


def _lost(at: datetime, zone: str, say: Voice) -> Coming:
    text = say("<b>The carrier takes the number back</b> for good.")
    return Coming(at, say.short_day(local_date(at, zone)), text, "bad")


def _planned(card: Card, fact: CardFact, say: Voice) -> Coming | None:
    zone = card.term.zone
    match fact:
        case ReminderDue(kind="renewal_ahead" | "renewal_far_ahead"):
            return Coming(fact.at, _day(fact.at, zone, say), say("We remind you of the payment."))
        case ReminderDue(kind="lapse_ahead"):
            return Coming(fact.at, _day(fact.at, zone, say), say("We remind you that the service ends."))
        case ReminderDue(kind="last_chance"):
            return Coming(fact.at, _day(fact.at, zone, say), say("We remind you once more."), "warn")
        case ReminderDue(kind="method_expires"):
            text = say("We remind you that %(method)s expires.", method=method_name(_method(card, fact.about), say))
            return Coming(fact.at, _day(fact.at, zone, say), text, "warn")
        case ChargeAttempted(top_up=None) | CardRenewed(attempt_id=None):
            payment = next_payment(card, (fact,))
            return None if payment is None else _payment(payment, zone, say)
        case CardRenewed(term=term):
            text = say("The new term begins and lasts until %(day)s.", day=say.day(term.ends_on))
            return Coming(term.starts_at, say.short_day(term.starts_on), text)
        case GraceStarted(suspends_on=day):
            text = say("The paid term ends. Service goes off on %(day)s.", day=say.day(day))
            return Coming(fact.at, _day(fact.at, zone, say), text, "warn")
        case Suspended():
            return _off(fact.at, zone, say)
        case NumberReclaimed():
            return _lost(fact.at, zone, say)
        case _:
            return None


def _payment(payment: NextPayment, zone: str, say: Voice) -> Coming:
    when = say("%(moment)s, %(place)s time", moment=say.moment(payment.at, zone), place=say.place(zone))
    values = {"amount": say.money(payment.total), "source": source(payment, say)}
    return Coming(payment.at, when, say("We take %(amount)s: %(source)s.", **values))


def _day(at: datetime, zone: str, say: Voice) -> Markup:
    return say.short_day(local_date(at, zone))


def _method(card: Card, method_id: str) -> PaymentMethod | None:
    return next((one for one in card.methods.bound if one.method_id == method_id), None)
