"""Why an attempt was made on this day: the opening, a rung, another method, the holder's wish, a top-up."""

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from engine.calendar import local_date
from engine.card.allowing import PaymentMethodAllowed
from engine.card.attempt import ChargeAttempted, ChargeWithheld
from engine.card.charge import RenewalRequested
from engine.card.consent import AutoRenewEnabled, PeriodChanged
from engine.card.deadlines import last_day
from engine.card.decline import ChargeFailed
from engine.card.methods import PaymentMethodBound, PaymentMethodUpdated
from engine.card.standing_order import AutoTopUpSet
from engine.card.term import AttemptReason, RenewalStarted
from engine.card.top_ups import TopUpStarted
from engine.declines import NOT_PAID_ON_PAGE
from engine.why.phrases import clock, count, money, withheld_by
from engine.why.story import Sentence, Story

_NOT_CHARGED = (ChargeFailed, ChargeWithheld)
"""Facts that end a try without a charge."""


def why_then(story: Story, place: int, attempt: ChargeAttempted) -> Sentence:
    """What triggered an attempt."""
    return _TRIGGERS[attempt.reason](story, place, attempt)


def _opened(story: Story, place: int, attempt: ChargeAttempted) -> Sentence:
    at, offer = story.origin(RenewalStarted, place)
    term = story.cards[place - 1].term
    if offer.at >= term.ends_at:
        text = f"the term had ended on {term.ends_on} and the renewal was opened at once, on {story.clock(at)}"
    elif offer.at == attempt.at:
        text = f"the renewal of the term that ends on {term.ends_on} had opened, on {story.clock(at)}"
    else:
        text = (
            f"the renewal of the term that ends on {term.ends_on}, offered on {story.clock(at)}, was open"
            " and nothing had been tried in it yet"
        )
    method_id = attempt.method_id
    given = story.last((PaymentMethodBound, PaymentMethodUpdated), place, lambda one: one.method.method_id == method_id)
    if given is None or given[0] < at:
        return story.sentence(f"It was made then because {text}.", at, place)
    since = f"and method {method_id} could be charged since {story.clock(given[0])}"
    return story.sentence(f"It was made then because {text}, {since}.", at, given[0], place)


def _rung(story: Story, place: int, attempt: ChargeAttempted) -> Sentence:
    card = story.cards[place - 1]
    text = f"It was made then as rung {attempt.rung} of the retry ladder"
    places = [place]
    first = _first_failure(story, place, attempt.term_number)
    if first is not None:
        at, failure = first
        text += f", which counts from the first failure on {story.clock(at)} ({failure.code})"
        places.append(at)
    if local_date(attempt.at, card.term.zone) == last_day(card):
        text += "; it was put on the last day before the number is lost"
    return story.sentence(f"{text}.", *places)


def is_try(fact: ChargeFailed | ChargeWithheld) -> bool:
    """Whether it ends a try of a pass over the methods: not what was for the balance, or not paid on a page."""
    return fact.top_up is None and not (isinstance(fact, ChargeFailed) and fact.code == NOT_PAID_ON_PAGE)


def _first_failure(story: Story, upto: int, term_number: int) -> tuple[int, ChargeFailed] | None:
    def counts(fact: ChargeFailed) -> bool:
        return fact.term_number == term_number and fact.top_up is None and fact.rung > 0 and fact.counts

    *_, first = None, *story.backwards(ChargeFailed, upto, counts)
    return first


def _next_method(story: Story, place: int, attempt: ChargeAttempted) -> Sentence:
    """The try before it in the pass failed or was withheld, or a delay within the pass was over."""
    until = story.cards[place - 1].methods.not_before.get(attempt.method_id)
    at, last = story.origin(_NOT_CHARGED, place, lambda fact: fact.term_number == attempt.term_number and is_try(fact))
    if until is not None and last.at < until <= attempt.at:
        text = f"It was made then because {attempt.method_id} was to be left alone until {clock(until, story.zone)}"
        return story.sentence(f"{text}, and was still to be tried in rung {attempt.rung}.", place)
    what = last.code if isinstance(last, ChargeFailed) else withheld_by(last.reason, last.limits_edition)
    text = (
        f"It was made then because the try before it in rung {attempt.rung}, of {last.method_id}, had come to nothing"
    )
    return story.sentence(f"{text} on {story.clock(at)} ({what}), and the next method is tried at once.", at, place)


def _soon(story: Story, place: int, attempt: ChargeAttempted) -> Sentence:
    at, last = story.origin(ChargeFailed, place, lambda fact: fact.method_id == attempt.method_id)
    text = f"It was made then as the quick second try within rung {attempt.rung}, after the passing trouble {last.code}"
    return story.sentence(f"{text} on {story.clock(at)}.", at, place)


def _new_method(story: Story, place: int, _: ChargeAttempted) -> Sentence:
    at, given = story.origin((PaymentMethodBound, PaymentMethodUpdated, PaymentMethodAllowed), place)
    match given:
        case PaymentMethodAllowed(method_id=method_id):
            what = "allowed again"
        case _:
            method_id, what = given.method.method_id, "bound" if isinstance(given, PaymentMethodBound) else "updated"
    text = f"It was made then because method {method_id} was {what} on {story.clock(at)}"
    return story.sentence(
        f"{text}, while the term was unpaid; that is tried at once and is no rung of the ladder.", at, place
    )


def _asked(story: Story, place: int, _: ChargeAttempted) -> Sentence:
    at, wish = story.origin((RenewalRequested, AutoRenewEnabled), place)
    what = "asked for it" if isinstance(wish, RenewalRequested) else "switched auto-renewal on"
    text = f"It was made then because the holder {what} on {story.clock(at)}"
    return story.sentence(f"{text}; that is tried at once and is no rung of the ladder.", at, place)


def _on_page(story: Story, place: int, attempt: ChargeAttempted) -> Sentence:
    until = f" until {clock(attempt.page_until, story.zone)}" if attempt.page_until else ""
    text = "It was made then because the holder asked to pay at once on the provider's page, which was open"
    return story.sentence(f"{text}{until}; that is no rung of the ladder.", place)


def _new_terms(story: Story, place: int, _: ChargeAttempted) -> Sentence:
    at, given = story.origin((PeriodChanged, AutoRenewEnabled), place)
    text = f"It was made then because the holder agreed to {count(given.months, 'month')} at {money(given.price)}"
    return story.sentence(
        f"{text} on {story.clock(at)}, while the term was unpaid; that is tried at once and is no rung of the ladder.",
        at,
        place,
    )


def _top_up(story: Story, place: int, _: ChargeAttempted) -> Sentence:
    at, top_up = story.origin(TopUpStarted, place)
    if not top_up.automatic:
        text = f"It was made then because top-up {top_up.number} was asked for on {story.clock(at)}."
        return story.sentence(text, at, place)
    ordered, order = story.origin(AutoTopUpSet, at)
    balance = replace(top_up.amount, minor=story.cards[at].balance.minor)
    below = f" below {money(order.threshold)}" if order.threshold else ""
    text = f"It was made then because the balance of {money(balance)} was{below}, and top-up {top_up.number} fell due"
    return story.sentence(f"{text} by the standing order on {story.clock(at)}.", ordered, at, place)


_TRIGGERS: Mapping[AttemptReason, Callable[[Story, int, ChargeAttempted], Sentence]] = {
    "renewal_opened": _opened,
    "next_rung": _rung,
    "next_method": _next_method,
    "soon": _soon,
    "new_method": _new_method,
    "new_terms": _new_terms,
    "holder_asked": _asked,
    "top_up": _top_up,
    "on_page": _on_page,
}
