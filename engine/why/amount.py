"""Why an attempt asked for this amount: the price that the holder knew, the reactivation fee, the balance."""

from msgspec.structs import replace

from engine.card.attempt import ChargeAttempted
from engine.card.consent import AutoRenewEnabled, PeriodChanged, PriceChangeAnnounced
from engine.card.lapse import Suspended
from engine.card.standing_order import AutoTopUpSet
from engine.card.term import RenewalStarted
from engine.card.top_ups import TopUpStarted
from engine.money import Money
from engine.why.phrases import count, money
from engine.why.story import Sentence, Story

_PriceFact = AutoRenewEnabled | PeriodChanged | PriceChangeAnnounced
"""Facts by which the holder agreed to a price or was notified of it."""


def why_amount(story: Story, place: int, attempt: ChargeAttempted) -> tuple[Sentence, ...]:
    """Where the amount comes from."""
    if attempt.top_up is not None:
        return (_top_up(story, place, attempt),)
    at, offer = story.origin(RenewalStarted, place)
    fee = attempt.amount.minor + attempt.from_balance - offer.price.minor
    return (
        _price(story, at, offer),
        *([_fee(story, place, offer.price, fee)] if fee else []),
        *([_balance(story, place, attempt)] if attempt.from_balance else []),
    )


def _price(story: Story, place: int, offer: RenewalStarted) -> Sentence:
    def agreed(fact: _PriceFact) -> bool:
        return (fact.price, fact.catalogue_version, fact.months) == (offer.price, offer.catalogue_version, offer.months)

    at, known = story.origin((AutoRenewEnabled, PeriodChanged, PriceChangeAnnounced), place, agreed)
    price = f"The price of {money(offer.price)} for {count(offer.months, 'month')}, of catalogue version "
    price += f"{offer.catalogue_version}, was"
    if isinstance(known, PriceChangeAnnounced):
        how = f"announced to the holder on {story.clock(at)}, applying from {known.applies_from} on"
    else:
        terms = f"under terms {known.terms_version}, through {known.channel}"
        how = f"agreed to by the holder on {story.clock(at)}, {terms}"
    return story.sentence(f"{price} {how}; the offer of {story.clock(place)} holds it.", at, place)


def _fee(story: Story, place: int, price: Money, fee: int) -> Sentence:
    off, _ = story.origin(Suspended, place)
    amount = money(replace(price, minor=fee))
    text = f"A reactivation fee of {amount} came on top, because the service was off since {story.clock(off)}."
    return story.sentence(text, off, place)


def _balance(story: Story, place: int, attempt: ChargeAttempted) -> Sentence:
    part = money(replace(attempt.amount, minor=attempt.from_balance))
    due = replace(attempt.amount, minor=attempt.amount.minor + attempt.from_balance)
    text = f"Of the {money(due)} due, {part} was reserved from the balance, which the holder wants spent first"
    return story.sentence(f"{text}; {money(attempt.amount)} was left to charge.", place)


def _top_up(story: Story, place: int, attempt: ChargeAttempted) -> Sentence:
    at, top_up = story.origin(TopUpStarted, place)
    if not top_up.automatic:
        return story.sentence(
            f"The amount of {money(attempt.amount)} is what was asked for on {story.clock(at)}.", at, place
        )
    ordered, _ = story.origin(AutoTopUpSet, at)
    text = f"The amount of {money(attempt.amount)} is that of the holder's standing order of {story.clock(ordered)}."
    return story.sentence(text, ordered, at, place)
