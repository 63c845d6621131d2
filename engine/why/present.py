"""The state of a card: its term, consent, methods, what is open, and what happens next."""

from engine.card.card import Card
from engine.card.consent import AutoRenewEnabled, PeriodChanged, PriceChangeAnnounced
from engine.card.lapse import GraceStarted
from engine.card.standing_order import AutoTopUpSet
from engine.card.undoing import TermUndone
from engine.money import Money
from engine.why.ahead import ahead
from engine.why.choice import why_not_chargeable
from engine.why.lapse import reclaim, refunds, suspension
from engine.why.obstacles import obstacles
from engine.why.phrases import described, listed, money
from engine.why.story import Sentence, Story


def present(story: Story) -> tuple[Sentence, ...]:
    """The card in a few sentences, and what happens next."""
    card = story.cards[-1]
    sentences = (
        _term(story, card),
        *_undone(story, card),
        *_status(story, card),
        *(_details(story, card) if card.status not in ("reclaimed", "closed") else ()),
        *refunds(story),
        ahead(story, story.end),
    )
    return tuple(dict.fromkeys(sentences))


def _term(story: Story, card: Card) -> Sentence:
    at, _ = story.term_began(story.end)
    text = f"Card {card.card_id} of {card.custody.holder_id} (plan {card.custody.plan}) is {_STATUS[card.status]}"
    term = f"its term {card.term.number} runs from {card.term.starts_on} to {card.term.ends_on} ({card.term.zone})"
    return story.sentence(f"{text}; {term}.", 0, at)


def _undone(story: Story, card: Card) -> tuple[Sentence, ...]:
    """The next term was paid, and ended before it began."""
    number = card.term.number
    undone = story.last(TermUndone, story.end, lambda one: one.term.number == number)
    return () if undone is None else (story.fact_sentence(undone[0]),)


def _status(story: Story, card: Card) -> tuple[Sentence, ...]:
    match card.status:
        case "suspended":
            return suspension(story)
        case "reclaimed":
            return reclaim(story)
        case "grace":
            at, _ = story.origin(GraceStarted, story.end)
            return story.fact_sentence(at), *_blocked(story)
        case _:
            return _blocked(story)


def _blocked(story: Story) -> tuple[Sentence, ...]:
    return obstacles(story, story.end, story.records[-1].fact.at)


def _details(story: Story, card: Card) -> tuple[Sentence, ...]:
    return (*_consent(story, card), *_methods(story, card), *_balance(story, card))


def _consent(story: Story, card: Card) -> tuple[Sentence, ...]:
    if card.consent is None:
        return ()
    agreed, _ = story.origin((AutoRenewEnabled, PeriodChanged), story.end)
    announced = [place for place, _ in story.backwards(PriceChangeAnnounced, story.end) if place > agreed]
    return story.fact_sentence(agreed), *(story.fact_sentence(place) for place in reversed(announced))


def _methods(story: Story, card: Card) -> tuple[Sentence, ...]:
    if not card.methods.bound:
        return (story.sentence("No payment method is bound.", story.end),)
    order = listed(described(one) for one in card.methods.bound)
    bound = story.sentence(f"Payment methods, in the order in which they are charged: {order}.", story.end)
    at = story.records[-1].fact.at
    kept = [
        found for one in card.methods.bound if (found := why_not_chargeable(story, story.end, card, one.method_id, at))
    ]
    return (bound, *(story.sentence(f"Method {text}.", *places) for text, places in kept))


def _balance(story: Story, card: Card) -> tuple[Sentence, ...]:
    balance = card.balance
    order = story.last(AutoTopUpSet, story.end)
    amount = story.sentence(
        f"Its balance is {money(Money(minor=balance.minor, currency=card.custody.currency))}.", story.end
    )
    standing_order = (
        (story.fact_sentence(order[0]),) if order is not None and card.top_ups.standing_order is not None else ()
    )
    return (*((amount,) if balance.minor or standing_order else ()), *standing_order)


_STATUS = {"active": "active", "grace": "in grace", "suspended": "suspended", "reclaimed": "lost", "closed": "closed"}
