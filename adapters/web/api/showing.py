"""A card and its prices as the API answers them."""

from adapters.web.api import shapes
from adapters.web.api.shapes import amount, maybe_amount
from adapters.web.pages import ahead
from adapters.web.pages.agreeing import TERMS_VERSION
from adapters.web.pages.portal import Held
from adapters.web.pages.standing import FINAL, standing_of
from engine.card.card import Card
from engine.card.charge import due_now
from engine.card.deadlines import reclaims_at, suspends_at
from engine.card.facts import CardFact, CardFacts
from engine.card.lapse import GraceStarted, NumberReclaimed, Suspended
from engine.card.reminders import ReminderDue
from engine.card.term import CardRenewed
from engine.envelope import NAME_OF, Fact
from engine.money import Money


def listed(held: Held) -> shapes.ListedCard:
    """A card in a list."""
    card, standing = held.card, standing_of(held.card)
    is_over = standing in FINAL
    return shapes.ListedCard(
        card_id=card.card_id,
        holder_id=card.custody.holder_id,
        number=held.number,
        plan=card.custody.plan,
        standing=standing,
        term=shapes.Term(
            number=card.term.number, starts_on=card.term.starts_on, ends_on=card.term.ends_on, zone=card.term.zone
        ),
        balance=amount(Money(minor=card.balance.minor, currency=card.custody.currency)),
        auto_renewal_months=card.consent.months if card.consent else None,
        service_off_at=None if is_over else suspends_at(card),
        number_lost_at=None if is_over else reclaims_at(card),
    )


def shown(held: Held, version: int) -> shapes.ShownCard:
    """A card with all that is known of it."""
    card, foreseen = held.card, held.outlook()
    order = card.top_ups.standing_order
    return shapes.ShownCard(
        **dict(listed(held)),
        version=version,
        next_payment=_next_payment(card, foreseen),
        due=_due(held),
        outlook=[event for fact in foreseen for event in _foreseen(card, fact)],
        methods=_methods(card),
        balance_first=card.methods.balance_first,
        consent=_consent(card),
        auto_top_up=order and shapes.AutoTopUp(threshold=amount(order.threshold), amount=amount(order.amount)),
    )


def _due(held: Held) -> shapes.Due | None:
    if held.card.consent is None:
        return None
    due = due_now(held.card, held.card.consent, held.rules, held.at)
    return shapes.Due(term_number=due.term_number, amount=amount(due.amount))


def quotes(held: Held) -> shapes.Quotes:
    """Today's prices; none where the plan is not sold any more."""
    found = [
        shapes.ShownQuote(
            months=one.months,
            price=amount(one.price),
            saving=amount(one.saving),
            reactivation_fee=maybe_amount(one.reactivation_fee),
            catalogue_version=one.catalogue_version,
        )
        for one in held.quotes()
    ]
    return shapes.Quotes(quotes=found, terms_version=TERMS_VERSION)


def name_of(fact: Fact) -> str:
    """The name of a kind of fact, without the version of its shape."""
    return NAME_OF[type(fact)].partition(".")[0]


def _methods(card: Card) -> list[shapes.Method]:
    return [
        shapes.Method(
            method_id=one.method_id,
            kind=one.kind,
            brand=one.brand,
            last4=one.last4,
            expires_on=one.expires_on,
            stopped=one.method_id in card.methods.ended,
        )
        for one in card.methods.bound
    ]


def _consent(card: Card) -> shapes.Consent | None:
    consent = card.consent
    return consent and shapes.Consent(
        months=consent.months,
        price=amount(consent.price),
        saving=amount(consent.saving),
        reactivation_fee=maybe_amount(consent.reactivation_fee),
        catalogue_version=consent.catalogue_version,
        given_at=consent.given_at,
    )


def _next_payment(card: Card, foreseen: CardFacts) -> shapes.NextPayment | None:
    payment = ahead.next_payment(card, foreseen)
    return payment and shapes.NextPayment(
        at=payment.at,
        total=amount(payment.total),
        from_balance=amount(payment.from_balance),
        from_method=amount(payment.amount),
        method_id=payment.method.method_id if payment.method else None,
    )


def _foreseen(card: Card, fact: CardFact) -> list[shapes.FutureEvent]:
    """What a fact to come means for the holder: a term that the balance pays for is paid and begins."""
    found: list[shapes.FutureEvent] = []
    if (payment := _next_payment(card, (fact,))) is not None:
        found.append(shapes.Payment(**payment.model_dump(exclude={"from_method"})))
    match fact:
        case ReminderDue(kind=kind):
            found.append(shapes.Reminder(at=fact.at, about=kind))
        case CardRenewed(term=term):
            found.append(shapes.TermBegins(at=term.starts_at, starts_on=term.starts_on, ends_on=term.ends_on))
        case GraceStarted(suspends_on=day):
            found.append(shapes.GraceBegins(at=fact.at, service_off_on=day))
        case Suspended(reclaimed_on=day):
            found.append(shapes.ServiceOff(at=fact.at, number_lost_on=day))
        case NumberReclaimed():
            found.append(shapes.NumberLost(at=fact.at))
        case _:
            pass
    return found
