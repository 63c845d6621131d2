"""No short life of a card gives back more money than was taken in, or a term for less than its price.

All short sequences of what people, the bank and the gateway may do are lived through. The money is counted from the
outside: what the gateway moved, what the bank took, and what the facts say of the balance.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from engine.calendar import term_from
from engine.card.balance import BalanceCredited
from engine.card.disputes import record_dispute
from engine.card.ending import end_term
from engine.card.event import Event
from engine.card.evolve import replay
from engine.card.giving_back import record_refund
from engine.card.lapse import confirm_reclaim
from engine.card.payments import ChargeSucceeded
from engine.card.term import CardRenewed
from engine.card.undoing import TermUndone
from engine.errors import Refused
from tests.engine.money_ledger import Ledger
from tests.engine.samples import CARD_ID, MONTH_PRICE, POLICY, ZONE, attempt_id, attempted, renewed, started, succeeded
from tests.engine.short_lives import AT, BEGIN, BY_HAND, STEPS, Life, after, cny


def wrong(before: Life, now: Life) -> str | None:
    """Which promise the last step broke."""
    ledger, new = now.ledger, now.facts[len(before.facts) :]
    if now.card.balance.minor != ledger.balance or min(ledger.balance, ledger.reserved) < 0:
        return f"the balance is {now.card.balance.minor}, by its facts {ledger.balance}"
    if ledger.beyond > max(0, ledger.lost):
        return f"{ledger.beyond} more than was taken went back, and the bank is to blame for {ledger.lost} only"
    paid = {one.attempt_id: one.amount.minor for one in now.facts if isinstance(one, ChargeSucceeded)}
    for fact in now.facts:
        if isinstance(fact, TermUndone) and (kept := kept_of(fact.attempt_id, now, paid)):
            return f"{kept} of a charge whose term was undone are kept, and nobody knows of it"
    for fact in new:
        if isinstance(fact, CardRenewed):
            given = fact.from_balance + (paid[fact.attempt_id] if fact.attempt_id else 0)
            if given != fact.price.minor:
                return f"a term of {fact.price.minor} is given for {given}"
    return None


def kept_of(attempt_id: UUID, life: Life, paid: Mapping[UUID, int]) -> int:
    """What we have of a charge that pays for nothing, unless its refund is under way or a person's case."""
    if any(one.attempt_id == attempt_id for one in life.card.refunds):
        return 0
    ledger = life.ledger
    onto = [one for one in life.facts if isinstance(one, BalanceCredited) and one.about == attempt_id]
    on_balance = sum(one.amount.minor for one in onto if one.reason == "refund")
    gone = ledger.given.get(attempt_id, 0) + ledger.disputed.get(attempt_id, 0) + on_balance
    return max(0, paid[attempt_id] - gone)


def further(life: Life) -> Iterator[Life]:
    for step in STEPS:
        try:
            yield from step(life)
        except Refused:
            continue


def search(begins: Life, depth: int) -> tuple[int, list[str]]:
    """How many states there are, and which wrongs."""
    seen: set[bytes] = set()
    found: list[str] = []
    lives = [begins]
    for _ in range(depth):
        ahead: list[Life] = []
        for life in lives:
            for one in further(life):
                problem = wrong(life, one)
                if problem is not None:
                    found.append(f"{', '.join(one.steps)}: {problem}")
                    continue
                key = msgspec.json.encode((one.card, sorted(one.ledger.by_gateway), one.ledger._replace(by_gateway=())))
                if key not in seen:
                    seen.add(key)
                    ahead.append(one)
        lives = ahead
    return len(seen), found


def life_of(*facts: Event) -> Life:
    return after(Life((), (), replay(None, CARD_ID, BEGIN), Ledger()), "", facts)._replace(facts=(*BEGIN, *facts))


PAID_BY_CARD = (started(), attempted(), succeeded(), renewed())
LOST = (*PAID_BY_CARD, *confirm_reclaim(replay(None, CARD_ID, (*BEGIN, *PAID_BY_CARD)), POLICY, at=AT))
SPENT = (
    *PAID_BY_CARD,
    *record_refund(
        replay(None, CARD_ID, (*BEGIN, *PAID_BY_CARD)),
        lambda _: None,
        attempt_id=attempt_id(),
        amount=cny(1000),
        to="balance",
        **BY_HAND,
    ),
    replace(started(), term_number=2),
    replace(
        renewed(), attempt_id=None, from_balance=1000, price=cny(1000), term=term_from(2, date(2026, 5, 1), 1, 1, ZONE)
    ),
)
"""A charge whose refund onto the balance paid for the next term."""


DISPUTED = record_dispute(
    replay(None, CARD_ID, (*BEGIN, *PAID_BY_CARD)),
    lambda _: None,
    attempt_id=attempt_id(),
    amount=MONTH_PRICE,
    **BY_HAND,
)
UNDONE = (
    *PAID_BY_CARD,
    *DISPUTED,
    *end_term(
        replay(None, CARD_ID, (*BEGIN, *PAID_BY_CARD, *DISPUTED)), lambda _: None, attempt_id=attempt_id(), at=AT
    ),
)
"""A term that the operator ended after the bank had taken its charge back."""


@pytest.mark.parametrize(
    ("begins", "depth"),
    [((), 5), (LOST, 5), (SPENT, 4), (UNDONE, 4)],
    ids=["new", "refund under way", "refund spent", "disputed and undone"],
)
def test_no_short_life_gives_back_more_than_was_taken(begins, depth):
    states, found = search(life_of(*begins), depth)
    assert states > 50
    assert not found, "\n".join(found[:20])
