"""Refunds: of old charges as of new ones, of terms that are not over, of top-ups of the balance."""

from datetime import date, timedelta
from itertools import count
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from engine.calendar import term_from
from engine.card.attempt import CLOSED_KEPT, CaseOpened
from engine.card.balance import BalanceCredited, BalanceDebited
from engine.card.disputes import DisputeRecorded, record_dispute
from engine.card.giving_back import record_refund
from engine.card.lapse import NumberReclaimed, confirm_reclaim
from engine.card.next import next_step
from engine.card.payments import ChargeSucceeded
from engine.card.recall import charge_in
from engine.card.refunds import (
    RefundOutcomeUnknown,
    RefundRecorded,
    RefundStarted,
    RefundSucceeded,
    refund_id_of,
)
from engine.card.term import CardRenewed
from engine.commands import RecordDispute, RecordRefund
from engine.errors import Refused
from engine.money import Money
from engine.news import News
from engine.ports import Charged, Declined
from tests.engine.engine_calls import LATER, execute, paying, wake
from tests.engine.given_when_then import Given, fact, given, no_older_charge
from tests.engine.samples import (
    CARD_ID,
    CHARGING,
    ENDS_AT,
    FIVE,
    MONTH_PRICE,
    OPENS_AT,
    PAID,
    PAYING,
    PAYPAL,
    POLICY,
    RULES,
    SECOND,
    ZONE,
    attempt_id,
    renewed,
    succeeded,
)
from tests.engine.topped_up import NOW, topped_up

BY_HAND = {"attempt_id": attempt_id(), "evidence": "bank", "at": ENDS_AT}


def many_top_ups(upto: int):
    return tuple(one for number in range(1, upto + 1) for one in topped_up(number))


# Terms that are not over


def test_the_charge_for_a_running_term_is_remembered_however_many_top_ups_came_since():
    then = given(*PAID, *many_top_ups(20)).when(confirm_reclaim, POLICY, at=ENDS_AT)
    then.then(fact(NumberReclaimed), fact(RefundStarted, attempt_id=attempt_id(), amount=MONTH_PRICE))
    assert len(then.card.payments) < 10


def test_of_a_card_that_is_paid_ahead_both_terms_are_refunded():
    ahead = [replace(one, attempt_id=UUID(int=9), term_number=2) for one in (CHARGING[-1], succeeded())]
    term = term_from(2, date(2026, 5, 1), 1, 1, ZONE)
    paid_ahead = (*PAID, replace(CHARGING[-2], term_number=2), *ahead)
    second = replace(renewed(), term=term, from_balance=300, attempt_id=UUID(int=9))
    then = given(*paid_ahead, second).when(confirm_reclaim, POLICY, at=ENDS_AT + SECOND)
    lost = next(one for one in then.facts if isinstance(one, NumberReclaimed))
    assert lost.balance.minor == 300
    assert {one.attempt_id for one in then.facts if isinstance(one, RefundStarted)} == {attempt_id(), UUID(int=9)}


# Cases


def refunding_facts():
    return given(*PAID).when(confirm_reclaim, POLICY, at=ENDS_AT).facts


def test_a_refund_of_unknown_outcome_is_settled_by_a_person():
    card = given(*PAID, *refunding_facts())
    refund = card.card.refunds[0]
    card.when(record_refund, no_older_charge, amount=MONTH_PRICE, to="method", **BY_HAND).refused("more_than_charged")
    unclear = RefundOutcomeUnknown(
        refund_id=refund.refund_id, reason="timeout", asked=5, ask_again_at=ENDS_AT + timedelta(days=6), at=ENDS_AT
    )
    asked = given(*PAID, *refunding_facts(), unclear).at(ENDS_AT + POLICY.case_after)
    asked.then(fact(CaseOpened, about=refund.refund_id, attempt_id=attempt_id()))
    case = Given(asked.card)
    case.when(record_refund, no_older_charge, amount=FIVE, to="method", **BY_HAND).refused("not_what_is_owed")
    done = case.when(record_refund, no_older_charge, amount=MONTH_PRICE, to="method", **BY_HAND)
    assert done.then(fact(RefundRecorded)).card.refunds == ()


def test_a_refund_of_unknown_outcome_delays_no_other():
    first, second = (
        RefundStarted(
            refund_id=refund_id_of(CARD_ID, UUID(int=n)),
            attempt_id=UUID(int=n),
            gateway_ref="ref",
            amount=FIVE,
            reason="late_success",
            at=OPENS_AT + n * SECOND,
        )
        for n in (1, 2)
    )
    unclear = RefundOutcomeUnknown(
        refund_id=first.refund_id, reason="timeout", asked=3, ask_again_at=ENDS_AT, at=OPENS_AT + SECOND
    )
    step = next_step(given(*PAID, first, second, unclear).card, RULES, NOW)
    assert step.refund.refund_id == second.refund_id


# The balance


def test_a_charge_for_the_balance_is_not_refunded_onto_it():
    card = given(*PAYING, *topped_up(1))
    about = {"attempt_id": topped_up(1)[1].attempt_id, "evidence": "letter", "at": NOW}
    card.when(record_refund, no_older_charge, amount=FIVE, to="balance", **about).refused("is_on_balance")


@pytest.mark.parametrize(("minor", "left"), [(500, 0), (200, 300)])
def test_a_refunded_top_up_leaves_the_balance(minor, left):
    card = given(*PAYING, *topped_up(1))
    amount = Money(minor=minor, currency="CNY")
    about = {"attempt_id": topped_up(1)[1].attempt_id, "evidence": "letter", "at": NOW, "amount": amount}
    back = card.when(record_refund, no_older_charge, to="method", **about)
    back.then(fact(RefundRecorded), fact(BalanceDebited, amount=amount, reason="refund"))
    assert back.card.balance.minor == left
    taken = card.when(record_dispute, no_older_charge, **about)
    taken.then(fact(DisputeRecorded), fact(BalanceDebited, amount=amount, reason="dispute"))
    assert taken.card.balance.minor == left


def test_the_spent_part_of_a_top_up_cannot_leave_the_balance_but_is_withheld_from_its_term():
    spent = CardRenewed(
        term=renewed().term, months=1, price=FIVE, anchor_day=1, attempt_id=None, from_balance=500, at=NOW
    )
    card = given(*PAYING, *topped_up(1), CHARGING[-2], spent)
    about = {"attempt_id": topped_up(1)[1].attempt_id, "evidence": "letter", "at": NOW, "amount": FIVE}
    then = card.when(record_dispute, no_older_charge, **about)
    then.then(fact(DisputeRecorded), fact(BalanceDebited, amount=FIVE, of_term=1))
    assert then.card.balance.minor == 0


# Old charges


def test_a_dispute_after_a_refund_counts_but_only_once():
    back = given(*PAID).when(record_refund, no_older_charge, amount=MONTH_PRICE, to="method", **BY_HAND)
    taken = (
        Given(back.card)
        .when(record_dispute, no_older_charge, amount=MONTH_PRICE, **BY_HAND)
        .then(fact(DisputeRecorded))
    )
    assert taken.card.methods.ended == {"visa": "disputed"}
    Given(taken.card).when(record_dispute, no_older_charge, amount=FIVE, **BY_HAND).refused("more_than_charged")


def test_what_is_left_of_a_charge_is_found_in_the_history():
    assert charge_in(PAYING, attempt_id()) is None
    assert charge_in(CHARGING, attempt_id()) is None
    assert charge_in(PAID, attempt_id()) == given(*PAID).card.payments[0]
    ids = {"refund_id": UUID(int=1), "attempt_id": attempt_id(), "amount": FIVE, "gateway_ref": "ref", "at": NOW}
    begun, made = RefundStarted(**ids, reason="late_success"), RefundSucceeded(**ids)
    by_hand = RefundRecorded(attempt_id=attempt_id(), amount=FIVE, evidence="bank", at=NOW)
    disputed = DisputeRecorded(attempt_id=attempt_id(), method_id="visa", amount=FIVE, evidence="bank", at=NOW)
    credited = BalanceCredited(amount=FIVE, reason="refund", about=attempt_id(), at=NOW)
    assert charge_in((*PAID, begun, made, by_hand), attempt_id()).left == 500
    assert charge_in((*PAID, begun, by_hand), attempt_id()).left == 1000  # by hand instead
    assert charge_in((*PAID, disputed, credited), attempt_id()).left == 500
    others = [replace(one, attempt_id=UUID(int=5)) for one in (begun, made, by_hand, disputed)]
    assert charge_in((*PAID, *others), attempt_id()).left == 1500


def month_after_month(engine, card_id, months: int):
    """The attempts by which a card was renewed."""
    attempts = []
    for month in range(months):
        at = LATER + timedelta(days=31 * month)
        wake(engine, card_id, at=at - timedelta(days=7))
        (question,) = wake(engine, card_id, at=at).questions
        request = question.request
        reply = Charged(attempt_id=request.attempt_id, amount=request.amount, gateway_ref=f"ref-{month}")
        engine.record([(question, reply)], RULES, at + SECOND)
        attempts.append(request.attempt_id)
    return attempts


def test_a_dispute_of_an_old_charge_ends_its_method_and_cannot_be_recorded_twice(engine, store):
    (card_id,) = paying(engine)
    oldest, *_ = month_after_month(engine, card_id, 10)
    assert all(one.attempt_id != oldest for one in store.load_many([card_id])[card_id].card.payments)
    names = count(1)

    def ask(kind, **fields):
        command = kind(command_id=f"{card_id}-{next(names)}", card_id=card_id, evidence="bank", **fields)
        return execute(engine, [command], RULES, LATER + timedelta(days=280))[0]

    assert [type(one) for one in ask(RecordRefund, attempt_id=oldest, amount=FIVE)] == [RefundRecorded]
    (disputed,) = ask(RecordDispute, attempt_id=oldest, amount=MONTH_PRICE)
    assert disputed.method_id == "visa"
    assert store.load_many([card_id])[card_id].card.methods.ended == {"visa": "disputed"}
    again, unknown = (
        ask(RecordDispute, attempt_id=oldest, amount=FIVE),
        ask(RecordRefund, attempt_id=uuid4(), amount=FIVE),
    )
    assert isinstance(again, Refused)
    assert (again.code, unknown.code) == ("more_than_charged", "unknown_attempt")


def declined_on_and_on(engine, store, card_id, attempts: int):
    """The questions about its attempts; each is declined."""
    asked = []
    while len(asked) < attempts:
        at = max(store.load_many([card_id])[card_id].wake_at, LATER)
        questions = wake(engine, card_id, at=at).questions
        while questions:
            asked += questions
            said = [(one, Declined(code="insufficient_funds")) for one in questions]
            questions = engine.record(said, RULES, at + SECOND).questions
    return asked


def test_the_success_of_an_attempt_declined_long_ago_is_found_in_the_history_and_goes_back_once(engine, store):
    wallets = [replace(PAYPAL, method_id=f"wallet-{number}", token=f"tok-{number}") for number in range(10)]
    (card_id,) = paying(engine, 1, *wallets)
    first, *_ = declined_on_and_on(engine, store, card_id, CLOSED_KEPT + 5)
    stream = store.load_many([card_id])[card_id]
    assert all(one.attempt_id != first.request.attempt_id for one in stream.card.attempts.closed)
    news = News(card_id, first.request.attempt_id, None, "evt-1")
    (question,) = engine.look_ups([news], RULES)
    said = Charged(attempt_id=first.request.attempt_id, amount=first.request.amount, gateway_ref="ref-1")
    at = stream.wake_at - SECOND
    for _ in range(2):
        engine.record([(question, said)], RULES, at)
    facts = [one.fact for one in store.history(card_id)[stream.version :]]
    assert [type(one) for one in facts[:2]] == [ChargeSucceeded, RefundStarted]
    assert facts[0].closed.method_id == "wallet-0"
    assert sum(isinstance(one, RefundStarted) for one in facts) == 1
    assert engine.look_ups([news], RULES) == [None]
