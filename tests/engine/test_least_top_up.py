"""A top-up of less than the provider charges is refused; one of an earlier time ends, and never holds its card."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from engine.card.attempt import ChargeAttempted
from engine.card.decline import ChargeFailed
from engine.card.evolve import evolve
from engine.card.hold import CardHeld, CardReleased, release_card
from engine.card.outcomes import record_answer
from engine.card.paying_on_page import top_up_on_page
from engine.card.standing_order import AutoTopUpSet, AutoTopUpStopped, set_auto_top_up
from engine.card.top_ups import TopUpFailed, TopUpStarted, top_up
from engine.money import Money
from engine.ports import Declined
from engine.rules import Rules
from tests.engine.given_when_then import Given, Then, fact, given
from tests.engine.samples import (
    CATALOGUE,
    FIVE,
    PAYPAL,
    POLICY,
    REGISTERED_AT,
    RULES,
    TEN,
    VISA,
    bound,
    enabled,
    registered,
)
from tests.engine.test_paying_on_page import ALIPAY

AT, DAY = REGISTERED_AT, timedelta(days=1)
MINIMUM = Money(minor=CATALOGUE.minimum_charge("CNY"), currency="CNY")
LESS = replace(MINIMUM, minor=MINIMUM.minor - 1)
YEAR = (registered(months=12), bound(), enabled())
"""Nothing else happens to it for long."""
TWO_METHODS = (registered(months=12), bound(PAYPAL), bound(VISA), enabled())
RAISED = Rules(POLICY, CATALOGUE.model_copy(update={"minimum_charges": {"CNY": TEN.minor + 1}}))
"""The provider charges no less than it did, but more than ten yuan."""
ANY_AMOUNT = Rules(POLICY, CATALOGUE.model_copy(update={"minimum_charges": {}}))
OF_THE_AMOUNT = ("amount_too_small", "amount_too_large")


def ordered(*history, amount=TEN, threshold=FIVE):
    """By a rule of an earlier time."""
    return given(*history, AutoTopUpSet(threshold=threshold, amount=amount, at=AT)).card


def begun(card, rules=RULES, at=AT) -> Then:
    return Given(card).at(at, rules)


def declined(card, code, at=AT) -> Then:
    attempt = card.attempts.top_up
    return Given(card).when(record_answer, attempt.attempt_id, Declined(code=code), learned="sent", rules=RULES, at=at)


def test_less_than_the_provider_charges_is_refused_and_the_least_is_named():
    for asked in (
        given(*YEAR).when(top_up, RULES, amount=LESS, at=AT),
        given(*YEAR).when(top_up_on_page, RULES, wallet=ALIPAY, amount=LESS, at=AT),
        given(*YEAR).when(set_auto_top_up, CATALOGUE, threshold=LESS, amount=LESS, at=AT),
    ):
        asked.refused("below_minimum_charge")
        assert f"at least {MINIMUM}, not {LESS}" in str(asked.refusal)
        assert (asked.refusal.field, asked.refusal.least) == ("amount.minor", MINIMUM)


def test_the_least_itself_is_taken_and_a_threshold_may_be_below_it():
    given(*YEAR).when(top_up, RULES, amount=MINIMUM, at=AT).then(fact(TopUpStarted))
    given(*YEAR).when(top_up_on_page, RULES, wallet=ALIPAY, amount=MINIMUM, at=AT).then(
        fact(TopUpStarted), fact(ChargeAttempted)
    )
    given(*YEAR).when(set_auto_top_up, CATALOGUE, threshold=LESS, amount=MINIMUM, at=AT).then(fact(AutoTopUpSet))


@pytest.mark.parametrize("code", OF_THE_AMOUNT)
def test_a_top_up_of_an_amount_that_nobody_takes_ends_without_a_hold_and_no_other_method_is_asked(code):
    asked = Given(given(*TWO_METHODS).card).when(top_up, RULES, amount=TEN, at=AT)
    no = declined(begun(asked.card).card, code).then(fact(ChargeFailed, code=code, counts=False))
    end = begun(no.card).then(fact(TopUpFailed, last_code=code, withdrawn=False))
    assert (end.card.held_since, end.card.top_ups.under_way, end.card.top_ups.declined_by_hand) == (None, None, ())
    Given(end.card).when(top_up, RULES, amount=TEN, at=AT).then(fact(TopUpStarted))


@pytest.mark.parametrize("code", OF_THE_AMOUNT)
def test_an_automatic_one_ends_its_order_until_the_holder_sets_another(code):
    no = declined(begun(ordered(*YEAR)).card, code)
    end = begun(no.card).then(fact(TopUpFailed, last_code=code), fact(AutoTopUpStopped, declined=0, last_code=code))
    assert (end.card.held_since, end.card.top_ups.standing_order) == (None, None)
    begun(end.card, at=AT + 60 * DAY).nothing()
    again = Given(end.card).when(set_auto_top_up, CATALOGUE, threshold=FIVE, amount=FIVE, at=AT + DAY)
    begun(again.card, at=AT + DAY).then(fact(TopUpStarted, amount=FIVE), fact(ChargeAttempted, amount=FIVE))


def test_an_order_that_was_changed_meanwhile_stays():
    begun_one = begun(ordered(*YEAR))
    changed = Given(begun_one.card).when(set_auto_top_up, CATALOGUE, threshold=FIVE, amount=FIVE, at=AT)
    no = declined(changed.card, "amount_too_small")
    end = begun(no.card).then(fact(TopUpFailed))
    assert end.card.top_ups.standing_order.amount == FIVE


def test_who_switched_off_meanwhile_learns_of_no_failure():
    automatic = TopUpStarted(number=1, amount=LESS, automatic=True, at=AT)
    off = given(registered(months=12), bound(), AutoTopUpSet(threshold=LESS, amount=LESS, at=AT), automatic)
    begun(off.card).then(fact(TopUpFailed, withdrawn=True))


def test_an_order_below_a_minimum_that_was_raised_later_ends_when_it_falls_due_and_nothing_is_charged():
    card = ordered(*YEAR)
    begun(card, RAISED).then(fact(AutoTopUpStopped, declined=0, last_code="amount_too_small"))
    enough = ordered(*YEAR, threshold=Money(minor=0, currency="CNY"))
    begun(enough, RAISED).nothing()


def test_a_top_up_that_began_before_the_minimum_was_raised_ends_before_it_is_charged():
    asked = Given(given(*YEAR).card).when(top_up, RULES, amount=TEN, at=AT)
    begun(asked.card, RAISED).then(fact(TopUpFailed, last_code="amount_too_small"))


def test_the_release_of_a_card_that_was_held_for_it_ends_the_top_up_and_charges_nothing():
    automatic = begun(ordered(*TWO_METHODS, amount=LESS, threshold=LESS), ANY_AMOUNT)
    no = declined(automatic.card, "amount_too_small")
    alarm = CardHeld(reason="the gateway calls our request wrong", by="alarm", at=AT)
    released = Given(evolve(no.card, no.card.card_id, alarm)).when(release_card, RULES, at=AT + 2 * DAY)
    assert released.facts[0] == CardReleased(at=AT + 2 * DAY)
    end = begun(released.card, at=AT + 2 * DAY).then(fact(TopUpFailed), fact(AutoTopUpStopped))
    begun(end.card, at=AT + 60 * DAY).nothing()


def test_what_else_the_gateway_calls_wrong_holds_the_card():
    asked = Given(given(*YEAR).card).when(top_up, RULES, amount=TEN, at=AT)
    declined(begun(asked.card).card, "invalid_amount").then(fact(ChargeFailed), fact(CardHeld, by="alarm"))
