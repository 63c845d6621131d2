"""Short lives of a card: all that people, the bank and the gateway may do next, and its money counted from outside."""

from collections.abc import Callable, Iterator
from typing import NamedTuple
from uuid import UUID

from engine.card.card import Card
from engine.card.charge import renew_now
from engine.card.custody import close_card
from engine.card.disputes import record_dispute, record_dispute_won
from engine.card.ending import end_term
from engine.card.event import Event
from engine.card.evolve import replay
from engine.card.giving_back import record_refund, refund_charge
from engine.card.lapse import confirm_reclaim
from engine.card.methods import PaymentMethodsOrdered
from engine.card.next import advance, next_step
from engine.card.outcomes import record_answer
from engine.card.payments import ChargeSucceeded
from engine.card.recall import charge_in
from engine.card.refunding import AskRefund, record_refund_answer
from engine.card.refunds import RefundSucceeded, to_give_back
from engine.errors import Refused
from engine.money import Money
from engine.ports import Charged, Declined, RefundDeclined, Refunded, Unclear
from engine.questions import refund_request
from tests.engine.money_ledger import Ledger, booked
from tests.engine.samples import (
    CARD_ID,
    MONTH_PRICE,
    OPENS_AT,
    PAYING,
    POLICY,
    REGISTERED_AT,
    RULES,
    SECOND,
)
from tests.engine.topped_up import topped_up

BEGIN = (*PAYING, PaymentMethodsOrdered(method_ids=("visa",), balance_first=True, at=REGISTERED_AT))
AT = OPENS_AT + SECOND
LATER = AT + POLICY.case_after
"""When the gateway is asked for what is under way."""
BY_HAND = {"evidence": "letter", "at": AT}


class Life(NamedTuple):
    """A card, what led to it, and its money."""

    steps: tuple[str, ...]
    facts: tuple[Event, ...]
    card: Card
    ledger: Ledger


def after(life: Life, step: str, facts, ledger: Ledger | None = None, *, is_known: bool = False) -> Life:
    ledger = ledger or life.ledger
    for fact in facts:
        ledger = booked(ledger, fact, is_known=is_known)
    card = replay(life.card, CARD_ID, facts) if facts else life.card
    return Life((*life.steps, step), (*life.facts, *facts), card, ledger)


# What may happen


def charges(life: Life) -> list[ChargeSucceeded]:
    """The first charge and the last one."""
    found = [one for one in life.facts if isinstance(one, ChargeSucceeded)]
    return [*found[:1], *found[1:][-1:]]


def cny(minor: int) -> Money:
    return Money(minor=minor, currency="CNY")


def top_ups(life: Life) -> Iterator[Life]:
    if life.card.status == "active" and life.card.top_ups.begun < 2:
        for amount in (MONTH_PRICE, cny(1000)):
            facts = topped_up(life.card.top_ups.begun + 1, AT, amount)
            yield after(life, f"top-up of {amount.minor}", facts)


def renewals(life: Life) -> Iterator[Life]:
    asked = renew_now(life.card, RULES, at=AT)
    card = replay(life.card, CARD_ID, asked)
    _, facts, _ = advance(card, RULES, AT)
    yield after(life, "renewal", (*asked, *facts))


def answers(life: Life) -> Iterator[Life]:
    attempt = life.card.attempts.open
    if attempt is None:
        return
    said = (
        Charged(attempt_id=attempt.attempt_id, amount=attempt.amount, gateway_ref="ref"),
        Declined(code="insufficient_funds"),
    )
    for answer in said:
        ask = (life.card, attempt.attempt_id, answer)
        facts = record_answer(*ask, learned="sent", rules=RULES, at=AT)
        yield after(life, type(answer).__name__, facts)


def recall(life: Life):
    return lambda attempt_id: charge_in(life.facts, attempt_id)


def refunds_by_hand(life: Life) -> Iterator[Life]:
    for number, charge in enumerate(charges(life)):
        for minor in {charge.amount.minor, 500}:
            for to in ("method", "balance"):
                for ends_term in (False, True):
                    about = {"attempt_id": charge.attempt_id, "amount": cny(minor), "to": to, "ends_term": ends_term}
                    facts = refused_or(record_refund, life, **about)
                    name = f"refund of {minor} of charge {number} to {to}{' ending its term' if ends_term else ''}"
                    if facts and not any(one.attempt_id == charge.attempt_id for one in life.card.refunds):
                        yield after(life, name, facts)


def refunds_by_gateway(life: Life) -> Iterator[Life]:
    for number, charge in enumerate(charges(life)):
        for minor in {charge.amount.minor, 500}:
            for ends_term in (False, True):
                about = {"attempt_id": charge.attempt_id, "amount": cny(minor), "ends_term": ends_term, "at": AT}
                facts = refund_charge(life.card, recall(life), **about)
                yield after(life, f"refund of {minor} of charge {number} by the gateway", facts)


def returns(life: Life) -> Iterator[Life]:
    """A refund that had succeeded comes back to us."""
    arrived = [fact for fact in life.facts if isinstance(fact, RefundSucceeded)]
    for one in arrived[-1:]:
        about = {"rules": RULES, "recall": recall(life), "at": AT}
        facts = record_refund_answer(life.card, refund_request(CARD_ID, one), RefundDeclined(code="closed"), **about)
        if facts:
            ledger = life.ledger.plus("given", one.attempt_id, -one.amount.minor)
            ledger = ledger._replace(by_gateway=ledger.by_gateway - {one.refund_id})
            yield after(life, "refund came back", facts, ledger)


def disputes(life: Life) -> Iterator[Life]:
    if life.ledger.paid_out:
        return  # the bank may take what was paid out once more
    for number, charge in enumerate(charges(life)):
        for minor in {charge.amount.minor, 500}:
            about = {"attempt_id": charge.attempt_id, "amount": cny(minor)}
            for what in (record_dispute, record_dispute_won):
                facts = refused_or(what, life, **about)
                if facts:
                    yield after(life, f"{what.__name__} of {minor} of charge {number}", facts)


def refused_or(decision, life: Life, **about):
    try:
        return decision(life.card, recall(life), **about, **BY_HAND)
    except Refused:
        return ()


def pay_outs(life: Life) -> Iterator[Life]:
    if life.card.balance.minor:
        amount = cny(life.card.balance.minor)
        facts = record_refund(life.card, recall(life), attempt_id=None, amount=amount, to="method", **BY_HAND)
        yield after(life, "paid out", facts)


def terms_ended(life: Life) -> Iterator[Life]:
    """The operator ends the term that the last charge paid for, once nothing is left of it."""
    for charge in charges(life)[-1:]:
        facts = refused_or_ended(life, charge.attempt_id)
        if facts:
            yield after(life, "term ended", facts)


def refused_or_ended(life: Life, about: UUID):
    try:
        return end_term(life.card, recall(life), attempt_id=about, at=AT)
    except Refused:
        return ()


def ends(life: Life) -> Iterator[Life]:
    yield after(life, "closed", close_card(life.card, reason="holder", at=AT))
    yield after(life, "reclaimed", confirm_reclaim(life.card, POLICY, at=AT))


def gateway(life: Life) -> Iterator[Life]:
    """Asked for a refund it makes it, says so or not, or refuses it."""
    step = next_step(life.card, RULES, LATER if life.card.attempts.open is None else AT)
    if not isinstance(step, AskRefund):
        return
    one = step.refund
    made = one.refund_id in life.ledger.by_gateway
    moved = life.ledger
    if not made:
        moved = moved.plus("given", one.attempt_id, one.amount.minor)
        moved = moved._replace(by_gateway=moved.by_gateway | {one.refund_id})
    told = Refunded(refund_id=one.refund_id, amount=one.amount, gateway_ref="ref")
    said = [("made", told, moved), ("made in silence", Unclear(reason="timeout"), moved)]
    if not made:
        said += [("refused", RefundDeclined(code="no"), life.ledger), ("lost", Unclear(reason="timeout"), life.ledger)]
    for name, answer, ledger in said:
        about = {"rules": RULES, "recall": recall(life), "at": AT}
        facts = record_refund_answer(life.card, refund_request(CARD_ID, one), answer, **about)
        yield after(life, f"refund {name}", facts, ledger)


def people(life: Life) -> Iterator[Life]:
    """A person looks into a case and records what is so: the gateway has made the refund, or what is owed is given."""
    _, facts, _ = advance(life.card, RULES, LATER) if life.card.attempts.open is None else (None, (), None)
    cases = tuple(one for one in facts if type(one).__name__ == "CaseOpened")
    card = replay(life.card, CARD_ID, cases) if cases else life.card
    for one in card.refunds:
        made = one.refund_id in life.ledger.by_gateway and not one.refused
        if not (one.case_opened or one.refused):
            continue
        amount = one.amount if made else cny(to_give_back(card, one))
        about = {"attempt_id": one.attempt_id, "amount": amount, "to": "method"}
        facts = record_refund(card, recall(life), **about, **BY_HAND)
        yield after(life, "a person", (*cases, *facts), is_known=made)


STEPS: tuple[Callable[[Life], Iterator[Life]], ...] = (
    top_ups,
    renewals,
    answers,
    refunds_by_hand,
    refunds_by_gateway,
    returns,
    disputes,
    pay_outs,
    terms_ended,
    ends,
    gateway,
    people,
)
