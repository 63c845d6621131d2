"""What the gateway found of a card's charges after a restore: recorded as if the log had never lost them.

A charge counts for what it was made for if the restored card can explain it: the next term at its price, or a top-up.
What the holder had agreed to when it was made counts, also where that was changed or withdrawn since: whoever gives the
lost commands again may be quicker than the list. One that is not needed (the term is paid, the card given up, the money
back already) goes back. One that the card has no reason for is a case for a person, and the gap stays open: the
commands that explain it were lost, and are given again, or it is refunded at the gateway.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from engine.card.attempt import Attempt, CaseOpened, open_attempt
from engine.card.card import Card
from engine.card.consent import AutoRenewEnabled, AutoRenewSwitchedOff, Consent, PeriodChanged
from engine.card.custody import is_kept
from engine.card.deadlines import DeadlinesMoved, move_deadlines
from engine.card.decline import TRY_AGAIN, Decline, charge_failed
from engine.card.doubt import delayed_since
from engine.card.evolve import replay
from engine.card.facts import CardFacts
from engine.card.gap import UNEXPLAINED, ChargeFound, GapClosed, list_is_complete_at, open_gap
from engine.card.lapse import Suspended, lapse
from engine.card.outcomes import record_answer
from engine.card.recall import Past
from engine.card.refunds import RefundRecorded
from engine.card.term import amount_due, offer, on_offer, open_since
from engine.card.top_ups import TopUpFailed, TopUpStarted
from engine.card.wait import Wait
from engine.card.waking import Deferred
from engine.declines import NEVER_HAPPENED
from engine.money import Money
from engine.ports import Charged, ChargesFound, Declined, FoundCharge, Unclear
from engine.rules import Rules

EVIDENCE = "the gateway's list after a restore"


def close_gap(card: Card, answer: ChargesFound | Unclear, rules: Rules, past: Past, at: datetime) -> CardFacts:
    """What the gateway's list means; () when the card's gap is closed already.

    The last fact is Deferred where the gap stays open: no answer, not yet complete, or a charge is unexplained.
    """
    gap, policy = open_gap(card, rules), rules.policy
    if gap is None:
        return ()
    if isinstance(answer, Unclear):
        return (Deferred(reason="restored", until=at + policy.ask_again_after[:2][-1], at=at),)
    after, facts = _record(card, answer.charges, rules, past, at)
    complete_at = list_is_complete_at(gap, rules.provider)
    if at < complete_at:
        return (*facts, Deferred(reason="restored", until=complete_at, at=at))
    if after.gap.unexplained:
        return (*facts, Deferred(reason="restored", until=at + policy.look_up_every, at=at))
    return (*facts, GapClosed(until=gap.until, at=at), *_move(after, rules, at))


def _move(card: Card, rules: Rules, at: datetime) -> tuple[DeadlinesMoved, ...]:
    """The time lost by the restore does not count against the holder of an unpaid card.

    That of a held card is counted up to the hold, which counts what follows.
    """
    if card.consent is None or not is_kept(card):
        return ()
    since, opened = delayed_since(card, rules, at), open_since(card, rules.policy)
    return move_deadlines(card, "restored", since, opened, at, until=card.held_since)


def _record(
    card: Card, charges: Iterable[FoundCharge], rules: Rules, past: Past, at: datetime
) -> tuple[Card, CardFacts]:
    """The card with all its charges, and the facts that record those it did not have."""
    facts: CardFacts = ()
    for one in sorted(charges, key=_order):
        known = any(payment.attempt_id == one.attempt_id for payment in card.payments)
        if known or past.charge(one.attempt_id) is not None:
            continue
        new = _recorded(card, one, rules, past, at)
        if new is None:
            again = one.attempt_id in card.gap.unexplained
            new = () if again else (CaseOpened(about=one.attempt_id, reason=UNEXPLAINED, at=at),)
        card, facts = replay(card, card.card_id, new), facts + new
    return card, facts


class _Purpose(NamedTuple):
    """What a charge was made for: the renewal of a term or a top-up, by its number."""

    kind: str
    number: int


def _purpose(one: FoundCharge) -> _Purpose:
    """As `engine.questions` named it to the gateway; number -1 for what we never asked for."""
    kind, _, number = one.purpose.partition(":")
    return _Purpose(kind, int(number) if kind in ("renewal", "top_up") and number.isdecimal() else -1)


def _has_money_left(one: FoundCharge) -> bool:
    """Whether some of its money is still ours."""
    return one.refunded_minor < one.amount.minor


def _order(one: FoundCharge) -> tuple[_Purpose, bool, datetime]:
    return _purpose(one), not _has_money_left(one), one.charged_at


def _recorded(card: Card, one: FoundCharge, rules: Rules, past: Past, at: datetime) -> CardFacts | None:
    """The facts of one charge that the card does not have; None where it has no reason for it."""
    if any(closed.attempt_id == one.attempt_id for closed in card.attempts.closed):
        return _settled(card, one, (), rules, at)
    attempt = open_attempt(card.attempts, one.attempt_id)
    if attempt is not None:
        before = () if _has_money_left(one) else _not_charged(card, attempt, rules, at)
        return _settled(card, one, before, rules, at)
    kind, number = _purpose(one)
    if number < 0:
        return None
    if _has_money_left(one) and is_kept(card):
        if kind == "renewal" and number > card.term.number:
            return _next_term(card, one, rules, past, at) if number == card.term.number + 1 else None
        under_way = card.top_ups.under_way
        if kind == "top_up" and (number > card.top_ups.begun or (under_way and under_way.number == number)):
            return _top_up(card, one, number, rules, at)
    return _settled(card, one, (_found(card, one, at, pays=False),), rules, at)


def _next_term(card: Card, one: FoundCharge, rules: Rules, past: Past, at: datetime) -> CardFacts | None:
    """The charge pays for the next term at its price, of which the balance may have paid a part.

    What is on offer, else what is agreed to, is looked at first, then what was agreed to before.
    """
    is_offered = card.renewal is not None and not card.renewal.is_over and not card.renewal.stale
    if is_offered and (paid := _paid(card, one, (), rules, at)) is not None:
        return paid
    if not is_offered and card.consent is not None:
        paid = _paid(card, one, (offer(card, card.consent, rules, at),), rules, at)
        if paid is not None:
            return paid
    for was, consent in _agreed_before(card, one, past):
        paid = _paid(card, one, (offer(was, consent, rules, at),), rules, at)
        if paid is not None:
            return paid
    return None


def _agreed_before(card: Card, one: FoundCharge, past: Past) -> Iterator[tuple[Card, Consent]]:
    """The card as it was before each change of consent since the charge, the newest first."""
    facts = past.facts()
    for place in reversed(range(len(facts))):
        if isinstance(facts[place], AutoRenewEnabled | PeriodChanged | AutoRenewSwitchedOff):
            if facts[place].at < one.charged_at:
                return
            was = replay(None, card.card_id, facts[:place])
            if was.consent is not None:
                yield was, was.consent


def _paid(card: Card, one: FoundCharge, facts: CardFacts, rules: Rules, at: datetime) -> CardFacts | None:
    """The charge as payment of what is on offer after `facts`; None where it is not its price.

    It may be the price of a card whose service was off, which the log has lost too.
    """
    card = replay(card, card.card_id, facts)
    if card.attempts.open is not None:
        failed = _not_charged(card, card.attempts.open, rules, at)
        card, facts = replay(card, card.card_id, failed), facts + failed
    paid = _covered(card, one, facts, rules, at)
    lapsed = lapse(card, rules.policy, at)
    if paid is None and not isinstance(lapsed, Wait) and isinstance(lapsed[0], Suspended):
        paid = _covered(replay(card, card.card_id, lapsed), one, (*facts, *lapsed), rules, at)
    return paid


def _covered(card: Card, one: FoundCharge, facts: CardFacts, rules: Rules, at: datetime) -> CardFacts | None:
    """The charge as payment of what is due of a card that has these facts already; None where it is not its price."""
    due = amount_due(card, on_offer(card.renewal))
    rest = due.minor - one.amount.minor
    may_pay = card.balance.minor if card.methods.balance_first else 0
    if one.amount.currency != due.currency or not 0 <= rest <= may_pay:
        return None
    return _settled(card, one, (*facts, _found(card, one, at, pays=True, from_balance=rest)), rules, at, len(facts))


def _top_up(card: Card, one: FoundCharge, number: int, rules: Rules, at: datetime) -> CardFacts | None:
    """The charge is a payment onto the balance."""
    if one.amount.currency != card.custody.currency:
        return None
    facts: CardFacts = ()
    if card.attempts.top_up is not None:
        facts = _not_charged(card, card.attempts.top_up, rules, at)
    under_way = replay(card, card.card_id, facts).top_ups.under_way
    if under_way is None or under_way.number != number:
        if under_way is not None:
            facts += (TopUpFailed(number=under_way.number, last_code=under_way.last_code, at=at),)
        order = card.top_ups.standing_order
        automatic = order is not None and order.amount == one.amount
        facts += (TopUpStarted(number=number, amount=one.amount, automatic=automatic, at=at),)
    card = replay(card, card.card_id, facts)
    return _settled(card, one, (*facts, _found(card, one, at, pays=True)), rules, at, len(facts))


def _found(card: Card, one: FoundCharge, at: datetime, *, pays: bool, from_balance: int = 0) -> ChargeFound:
    kind, number = _purpose(one)
    method = next((each for each in card.methods.bound if each.token == one.token), None)
    return ChargeFound(
        attempt_id=one.attempt_id,
        term_number=number if kind == "renewal" else card.term.number,
        method_id=method.method_id if method else one.token,
        token=one.token,
        amount=one.amount,
        charged_at=one.charged_at,
        pays=pays,
        top_up=number if kind == "top_up" else None,
        from_balance=from_balance,
        fingerprint=method.fingerprint if method else None,
        at=at,
    )


def _not_charged(card: Card, attempt: Attempt, rules: Rules, at: datetime) -> CardFacts:
    """Another charge for its purpose was made after it, or its money went back: it is over."""
    decline = Decline(Declined(code=NEVER_HAPPENED), TRY_AGAIN, "looked_up")
    return charge_failed(card, attempt, decline, rules.policy, at)


def _settled(card: Card, one: FoundCharge, facts: CardFacts, rules: Rules, at: datetime, applied: int = 0) -> CardFacts:
    """The facts, of which `applied` are in the card already, and the success after them, less what went back of it."""
    card = replay(card, card.card_id, facts[applied:])
    answer = Charged(attempt_id=one.attempt_id, amount=one.amount, gateway_ref=one.gateway_ref)
    paid = record_answer(card, one.attempt_id, answer, learned="looked_up", rules=rules, at=at)
    if not one.refunded_minor or not _has_money_left(one):
        return facts + paid
    back = Money(minor=one.refunded_minor, currency=one.amount.currency)
    return (*facts, *paid, RefundRecorded(attempt_id=one.attempt_id, amount=back, evidence=EVIDENCE, at=at))
