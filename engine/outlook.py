"""What will happen to a card by itself: the decisions of time, taken ahead, as if every charge succeeded.

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
from engine.card.outcomes import record_answer
from engine.card.step import Wait
from engine.card.term import CardRenewed
from engine.ports import Charged
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

    Nothing is foreseen of a card that is held, or that waits for the answer of the gateway or of a person. Charging
    that is stopped at present is taken to go on. What is due at once is foreseen for this instant alone.
    """
    rules = replace(rules, charging_stopped=False, gateway_down=False)
    foreseen: list[CardFact] = []
    if card.held_since is not None or open_attempts(card.attempts) or not is_kept(card):
        return Foreseen((), None)
    until: datetime | None = at
    for number in range(LOOKS_MOST):
        card, facts, rest = advance(card, rules, at)
        card, settled = _settled(card, rules, at)
        foreseen += (*facts, *settled)
        if number == 0 and not foreseen and isinstance(rest, Wait):
            until = rest.until
        if any(isinstance(one, CardRenewed | NumberReclaimed) for one in foreseen):
            break
        if settled:
            continue
        if not isinstance(rest, Wait) or rest.until is None:
            break
        at = max(rest.until, at + _INSTANT)
    return Foreseen(tuple(foreseen), until)


def _settled(card: Card, rules: Rules, at: datetime) -> tuple[Card, CardFacts]:
    """The card after its open attempts succeeded, and the facts of that."""
    settled: list[CardFact] = []
    for attempt in open_attempts(card.attempts):
        charged = Charged(attempt_id=attempt.attempt_id, amount=attempt.amount, gateway_ref="foreseen")
        for fact in record_answer(card, attempt.attempt_id, charged, learned="sent", rules=rules, at=at):
            card = evolve(card, card.card_id, fact)
            settled.append(fact)
    return card, tuple(settled)
