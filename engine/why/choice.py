"""Why a payment method may be charged or not: what ended it, what delays it, and its place in the holder's order."""

from collections.abc import Sequence
from datetime import datetime

from engine.card.attempt import ChargeAttempted, ChargeWithheld
from engine.card.card import Card
from engine.card.decline import ChargeFailed
from engine.card.disputes import DisputeRecorded
from engine.card.methods import DISPUTED, PaymentMethodsOrdered
from engine.card.on_page import wallet_named
from engine.why.phrases import AUTHORITIES, clock, described, listed, withheld_by
from engine.why.story import Sentence, Story

Ending = ChargeFailed | ChargeWithheld | DisputeRecorded
_ENDINGS = (ChargeFailed, ChargeWithheld, DisputeRecorded)


def why_method(story: Story, place: int, attempt: ChargeAttempted) -> Sentence:
    """Why this method was charged: it was the first in the holder's order that could be."""
    wallet = wallet_named(attempt.method_id)
    if wallet is not None:
        return story.sentence(f"The holder chose to pay by {wallet.brand} on the provider's page.", place)
    before, at = story.cards[place - 1], attempt.at
    order = [method.method_id for method in before.methods.bound]
    chosen = described(before.methods.bound[order.index(attempt.method_id)])
    earlier = order[: order.index(attempt.method_id)]
    ordered = story.last(PaymentMethodsOrdered, place)
    by_order = (
        f"in the order chosen on {story.clock(ordered[0])}" if ordered else "in the order in which they were bound"
    )
    places = [place, *([ordered[0]] if ordered else [])]
    if len(order) == 1:
        return story.sentence(f"Method {chosen} was charged because it was the only one.", place)
    if not earlier:
        return story.sentence(f"Method {chosen} was charged because it was the first {by_order}.", *places)
    passed = [_passed(story, place - 1, before, method_id, at) for method_id in earlier]
    why = listed(text for text, _ in passed)
    text = f"Method {chosen} was charged because, {by_order}, {why}."
    return story.sentence(text, *places, *(one for _, found in passed for one in found))


def _passed(story: Story, upto: int, card: Card, method_id: str, at: datetime) -> tuple[str, Sequence[int]]:
    """Why a method that comes earlier in the order was not charged."""
    kept = why_not_chargeable(story, upto, card, method_id, at)
    if kept is not None:
        return kept
    tried, _ = story.origin(ChargeAttempted, upto, lambda fact: fact.method_id == method_id)
    return f"{method_id} had been tried already in this pass", [tried]


def why_not_chargeable(
    story: Story, upto: int, card: Card, method_id: str, at: datetime
) -> tuple[str, Sequence[int]] | None:
    """Why a bound method could not be charged at `at`, and the places of the facts; None if it could."""
    if method_id in card.methods.ended:
        return _ended(story, upto, card, method_id)
    until = card.methods.not_before.get(method_id)
    if until is not None and until > at:
        return _delayed(story, upto, method_id, until)
    return None


def _ended(story: Story, upto: int, card: Card, method_id: str) -> tuple[str, Sequence[int]]:
    instrument = next(one.instrument for one in card.methods.bound if one.method_id == method_id)

    def ends(one: Ending) -> bool:
        if isinstance(one, DisputeRecorded):
            concerned = one.instrument == instrument if one.instrument else one.method_id == method_id
            return concerned and card.methods.ended[method_id] == DISPUTED
        return one.method_id == method_id and _ends(one)

    place, fact = story.origin(_ENDINGS, upto, ends)
    match fact:
        case ChargeFailed():
            why = f"failed for good with code {fact.code}, {AUTHORITIES[fact.decided_by]}"
        case ChargeWithheld():
            why = f"was withheld for good, since {withheld_by(fact.reason, fact.limits_edition)}"
        case _:
            why = "was disputed"
    return f"{method_id} {why}, on {story.clock(place)}", [place]


def _ends(fact: ChargeFailed | ChargeWithheld) -> bool:
    return fact.ends_method if isinstance(fact, ChargeFailed) else fact.until is None


def _delayed(story: Story, upto: int, method_id: str, until: datetime) -> tuple[str, Sequence[int]]:
    def delays(one: ChargeFailed | ChargeWithheld) -> bool:
        if isinstance(one, ChargeWithheld):  # a last try that was withheld for a delay did not cause it
            return one.method_id == method_id and one.until == until and one.reason != "advice_delay"
        return one.method_id == method_id and one.not_before == until

    place, fact = story.origin((ChargeFailed, ChargeWithheld), upto, delays)
    if isinstance(fact, ChargeFailed):
        why = f"{AUTHORITIES[fact.decided_by]} after {fact.code} on {story.clock(place)}"
    else:
        why = f"since {withheld_by(fact.reason, fact.limits_edition)}, as found on {story.clock(place)}"
    return f"{method_id} was to be left alone until {clock(until, story.zone)}, {why}", [place]
