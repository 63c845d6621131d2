"""Money is given back once: from the balance, from what is reserved, at the end, and after a recorded decline."""

from functools import partial

import pytest
from msgspec.structs import replace

from engine.card.attempt import CLOSED_KEPT, ChargeAttempted
from engine.card.balance import BalanceCredited, BalanceDebited
from engine.card.custody import CardClosed, close_card
from engine.card.deadlines import DeadlinesMoved
from engine.card.disputes import DisputeRecorded, DisputeWon, record_dispute, record_dispute_won
from engine.card.evolve import replay
from engine.card.giving_back import record_refund
from engine.card.lapse import NumberReclaimed, confirm_reclaim
from engine.card.methods import PaymentMethodsOrdered
from engine.card.outcomes import record_answer, resolve_attempt
from engine.card.payments import ChargeSucceeded
from engine.card.recall import charge_in, failed_in
from engine.card.refunds import (
    RefundRecorded,
    RefundStarted,
    RefundSucceeded,
)
from engine.money import Money
from engine.ports import Declined
from tests.engine.given_when_then import Given, Then, fact, given, no_older_charge
from tests.engine.samples import (
    CARD_ID,
    DEBIT,
    DECLINED,
    ENDS_AT,
    FIVE,
    MONTH_PRICE,
    PAID,
    PAYING,
    POLICY,
    REGISTERED_AT,
    RULES,
    SECOND,
    TEN,
    attempt_id,
    attempted,
    bound,
    charged,
    failed,
    started,
    unknown,
)
from tests.engine.topped_up import NOW, topped_up

BY_HAND = {"attempt_id": attempt_id(), "evidence": "bank", "at": ENDS_AT}
RESERVING = (
    *PAYING,
    PaymentMethodsOrdered(method_ids=("visa",), balance_first=True, at=REGISTERED_AT),
    *topped_up(1, at=REGISTERED_AT, amount=TEN),
    started(),
    replace(attempted(amount=FIVE), from_balance=1000),
    unknown(),
)
"""A top-up of 10.00 is reserved with a charge of 5.00, of which nobody knows the outcome."""
TOPPED_UP = {"attempt_id": topped_up(1)[1].attempt_id, "amount": TEN, "evidence": "letter", "at": NOW}
GOES_BACK = [(record_refund, {"to": "method"}, RefundRecorded), (record_dispute, {}, DisputeRecorded)]


LATE = {"attempt_id": attempt_id(), "at": ENDS_AT}


def answered(card: Given, said) -> Then:
    return card.when(record_answer, attempt_id(), said, learned="asked_again", rules=RULES, at=ENDS_AT - SECOND)


def refund_made(begun: RefundStarted) -> RefundSucceeded:
    about = {"refund_id": begun.refund_id, "attempt_id": begun.attempt_id, "amount": begun.amount}
    return RefundSucceeded(**about, gateway_ref="refund-1", at=begun.at)


@pytest.mark.parametrize(("ask", "to", "recorded"), GOES_BACK)
def test_a_top_up_that_goes_back_is_taken_from_what_is_reserved_and_is_not_released(ask, to, recorded):
    back = given(*RESERVING).when(ask, no_older_charge, **to, **TOPPED_UP)
    back.then(fact(recorded), fact(BalanceDebited, amount=TEN, from_reserve=1000))
    assert back.card.balance.minor == 0
    assert answered(Given(back.card), Declined(code="insufficient_funds")).card.balance.minor == 0


@pytest.mark.parametrize(("ask", "to", "recorded"), GOES_BACK)
def test_a_charge_whose_reserve_went_back_pays_for_no_term_and_goes_back(ask, to, recorded):
    back = given(*RESERVING).when(ask, no_older_charge, **to, **TOPPED_UP).then(fact(recorded), fact(BalanceDebited))
    paid = answered(Given(back.card), charged(amount=FIVE))
    paid.then(
        fact(ChargeSucceeded, from_balance=0),
        fact(DeadlinesMoved, reason="unknown_outcome"),
        fact(RefundStarted, reason="term_not_covered", amount=FIVE),
    )
    card = paid.card
    assert (card.term.number, card.balance.minor, card.balance.paid_terms) == (0, 0, {})
    assert card.renewal.declines == 0


def test_what_is_left_of_the_reserve_of_such_a_charge_is_released():
    history = (*RESERVING, topped_up(2)[-1])  # half of what goes back is free
    back = given(*history).when(record_dispute, no_older_charge, **TOPPED_UP)
    paid = answered(Given(back.card), charged(amount=FIVE))
    paid.then(
        fact(ChargeSucceeded, from_balance=500),
        fact(BalanceCredited, reason="released", amount=FIVE),
        fact(DeadlinesMoved),
        fact(RefundStarted, amount=FIVE),
    )
    assert paid.card.balance.minor == 500


def test_after_such_a_charge_the_next_attempt_asks_the_whole_price_under_a_key_of_its_own():
    back = given(*RESERVING, bound(DEBIT)).when(record_refund, no_older_charge, to="method", **TOPPED_UP)
    paid = answered(Given(back.card), charged(amount=FIVE))
    refunded = replay(paid.card, CARD_ID, [refund_made(paid.facts[-1])])
    again = Given(refunded).at(ENDS_AT - SECOND)
    again.then(fact(ChargeAttempted, amount=MONTH_PRICE, number=2, from_balance=0, method_id="visa"))


def test_a_dispute_that_is_won_before_such_a_charge_is_answered_gives_its_reserve_back_as_balance():
    back = given(*RESERVING).when(record_dispute, no_older_charge, **TOPPED_UP)
    won = Given(back.card).when(record_dispute_won, no_older_charge, **TOPPED_UP)
    won.then(fact(DisputeWon, to_terms=0), fact(BalanceCredited, amount=TEN, reason="dispute_won"))
    paid = answered(Given(won.card), charged(amount=FIVE))
    assert isinstance(paid.facts[-1], RefundStarted)
    assert paid.card.balance.minor == 1000


def test_what_is_free_of_the_balance_goes_before_what_is_reserved():
    more = replace(topped_up(2)[-1], amount=FIVE)
    back = given(*RESERVING, more).when(record_dispute, no_older_charge, **TOPPED_UP)
    back.then(fact(DisputeRecorded), fact(BalanceDebited, amount=TEN, from_reserve=500))
    assert answered(Given(back.card), Declined(code="insufficient_funds")).card.balance.minor == 500


def test_a_top_up_that_went_back_twice_takes_no_other_money_with_it():
    history, asked = (*PAYING, *topped_up(1), *topped_up(2)), TOPPED_UP | {"amount": FIVE}
    once = given(*history).when(record_refund, partial(charge_in, history), to="method", **asked)
    once.then(fact(RefundRecorded), fact(BalanceDebited, amount=FIVE))
    history = (*history, *once.facts)
    twice = given(*history).when(record_dispute, partial(charge_in, history), **asked).then(fact(DisputeRecorded))
    assert twice.card.balance.minor == 500


@pytest.mark.parametrize(("credited", "disputed", "left"), [(1500, 1500, 0), (1500, 500, 1000), (500, 1000, 500)])
def test_a_charge_given_back_onto_the_balance_leaves_it_when_it_is_disputed(credited, disputed, left):
    amounts = (Money(minor=credited, currency="CNY"), Money(minor=disputed, currency="CNY"))
    onto = given(*PAID).when(record_refund, no_older_charge, amount=amounts[0], to="balance", **BY_HAND)
    recalled = charge_in((*PAID, *onto.facts), attempt_id())
    assert onto.card.payments == (recalled,)
    taken = Given(onto.card).when(record_dispute, no_older_charge, amount=amounts[1], **BY_HAND)
    assert taken.card.balance.minor == left


# The end, and late news

ENDS = [(close_card, {"reason": "holder"}, CardClosed), (confirm_reclaim, {"policy": POLICY}, NumberReclaimed)]


@pytest.mark.parametrize(("end", "fields", "ended"), ENDS)
@pytest.mark.parametrize(
    "said", [charged(amount=FIVE), Declined(code="insufficient_funds")], ids=["charged", "declined"]
)
def test_of_a_card_that_is_given_up_what_is_reserved_is_owed_too_and_released_once(end, fields, ended, said):
    gone = given(*RESERVING).when(end, **fields, at=NOW).then(fact(ended, balance=TEN))
    assert gone.card.balance.minor == 0
    assert answered(Given(gone.card), said).card.balance.minor == 1000


@pytest.mark.parametrize("ask", ["gateway", "person"])
def test_a_success_after_a_recorded_decline_is_recorded_and_goes_back(ask):
    if ask == "gateway":
        late = given(*DECLINED).when(record_answer, attempt_id(), charged(), learned="late", rules=RULES, at=ENDS_AT)
    else:
        late = given(*DECLINED).when(
            resolve_attempt, gateway_ref="ref-1", charged=True, evidence="list", policy=POLICY, **LATE
        )
    late.then(
        fact(ChargeSucceeded, learned="late", amount=MONTH_PRICE),
        fact(RefundStarted, reason="late_success", amount=MONTH_PRICE),
    )
    assert late.card.term.number == 0
    again = Given(late.card).when(record_answer, attempt_id(), charged(), learned="late", rules=RULES, at=ENDS_AT)
    again.nothing()


def test_a_decline_said_again_changes_nothing():
    said = Declined(code="insufficient_funds")
    given(*DECLINED).when(record_answer, attempt_id(), said, learned="late", rules=RULES, at=ENDS_AT).nothing()


def test_the_last_failed_attempts_are_remembered():
    rungs = [(replace(attempted(n, n), number=n), failed(n, n)) for n in range(1, CLOSED_KEPT + 3)]
    card = given(*PAYING, started(), *(one for rung in rungs for one in rung)).card
    assert [one.attempt_id for one in card.attempts.closed] == [attempt_id(n) for n in range(3, CLOSED_KEPT + 3)]


def test_declines_push_out_no_attempt_that_never_happened():
    """Its request may have been on the way for days; a success of it must still be known for what it is."""
    never = (attempted(1, 1), replace(failed(1, 1, code="never_happened"), happened=False))
    rungs = [(replace(attempted(n, n), number=n), failed(n, n)) for n in range(2, CLOSED_KEPT + 4)]
    card = given(*PAYING, started(), *never, *(one for rung in rungs for one in rung))
    late = card.when(record_answer, attempt_id(1), charged(), learned="late", rules=RULES, at=ENDS_AT)
    late.then(fact(ChargeSucceeded, learned="late"), fact(RefundStarted, reason="late_success"))


def test_a_success_of_an_attempt_declined_so_long_ago_that_the_card_forgot_it_goes_back_once():
    rungs = [(replace(attempted(n, n), number=n), failed(n, n)) for n in range(1, CLOSED_KEPT + 3)]
    history = (*PAYING, started(), *(one for rung in rungs for one in rung))
    said = {"learned": "looked_up", "rules": RULES, "at": ENDS_AT}
    asked = record_answer, attempt_id(1), charged(1)
    late = given(*history).when(*asked, recall=partial(failed_in, history), **said)
    late.then(
        fact(ChargeSucceeded, learned="late", amount=MONTH_PRICE),
        fact(RefundStarted, reason="late_success", amount=MONTH_PRICE),
    )
    assert (late.card.term.number, late.card.payments[-1].goes_back) == (0, True)
    assert late.card.payments[-1].instrument == attempted(1).fingerprint
    twice = Given(late.card).when(*asked, recall=partial(failed_in, history), **said)
    twice.nothing()
    whole = (*history, *late.facts, refund_made(late.facts[-1]))
    forgotten = replace(replay(late.card, CARD_ID, whole[-1:]), payments=())
    Given(forgotten).when(*asked, recall=partial(failed_in, whole), **said).nothing()


def test_what_never_failed_is_not_found_among_the_attempts_that_did():
    history = (*PAYING, started(), attempted())
    assert failed_in(history, attempt_id()) is None
    assert failed_in(history, attempt_id(2)) is None
    assert failed_in((*history, failed()), attempt_id()).happened
