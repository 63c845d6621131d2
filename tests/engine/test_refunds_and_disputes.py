"""A refund that is not finished is not asked for what the holder's bank took back; won, it is owed again."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from engine.card.attempt import CaseOpened
from engine.card.balance import BalanceCredited
from engine.card.consent import AutoRenewSwitchedOff
from engine.card.disputes import DisputeWon, record_dispute, record_dispute_won
from engine.card.ending import end_term
from engine.card.evolve import replay
from engine.card.giving_back import record_refund
from engine.card.lapse import NumberReclaimed, confirm_reclaim
from engine.card.recall import charge_in
from engine.card.refunding import record_refund_answer
from engine.card.refunds import (
    RefundFailed,
    RefundOutcomeUnknown,
    RefundRecorded,
    RefundStarted,
    RefundSucceeded,
    refund_id_of,
)
from engine.card.undoing import TermUndone
from engine.money import Money
from engine.ports import RefundDeclined, Refunded, Unclear
from engine.questions import refund_request
from tests.engine.given_when_then import Given, Then, fact, given, no_older_charge
from tests.engine.samples import (
    CARD_ID,
    ENDS_AT,
    FIVE,
    MONTH_PRICE,
    OPENS_AT,
    PAID,
    PAYING,
    POLICY,
    RULES,
    SECOND,
    TEN,
    attempt_id,
)

LOST_AT = ENDS_AT - SECOND
LOST = given(*PAID).when(confirm_reclaim, POLICY, at=LOST_AT)
REFUNDING = (*PAID, *LOST.facts)
"""The number is lost, and the refund of its 15.00 is recorded."""
REFUND = refund_id_of(CARD_ID, attempt_id())
SOON = LOST_AT + POLICY.gateway_budget
ABOUT = {"attempt_id": attempt_id(), "evidence": "bank", "at": LOST_AT}
NOTHING = Money(minor=0, currency="CNY")


def cny(minor: int) -> Money:
    return Money(minor=minor, currency="CNY")


def disputed(card: Given, amount=MONTH_PRICE) -> Given:
    return Given(card.when(record_dispute, no_older_charge, amount=amount, **ABOUT).card)


def won(card: Given, amount=MONTH_PRICE) -> Then:
    return card.when(record_dispute_won, no_older_charge, amount=amount, **ABOUT)


def answered(card: Given, said, at=SOON) -> Then:
    about = {"rules": RULES, "recall": no_older_charge, "at": at}
    return card.when(record_refund_answer, refund_request(CARD_ID, card.card.refunds[0]), said, **about)


def by_hand(card: Given, amount) -> Then:
    return card.when(record_refund, no_older_charge, amount=amount, to="method", **ABOUT)


def case(card: Given, at=SOON) -> Given:
    then = card.at(at).then(fact(CaseOpened, about=REFUND, reason="refund_disputed", attempt_id=attempt_id()))
    then.waits(None, "reclaimed")
    return Given(then.card)


@pytest.mark.parametrize("amount", [MONTH_PRICE, FIVE], ids=["all", "a part"])
def test_a_refund_of_what_the_bank_took_too_is_not_asked_for_but_becomes_a_case(amount):
    card = disputed(given(*REFUNDING), amount)
    card.at(SOON - SECOND).nothing().waits(SOON, "refund_awaited")  # its first call may be under way
    case(card)


def test_it_is_not_asked_for_again_where_its_outcome_is_unknown():
    unclear = answered(given(*REFUNDING), Unclear(reason="timeout")).then(fact(RefundOutcomeUnknown))
    card = disputed(Given(unclear.card))
    case(card, at=unclear.facts[0].ask_again_at)


def test_an_answer_that_was_under_way_is_recorded_all_the_same():
    card = disputed(given(*REFUNDING))
    made = Refunded(refund_id=REFUND, amount=MONTH_PRICE, gateway_ref="refund-1")
    assert answered(card, made).then(fact(RefundSucceeded)).card.refunds == ()
    refused = answered(card, RefundDeclined(code="already_disputed")).then(fact(RefundFailed))
    Given(refused.card).at(SOON + POLICY.case_after).nothing().waits(None, "reclaimed")
    by_hand(Given(refused.card), MONTH_PRICE).refused("not_what_is_owed")
    by_hand(Given(refused.card), NOTHING).then(fact(RefundRecorded, amount=NOTHING))


@pytest.mark.parametrize(("taken", "due"), [(500, 1000), (1000, 500), (1500, 0), (1600, 0)])
def test_a_person_gives_what_is_left_or_says_that_the_gateway_gave_all(taken, due):
    card = case(disputed(given(*REFUNDING), cny(taken)))
    by_hand(card, cny(due)).then(fact(RefundRecorded, amount=cny(due)))
    assert by_hand(card, MONTH_PRICE).then(fact(RefundRecorded)).card.refunds == ()
    by_hand(card, cny(200)).refused("not_what_is_owed")
    by_hand(card, Money(minor=due, currency="USD")).refused("wrong_currency" if due else "not_what_is_owed")


def test_nothing_is_no_answer_while_something_is_owed():
    by_hand(case(disputed(given(*REFUNDING), TEN)), NOTHING).refused("amount_not_positive")


def test_a_dispute_that_is_won_lets_the_refund_be_asked_for_again_also_where_it_is_a_case():
    card = disputed(given(*REFUNDING))
    Given(won(card).card).at(SOON).nothing().gives_back()
    Given(won(case(card)).card).at(SOON).nothing().gives_back()
    in_part = Given(won(card, TEN).card)
    case(in_part)


@pytest.mark.parametrize(("taken", "given_by_hand"), [(1500, 0), (1000, 500)])
def test_what_a_person_did_not_give_is_owed_again_when_the_dispute_is_won(taken, given_by_hand):
    taking = given(*REFUNDING).when(record_dispute, no_older_charge, amount=cny(taken), **ABOUT)
    closed = by_hand(case(Given(taking.card)), cny(given_by_hand))
    Given(closed.card).at(SOON + POLICY.case_after).nothing().waits(None, "reclaimed")
    back = won(Given(closed.card), cny(taken)).then(fact(DisputeWon, over=True))
    owed = Given(back.card).at(SOON).then(fact(CaseOpened, about=REFUND, reason="refund_owed"))
    by_hand(Given(owed.card), MONTH_PRICE if given_by_hand else FIVE).refused("not_what_is_owed")
    paid = by_hand(Given(owed.card), cny(taken)).then(fact(RefundRecorded, amount=cny(taken)))
    assert paid.card.refunds == ()
    assert paid.card.payments[0].left == 0
    facts = (*REFUNDING, *taking.facts, *closed.facts, *back.facts, *owed.facts, *paid.facts)
    assert charge_in(facts, attempt_id()).left == 0


def test_a_part_that_is_won_is_owed_in_part():
    closed = by_hand(case(disputed(given(*REFUNDING))), NOTHING)
    owed = Given(won(Given(closed.card), FIVE).card).at(SOON).then(fact(CaseOpened, reason="refund_owed"))
    paid = by_hand(Given(owed.card), FIVE).then(fact(RefundRecorded, amount=FIVE))
    assert [one.amount for one in paid.card.refunds] == [TEN]
    again = Given(won(Given(paid.card), TEN).card).at(SOON).then(fact(CaseOpened, reason="refund_owed"))
    assert by_hand(Given(again.card), TEN).card.refunds == ()


# Partly refunded, partly disputed


@pytest.mark.parametrize(
    ("refunded", "taken", "due"), [(500, 500, 500), (500, 1000, 0), (500, 1500, 0), (1000, 300, 200)]
)
def test_partly_refunded_before_the_refund_of_the_rest_gives_back_no_more_than_the_rest(refunded, taken, due):
    part = RefundRecorded(attempt_id=attempt_id(), amount=cny(refunded), evidence="letter", at=OPENS_AT + SECOND)
    lost = given(*PAID, part).when(confirm_reclaim, POLICY, at=LOST_AT)
    lost.then(fact(NumberReclaimed), fact(RefundStarted, amount=cny(1500 - refunded)))
    card = case(disputed(Given(lost.card), cny(taken)))
    by_hand(card, cny(due)).then(fact(RefundRecorded, amount=cny(due)))


def test_what_was_refunded_onto_the_balance_makes_good_what_the_bank_took_before_the_refund_does():
    onto = BalanceCredited(amount=TEN, reason="refund", about=attempt_id(), evidence="letter", at=OPENS_AT + SECOND)
    lost = given(*PAID, onto).when(confirm_reclaim, POLICY, at=LOST_AT)
    lost.then(fact(NumberReclaimed, balance=TEN), fact(RefundStarted, amount=FIVE))
    ten = disputed(Given(lost.card), TEN)
    assert ten.card.balance.minor == 0
    ten.at(SOON).nothing().gives_back()
    case(disputed(Given(lost.card)))


@pytest.mark.parametrize(("taken", "left"), [(500, 1000), (1500, 0)])
def test_a_refund_that_starts_after_a_dispute_covers_what_is_left_and_the_rest_is_owed_when_it_is_won(taken, left):
    lost = disputed(given(*PAID), cny(taken)).when(confirm_reclaim, POLICY, at=LOST_AT)
    begun = [one for one in lost.facts if isinstance(one, RefundStarted)]
    assert [one.amount.minor for one in begun] == ([left] if left else [])
    made = [
        RefundSucceeded(refund_id=REFUND, attempt_id=attempt_id(), amount=one.amount, gateway_ref="r", at=SOON)
        for one in begun
    ]
    card = Given(replay(lost.card, CARD_ID, made))
    back = won(card, cny(taken)).then(
        fact(DisputeWon), fact(RefundStarted, attempt_id=attempt_id(), amount=cny(taken), reason="dispute_won")
    )
    assert back.facts[1].refund_id != REFUND
    assert back.card.payments[0].left == 0
    Given(back.card).at(SOON).nothing().gives_back()


def test_of_a_term_that_was_undone_what_the_bank_had_taken_is_owed_when_it_is_won():
    ends = {"to": "method", "ends_term": True, **ABOUT}
    undone = disputed(given(*PAID), FIVE).when(record_refund, no_older_charge, amount=TEN, **ends)
    undone.then(fact(RefundRecorded, amount=TEN), fact(TermUndone), fact(AutoRenewSwitchedOff))
    back = won(Given(undone.card), FIVE).then(fact(DisputeWon), fact(RefundStarted, amount=FIVE))
    assert charge_in((*PAID, *undone.facts), attempt_id()).goes_back
    Given(back.card).at(SOON).nothing().gives_back()


def test_of_a_term_that_the_operator_ended_after_the_dispute_all_goes_back_when_it_is_won():
    ended = disputed(given(*PAID)).when(end_term, no_older_charge, attempt_id=attempt_id(), at=LOST_AT)
    ended.then(fact(TermUndone), fact(AutoRenewSwitchedOff))
    in_part = won(Given(ended.card), FIVE).then(fact(DisputeWon, over=False), fact(RefundStarted, amount=FIVE))
    refused = answered(Given(in_part.card), RefundDeclined(code="charge_disputed"), at=SOON)
    by_hand(Given(refused.card), FIVE).then(fact(RefundRecorded, amount=FIVE))
    made = answered(Given(in_part.card), Refunded(refund_id=in_part.facts[1].refund_id, amount=FIVE, gateway_ref="r"))
    rest = won(Given(made.card), TEN).then(fact(DisputeWon, over=True), fact(RefundStarted, amount=TEN))
    assert rest.facts[1].refund_id != in_part.facts[1].refund_id
    both = won(Given(in_part.card), TEN).then(fact(DisputeWon), fact(RefundStarted, amount=TEN))
    assert [one.amount for one in both.card.refunds] == [FIVE, TEN]


def test_a_charge_that_was_forgotten_meanwhile_goes_back_all_the_same():
    payment = replace(disputed(given(*PAID)).card.payments[0], goes_back=True)
    card = replace(given(*PAYING).card, payments=())
    back = Given(card).when(record_dispute_won, lambda _: payment, amount=MONTH_PRICE, **ABOUT)
    back.then(fact(DisputeWon), fact(RefundStarted, amount=MONTH_PRICE, payment=replace(payment, disputed=0)))
    assert back.card.payments[0].left == 0


def test_of_a_charge_that_pays_for_its_term_nothing_is_owed_when_its_dispute_is_won():
    won(disputed(given(*PAID))).then(fact(DisputeWon))


def test_a_reclaim_by_the_deadline_makes_no_charge_the_holders():
    lost = replace(LOST.facts[0], by="deadline", charges=())
    card = disputed(given(*PAID, lost))
    won(card).then(fact(DisputeWon))


def test_of_two_refunds_one_that_is_disputed_delays_no_other():
    other = replace(next(one for one in LOST.facts if isinstance(one, RefundStarted)), attempt_id=attempt_id(7))
    other = replace(other, refund_id=refund_id_of(CARD_ID, attempt_id(7)), at=LOST_AT + timedelta(hours=1))
    card = case_and(disputed(given(*REFUNDING, other)))
    card.at(other.at + POLICY.gateway_budget).nothing().gives_back()


def case_and(card: Given) -> Given:
    return Given(card.at(SOON).then(fact(CaseOpened, reason="refund_disputed")).card)
