"""Disputes: what the holder's bank takes back goes with what was charged, and may come back."""

from datetime import date, timedelta
from functools import partial

import pytest
from msgspec.structs import replace

from engine.card.asking import AskCharge
from engine.card.attempt import ChargeAttempted
from engine.card.balance import BalanceCredited, BalanceDebited
from engine.card.charge import renew_now
from engine.card.disputes import DisputeRecorded, DisputeWon, record_dispute, record_dispute_won
from engine.card.giving_back import record_refund
from engine.card.methods import bind_payment_method, remove_payment_method, update_payment_method
from engine.card.next import next_step
from engine.card.recall import charge_in
from engine.money import Money
from tests.engine.given_when_then import Given, Then, fact, given, no_older_charge
from tests.engine.samples import (
    CHARGING,
    DEBIT,
    FIVE,
    MONTH_PRICE,
    PAID,
    PAYPAL,
    RULES,
    SECOND,
    TEN,
    VISA,
    attempt_id,
    attempted,
    bound,
    failed,
    local,
    started,
    succeeded,
)

NOW = local("2026-04-10 12:00")
ABOUT = {"attempt_id": attempt_id(), "evidence": "bank", "at": NOW}
LATER_EXPIRY = replace(VISA, expires_on=date(2031, 5, 31))
OTHER_CARD = replace(VISA, token="tok-other", fingerprint="fp-other")
NEXT = local("2026-04-28 10:00")
"""The next renewal opens."""


def disputed(*facts, amount=MONTH_PRICE) -> Then:
    return given(*(facts or PAID)).when(record_dispute, no_older_charge, amount=amount, **ABOUT)


def won(then: Then, amount=MONTH_PRICE) -> Then:
    return Given(then.card).when(record_dispute_won, no_older_charge, amount=amount, **ABOUT)


def charges_at(card, at=NEXT):
    """The charges made then, once the holder was notified of them a week before."""
    notified = Given(Given(card).at(at - timedelta(days=7)).card)
    return [one for one in notified.at(at).facts if isinstance(one, ChargeAttempted)]


@pytest.mark.parametrize("ask", [update_payment_method, bind_payment_method], ids=lambda one: one.__name__)
def test_a_disputed_card_is_not_charged_by_itself_again_whatever_its_expiry_and_id(ask):
    changed = LATER_EXPIRY if ask is update_payment_method else replace(LATER_EXPIRY, method_id="visa-again")
    card = Given(disputed().then(fact(DisputeRecorded, instrument="fp-visa")).card)
    then = card.when(ask, method=changed, at=NOW)
    assert charges_at(then.card) == []
    assert then.card.methods.ended[changed.method_id] == "disputed"


def test_a_disputed_card_that_was_removed_and_bound_again_is_not_charged_by_itself():
    card = Given(Given(disputed().card).when(bind_payment_method, method=DEBIT, at=NOW).card)
    without = Given(card.when(remove_payment_method, method_id="visa", at=NOW).card)
    again = without.when(bind_payment_method, method=VISA, at=NOW)
    assert [one.method_id for one in charges_at(again.card)] == ["debit"]


def test_a_dispute_of_a_card_that_was_replaced_under_the_same_id_does_not_end_the_new_one():
    replaced = given(*PAID).when(update_payment_method, method=OTHER_CARD, at=NOW)
    then = Given(replaced.card).when(record_dispute, no_older_charge, amount=MONTH_PRICE, **ABOUT)
    then.then(fact(DisputeRecorded, method_id="visa", instrument="fp-visa"))
    assert [one.token for one in charges_at(then.card)] == ["tok-other"]


def test_a_dispute_ends_the_card_under_each_id_and_no_longer_sends_what_is_open_on_it():
    twin = replace(VISA, method_id="twin")
    second = replace(attempted(1, method=twin, at=NEXT), attempt_id=attempt_id(7), term_number=2)
    open_on_twin = (*PAID, bound(twin, NOW), replace(started(at=NEXT), term_number=2), second)
    then = disputed(*open_on_twin)
    assert then.card.methods.ended == {"visa": "disputed", "twin": "disputed"}
    assert next_step(then.card, RULES, NEXT + 30 * SECOND) == AskCharge(then.card.attempts.open, "looked_up")
    other = replace(second, method_id="debit", token="tok-debit", fingerprint="fp-debit")
    kept = disputed(*open_on_twin[:-1], other)
    assert next_step(kept.card, RULES, NEXT + 30 * SECOND) == AskCharge(kept.card.attempts.open, "asked_again")


def test_of_a_wallet_the_dispute_goes_with_its_token():
    wallet = replace(CHARGING[-1], method_id="paypal", token="tok-paypal", fingerprint=None)
    paid = (*CHARGING[:-2], bound(PAYPAL), CHARGING[-2], wallet, succeeded(), PAID[-1])
    then = disputed(*paid).then(fact(DisputeRecorded, instrument="tok-paypal"))
    assert then.card.methods.ended == {"paypal": "disputed"}


def test_the_holders_presence_frees_no_disputed_card():
    asleep = replace(failed(code="authentication_required"), attempt_id=attempt_id(7), term_number=2)
    second = replace(attempted(at=NEXT), attempt_id=attempt_id(7), term_number=2)
    offered = replace(started(at=NEXT), term_number=2)
    then = Given(disputed(*PAID, bound(DEBIT, NOW), offered, second, asleep).card).when(renew_now, RULES, at=NEXT)
    assert then.card.methods.ended["visa"] == "disputed"


def test_a_dispute_of_older_facts_ends_the_method_until_it_is_updated():
    before = DisputeRecorded(attempt_id=attempt_id(), method_id="visa", amount=MONTH_PRICE, evidence="bank", at=NOW)
    card = given(*PAID, before)
    assert card.card.methods.ended == {"visa": "disputed"}
    assert card.when(update_payment_method, method=LATER_EXPIRY, at=NOW).card.methods.ended == {}
    then = card.when(record_dispute_won, no_older_charge, amount=MONTH_PRICE, **ABOUT).then(fact(DisputeWon, over=True))
    assert then.card.methods.ended == {}


# How much


@pytest.mark.parametrize("minor", [1600, 3000])
def test_a_dispute_may_exceed_the_charge_by_the_rate_of_exchange(minor):
    amount = Money(minor=minor, currency="CNY")
    then = disputed(amount=amount).then(fact(DisputeRecorded, amount=amount))
    assert then.card.payments[0].left == 0
    Given(then.card).when(record_dispute, no_older_charge, amount=FIVE, **ABOUT).refused("more_than_charged")


def test_more_than_twice_the_charge_is_a_slip():
    disputed(amount=Money(minor=3001, currency="CNY")).refused("more_than_charged")


# Won


def test_a_dispute_that_is_won_gives_the_payment_back_and_frees_the_method():
    then = won(disputed()).then(fact(DisputeWon, amount=MONTH_PRICE, method_id="visa", over=True))
    assert then.card.payments == given(*PAID).card.payments
    assert [one.method_id for one in charges_at(then.card)] == ["visa"]
    Given(then.card).when(record_dispute_won, no_older_charge, amount=FIVE, **ABOUT).refused("more_than_disputed")


def test_a_dispute_that_is_won_in_part_frees_nothing_yet():
    then = won(disputed(), amount=FIVE).then(fact(DisputeWon, over=False))
    assert then.card.payments[0].disputed == 1000
    assert charges_at(then.card) == []
    assert charges_at(won(then, amount=TEN).card) != []


def test_what_another_dispute_ended_stays_ended():
    second = [replace(one, attempt_id=attempt_id(7), term_number=2) for one in (CHARGING[-1], succeeded())]
    history = (*PAID, replace(started(), term_number=2), *second)
    then = Given(disputed(*history).card).when(
        record_dispute, partial(charge_in, history), **ABOUT | {"attempt_id": attempt_id(7)}, amount=MONTH_PRICE
    )
    assert charges_at(won(then).card) == []


def test_what_ended_the_method_before_ends_it_after_the_dispute_is_won():
    lost = replace(failed(code="lost_card"), attempt_id=attempt_id(7), term_number=2)
    second = replace(attempted(at=NEXT), attempt_id=attempt_id(7), term_number=2)
    then = won(disputed(*PAID, replace(started(at=NEXT), term_number=2), second, lost))
    assert then.card.methods.ended == {"visa": "never"}
    assert then.card.attempts.open is None


def test_what_left_the_balance_with_a_dispute_comes_back_when_it_is_won():
    onto = given(*PAID).when(record_refund, no_older_charge, amount=MONTH_PRICE, to="balance", **ABOUT)
    taken = Given(onto.card).when(record_dispute, no_older_charge, amount=MONTH_PRICE, **ABOUT)
    taken.then(fact(DisputeRecorded), fact(BalanceDebited, amount=MONTH_PRICE, reason="dispute"))
    back = won(taken).then(fact(DisputeWon), fact(BalanceCredited, amount=MONTH_PRICE, reason="dispute_won"))
    assert back.card.balance.minor == 1500
    history = (*PAID, *onto.facts, *taken.facts)
    assert (charge_in(history, attempt_id()),) == taken.card.payments
    assert (charge_in((*history, *back.facts), attempt_id()),) == back.card.payments


def test_what_was_spent_before_it_could_leave_the_balance_does_not_come_back():
    onto = given(*PAID).when(record_refund, no_older_charge, amount=MONTH_PRICE, to="balance", **ABOUT)
    spent = replace(onto.card, balance=replace(onto.card.balance, minor=400))
    taken = Given(spent).when(record_dispute, no_older_charge, amount=MONTH_PRICE, **ABOUT)
    assert won(taken).card.balance.minor == 400
