"""What will happen to a card without a command: the decisions of time, taken ahead, as if every charge succeeded.

The same functions decide it that will decide it then, so what a holder is shown before agreeing is what will be done.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from engine.card.attempt import open_attempts
from engine.card.card import Card
from engine.card.custody import is_kept
from engine.card.evolve import evolve
from engine.card.facts import CardFact, CardFacts
from engine.card.lapse import NumberReclaimed
from engine.card.next import advance
from engine.card.on_page import surely_closed_at
from engine.card.outcomes import record_answer
from engine.card.refunds import RefundSucceeded
from engine.card.term import CardRenewed
from engine.card.wait import Wait
from engine.declines import NOT_PAID_ON_PAGE
from engine.ports import Charged, Declined
from engine.rules import Rules

LOOKS_MOST = 60
"""Wake-ups that are looked at; two years of an unpaid card need no more than forty."""
_INSTANT = timedelta(microseconds=1)


class Foreseen(NamedTuple):
    """The facts to come; the same is foreseen of the same card at any time before `until` (None: at any time)."""

    facts: CardFacts
    until: datetime | None


def outlook(card: Card, rules: Rules, at: datetime) -> CardFacts:
    """The facts to come, as `foresee` has them."""
    return foresee(card, rules, at).facts


def foresee(card: Card, rules: Rules, at: datetime) -> Foreseen:
    """The facts to come, in order, up to the next payment of a term or the loss of the number; () where none are known.

    Nothing is foreseen of a card that is held, or that waits for the answer of the gateway or of a person. A payment on
    the provider's page is taken to be left unpaid, and a refund to arrive. Charging that is stopped at present is taken
    to go on. What is due at once is foreseen for this instant alone.
    """
    rules = replace(rules, charging_stopped=False, gateway_down=False)
    foreseen: list[CardFact] = []
    if card.held_since is not None or not is_kept(card) or not _all_on_page(card):
        return Foreseen((), None)
    pays_term = card.attempts.open is not None
    begins = max(at, _page_closed_at(card)) if pays_term else at
    card, at = _refunded(_left_unpaid(card, rules, begins), at), begins
    until: datetime | None = at
    for number in range(LOOKS_MOST):
        card, facts, rest = advance(card, rules, at)
        card, settled = _settled(card, rules, at)
        foreseen += (*facts, *settled)
        if number == 0 and not foreseen and isinstance(rest, Wait) and not pays_term:
            until = rest.until
        if any(isinstance(one, CardRenewed | NumberReclaimed) for one in foreseen):
            break
        if settled:
            continue
        if not isinstance(rest, Wait) or rest.until is None:
            break
        at = max(rest.until, at + _INSTANT)
    return Foreseen(tuple(foreseen), until)


def _all_on_page(card: Card) -> bool:
    """Whether all that is awaited is what the holder may pay on the provider's page."""
    return all(one.page_until is not None and one.unknown is None for one in open_attempts(card.attempts))


def _page_closed_at(card: Card) -> datetime:
    return max(surely_closed_at(one.page_until) for one in open_attempts(card.attempts) if one.page_until is not None)


def _left_unpaid(card: Card, rules: Rules, at: datetime) -> Card:
    """The card after nobody paid on the provider's page."""
    unpaid = Declined(code=NOT_PAID_ON_PAGE)
    for attempt in open_attempts(card.attempts):
        for fact in record_answer(card, attempt.attempt_id, unpaid, learned="looked_up", rules=rules, at=at):
            card = evolve(card, card.card_id, fact)
    return card


def _refunded(card: Card, at: datetime) -> Card:
    """The card after its refunds arrived; one that a person has to make stays as it is."""
    for one in card.refunds:
        if not one.refused:
            arrived = RefundSucceeded(
                refund_id=one.refund_id, attempt_id=one.attempt_id, amount=one.amount, gateway_ref="foreseen", at=at
            )
            card = evolve(card, card.card_id, arrived)
    return card


def _settled(card: Card, rules: Rules, at: datetime) -> tuple[Card, CardFacts]:
    """The card after its open attempts succeeded, and the facts of that."""
    settled: list[CardFact] = []
    for attempt in open_attempts(card.attempts):
        charged = Charged(attempt_id=attempt.attempt_id, amount=attempt.amount, gateway_ref="foreseen")
        for fact in record_answer(card, attempt.attempt_id, charged, learned="sent", rules=rules, at=at):
            card = evolve(card, card.card_id, fact)
            settled.append(fact)
    return card, tuple(settled)
