"""What the balance paid for terms with money that went back since does not come back with the terms."""

from datetime import date
from functools import partial

import pytest
from msgspec.structs import replace

from engine.calendar import term_from
from engine.card.balance import BalanceCredited, BalanceDebited, BalancePaidOut
from engine.card.consent import AutoRenewSwitchedOff
from engine.card.disputes import DisputeRecorded, DisputeWon, record_dispute, record_dispute_won
from engine.card.evolve import replay
from engine.card.giving_back import record_refund
from engine.card.lapse import NumberReclaimed, confirm_reclaim
from engine.card.recall import charge_in
from engine.card.refunds import (
    RefundRecorded,
)
from engine.card.undoing import TermUndone
from engine.money import Money
from tests.engine.given_when_then import Given, fact, given, no_older_charge
from tests.engine.samples import (
    CARD_ID,
    FIVE,
    MONTH_PRICE,
    PAYING,
    POLICY,
    REGISTERED_AT,
    TEN,
    ZONE,
    attempt_id,
    attempted,
    renewed,
    started,
    succeeded,
)
from tests.engine.topped_up import NOW, topped_up

SECOND_TERM = term_from(2, date(2026, 5, 1), 1, 1, ZONE)
TEN_OF_IT = {"attempt_id": topped_up(1)[1].attempt_id, "amount": TEN, "evidence": "letter", "at": NOW}
GOES_BACK = [(record_refund, {"to": "method"}, RefundRecorded), (record_dispute, {}, DisputeRecorded)]

FROM_BALANCE = replace(renewed(), attempt_id=None, from_balance=1500)
SPENT = (*PAYING, *topped_up(1, at=REGISTERED_AT, amount=MONTH_PRICE), started(), FROM_BALANCE)
"""A top-up of 15.00 paid for term 1."""
ITS_TOP_UP = TEN_OF_IT | {"amount": MONTH_PRICE}


@pytest.mark.parametrize(("ask", "to", "recorded"), GOES_BACK)
def test_a_top_up_that_was_spent_and_went_back_does_not_come_back_with_its_term(ask, to, recorded):
    back = given(*SPENT).when(ask, no_older_charge, **to, **ITS_TOP_UP)
    back.then(fact(recorded), fact(BalanceDebited, amount=MONTH_PRICE, of_term=1, from_reserve=0))
    assert back.card.balance.minor == 0
    lost = Given(back.card).when(confirm_reclaim, POLICY, at=NOW)
    nothing = Money(minor=0, currency="CNY")
    lost.then(
        fact(BalanceCredited, amount=MONTH_PRICE),
        fact(BalanceDebited, amount=MONTH_PRICE, of_term=None),
        fact(NumberReclaimed, balance=nothing),
    )
    assert lost.card.balance.minor == 0


def test_what_went_back_in_part_comes_back_in_part():
    back = given(*SPENT).when(record_dispute, no_older_charge, **TEN_OF_IT)
    back.then(fact(DisputeRecorded), fact(BalanceDebited, amount=TEN, of_term=1))
    lost = Given(back.card).when(confirm_reclaim, POLICY, at=NOW)
    assert lost.card.balance.minor == 500
    assert next(one for one in lost.facts if isinstance(one, NumberReclaimed)).balance == FIVE


def test_of_a_charge_refunded_onto_the_balance_and_spent_nothing_comes_back_once_it_is_disputed():
    """10.00 were charged for term 1, refunded onto the balance, and paid with 5.00 more for term 2."""
    ten = (
        replace(attempted(amount=TEN), from_balance=500),
        replace(succeeded(), amount=TEN),
        replace(renewed(), from_balance=500),
    )
    onto = BalanceCredited(amount=TEN, reason="refund", about=attempt_id(), evidence="letter", at=NOW)
    ids = {"attempt_id": attempt_id(term_number=2), "term_number": 2}
    second = (
        replace(started(), term_number=2),
        replace(attempted(amount=FIVE), **ids, from_balance=1000),
        replace(succeeded(), **ids, amount=FIVE),
        replace(renewed(), attempt_id=ids["attempt_id"], term=SECOND_TERM, from_balance=1000),
    )
    history = (*PAYING, *topped_up(1, at=REGISTERED_AT), started(), *ten, onto, *second)
    about = {"amount": TEN, "evidence": "bank", "at": NOW, "attempt_id": attempt_id()}
    taken = given(*history).when(record_dispute, partial(charge_in, history), **about)
    taken.then(fact(DisputeRecorded), fact(BalanceDebited, amount=TEN, of_term=2))
    ends = about | {"amount": FIVE, "attempt_id": ids["attempt_id"], "to": "method", "ends_term": True}
    undone = Given(taken.card).when(record_refund, no_older_charge, **ends)
    undone.then(
        fact(RefundRecorded, amount=FIVE),
        fact(TermUndone),
        fact(BalanceCredited, amount=TEN),
        fact(BalanceDebited, amount=TEN),
        fact(AutoRenewSwitchedOff),
    )
    assert (undone.card.balance.minor, undone.card.balance.clawed_back) == (0, ())
    history = (*history, *taken.facts, *undone.facts)
    won = Given(undone.card).when(record_dispute_won, partial(charge_in, history), **about)
    won.then(fact(DisputeWon, to_terms=0), fact(BalanceCredited, amount=TEN, reason="dispute_won"))
    assert won.card.balance.minor == 1000


def test_a_dispute_that_is_won_gives_back_to_the_term_what_it_withheld():
    taken = given(*SPENT).when(record_dispute, no_older_charge, **ITS_TOP_UP)
    half = (
        Given(taken.card).when(record_dispute_won, no_older_charge, **TEN_OF_IT).then(fact(DisputeWon, to_terms=1000))
    )
    assert [one.minor for one in half.card.balance.clawed_back] == [500]
    assert Given(half.card).when(confirm_reclaim, POLICY, at=NOW).card.balance.minor == 1000
    won = Given(half.card).when(record_dispute_won, no_older_charge, **TEN_OF_IT | {"amount": FIVE})
    assert won.card.balance == given(*SPENT).card.balance


def test_what_stays_away_after_a_dispute_is_won_in_part_covers_what_is_disputed_still():
    """10.00 of 15.00 were paid out before the dispute: what comes back first is what nothing was taken for."""
    paid_out = BalancePaidOut(amount=TEN, evidence="transfer", at=NOW)
    history = (*PAYING, *topped_up(1, at=REGISTERED_AT, amount=MONTH_PRICE), paid_out)
    taken = given(*history).when(record_dispute, no_older_charge, **ITS_TOP_UP)
    taken.then(fact(DisputeRecorded), fact(BalanceDebited, amount=FIVE))
    half = Given(taken.card).when(record_dispute_won, no_older_charge, **TEN_OF_IT).then(fact(DisputeWon))
    assert half.card.balance.minor == 0
    won = Given(half.card).when(record_dispute_won, no_older_charge, **TEN_OF_IT | {"amount": FIVE})
    assert won.card.balance.minor == 500


def test_the_latest_term_is_withheld_first_and_an_old_one_for_ever():
    top_ups = [one for number in (1, 2) for one in topped_up(number, at=REGISTERED_AT, amount=MONTH_PRICE)]
    second = replace(FROM_BALANCE, term=SECOND_TERM)
    history = (*PAYING, *top_ups, started(), FROM_BALANCE, replace(started(), term_number=2), second)
    taken = given(*history).when(
        record_dispute, partial(charge_in, history), **ITS_TOP_UP | {"amount": Money(minor=2000, currency="CNY")}
    )
    assert [(one.of_term, one.minor) for one in taken.card.balance.clawed_back] == [(2, 1500)]
    third = replace(FROM_BALANCE, term=replace(SECOND_TERM, number=4), from_balance=0)
    assert replay(taken.card, CARD_ID, [third]).balance.clawed_back == ()


def test_a_top_up_that_was_paid_out_does_not_go_back_as_well():
    paid_out = BalancePaidOut(amount=TEN, evidence="transfer", at=NOW)
    card = given(*PAYING, *topped_up(1, amount=MONTH_PRICE), paid_out)
    card.when(record_refund, no_older_charge, to="method", **ITS_TOP_UP).refused("more_than_balance")
    left = card.when(record_refund, no_older_charge, to="method", **TEN_OF_IT | {"amount": FIVE})
    left.then(fact(RefundRecorded), fact(BalanceDebited, amount=FIVE))
