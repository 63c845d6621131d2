"""What a card's facts mean for the network limits (networks.py): tries, their outcomes, and payment cards to block."""

from datetime import datetime
from uuid import UUID

from engine.card.attempt import ChargeAttempted
from engine.card.decline import ChargeFailed
from engine.card.event import Event
from engine.card.facts import CardFacts
from engine.card.payments import ChargeSucceeded
from engine.declines import Consequence
from engine.networks import LimitEffects, Network, PaymentCardTry, decline_reported

_CONCERNED = frozenset[type[Event]]({ChargeAttempted, ChargeFailed, ChargeSucceeded})


def effects_of(card_id: UUID, facts: CardFacts) -> LimitEffects:
    """What the facts of one append mean for the limits; a try that they settle as well is not open any more."""
    if _CONCERNED.isdisjoint(map(type, facts)):
        return LimitEffects(card_id)
    tries: dict[UUID, PaymentCardTry] = {}
    outcomes: dict[UUID, datetime | None] = {}
    blocks: list[str] = []
    delays: dict[str, datetime] = {}
    for fact in facts:
        match fact:
            case ChargeAttempted(fingerprint=str(fingerprint)):
                tries[fact.attempt_id] = _try(fact, fingerprint)
            case ChargeSucceeded(learned="late"):
                pass  # what the gateway called a decline stays one to the networks
            case ChargeSucceeded():
                _settle(tries, outcomes, fact.attempt_id, None)
            case ChargeFailed():
                _settle(tries, outcomes, fact.attempt_id, fact.at if fact.happened else None)
                if fact.consequence is Consequence.NEVER and fact.fingerprint is not None:
                    blocks.append(fact.fingerprint)
                _delay(delays, fact)
            case _:
                pass
    return LimitEffects(card_id, tuple(tries.values()), outcomes, tuple(blocks), delays)


def _try(fact: ChargeAttempted, fingerprint: str) -> PaymentCardTry:
    network: Network = "mastercard" if fact.brand and fact.brand.lower() == "mastercard" else "other"
    counts = fact.follows_decline or network == "mastercard"
    return PaymentCardTry(fact.attempt_id, fingerprint, network, fact.amount, fact.at, counts, last_rung=fact.last_rung)


def _delay(delays: dict[str, datetime], fact: ChargeFailed) -> None:
    """Advice holds for the payment card, wherever it is bound; our own second try in a rung is no advice."""
    if fact.fingerprint is not None and fact.not_before is not None and not fact.within_rung:
        delays[fact.fingerprint] = max(fact.not_before, delays.get(fact.fingerprint, fact.not_before))


def _settle(
    tries: dict[UUID, PaymentCardTry],
    outcomes: dict[UUID, datetime | None],
    attempt_id: UUID,
    declined_at: datetime | None,
) -> None:
    own = tries.get(attempt_id) if tries else None
    if declined_at is None:
        if own is None:
            outcomes[attempt_id] = None
        else:
            del tries[attempt_id]
    elif own is None:
        outcomes.setdefault(attempt_id, declined_at)
    else:
        tries[attempt_id] = decline_reported(own, declined_at)
