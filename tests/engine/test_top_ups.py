"""Top-ups that are declined: when the networks count them, when they pause, when they end."""

from datetime import datetime, timedelta

import pytest

from engine.card.attempt import ChargeAttempted
from engine.card.outcomes import record_answer
from engine.card.standing_order import AutoTopUpSet, AutoTopUpStopped, set_auto_top_up
from engine.card.top_ups import TopUpFailed, TopUpStarted, top_up
from engine.ports import Charged, Declined
from tests.engine.given_when_then import Given, Then, fact, given
from tests.engine.samples import (
    CATALOGUE,
    FIVE,
    PAYING,
    PAYPAL,
    REGISTERED_AT,
    RULES,
    TEN,
    VISA,
    bound,
    enabled,
    registered,
)

AT = REGISTERED_AT
DAY, MINUTE, SECOND = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)
YEAR = (registered(months=12), bound(), enabled())
"""Nothing else happens to it for long."""


def answered(card, at: datetime, code: str | None = "insufficient_funds") -> Then:
    """The open attempt is answered, and what follows at once."""
    attempt = card.attempts.top_up
    yes = Charged(attempt_id=attempt.attempt_id, amount=attempt.amount, gateway_ref="ref")
    said = yes if code is None else Declined(code=code)
    about = {"learned": "sent", "rules": RULES, "at": at}
    return Given(Given(card).when(record_answer, attempt.attempt_id, said, **about).card).at(at)


def by_hand(card, at: datetime, code: str | None = "insufficient_funds") -> Then:
    started = Given(card).when(top_up, RULES, amount=TEN, at=at)
    return answered(Given(started.card).at(at).card, at, code)


def ordered(history=YEAR):
    return given(*history).when(set_auto_top_up, CATALOGUE, threshold=FIVE, amount=TEN, at=AT).card


def test_automatic_top_ups_back_off_one_three_and_seven_days_and_then_the_order_is_switched_off():
    card, at = ordered(), AT
    for days in (1, 3, 7):
        begun = Given(card).at(at).then(fact(TopUpStarted, automatic=True), fact(ChargeAttempted))
        no = answered(begun.card, at).then(fact(TopUpFailed))
        no.waits(at + days * DAY, "top_up_gap")
        card, at = no.card, at + days * DAY
        Given(card).at(at - SECOND).nothing()
    last = answered(Given(card).at(at).card, at)
    last.then(fact(TopUpFailed), fact(AutoTopUpStopped, declined=4, last_code="insufficient_funds"))
    assert last.card.top_ups.standing_order is None
    Given(last.card).at(at + 60 * DAY).nothing()
    again = (
        Given(last.card)
        .when(set_auto_top_up, CATALOGUE, threshold=FIVE, amount=TEN, at=at + DAY)
        .then(fact(AutoTopUpSet))
    )
    Given(again.card).at(at + DAY).then(fact(TopUpStarted), fact(ChargeAttempted))


def test_a_paid_one_ends_the_back_off():
    no = answered(Given(ordered()).at(AT).card, AT)
    paid = answered(Given(no.card).at(AT + DAY).card, AT + DAY, None)
    assert (no.card.top_ups.declined_in_a_row, paid.card.top_ups.declined_in_a_row) == (1, 0)


def test_what_no_issuer_declined_counts_for_nothing():
    never = answered(Given(ordered()).at(AT).card, AT, "invalid_amount")
    assert never.card.top_ups.declined_in_a_row == 0


def test_by_hand_at_most_five_are_declined_in_a_day():
    card = given(*YEAR).card
    for number in range(5):
        card = by_hand(card, AT + number * MINUTE).then(fact(TopUpFailed)).card
    Given(card).when(top_up, RULES, amount=TEN, at=AT + DAY - SECOND).refused("declined_too_often")
    Given(card).when(top_up, RULES, amount=TEN, at=AT + DAY).then(fact(TopUpStarted))


def test_by_hand_what_is_paid_is_not_limited():
    card = given(*YEAR).card
    for number in range(7):
        card = by_hand(card, AT + number * MINUTE, None).card
    assert card.balance.minor == 7 * TEN.minor


@pytest.mark.parametrize(("later", "counts"), [(DAY - SECOND, True), (DAY, False)])
def test_the_networks_count_a_top_up_within_a_day_after_a_decline_of_one_on_that_payment_card(later, counts):
    first = by_hand(given(*YEAR).card, AT)
    second = Given(first.card).when(top_up, RULES, amount=TEN, at=AT + later)
    Given(second.card).at(AT + later).then(fact(ChargeAttempted, follows_decline=counts))


def test_a_decline_on_another_method_is_none_of_this_payment_card():
    card = given(registered(months=12), bound(PAYPAL), bound(VISA), enabled()).card
    begun = Given(Given(card).when(top_up, RULES, amount=TEN, at=AT).card).at(AT)
    next_one = answered(begun.card, AT).then(fact(ChargeAttempted, method_id="visa", follows_decline=True))
    paid = answered(next_one.card, AT, None)
    assert paid.card.top_ups.declines == ()
    gone = Given(paid.card).when(top_up, RULES, amount=TEN, at=AT + MINUTE)
    Given(gone.card).at(AT + MINUTE).then(fact(ChargeAttempted, method_id="paypal", follows_decline=False))


def test_a_standing_order_whose_amount_is_below_its_threshold_is_refused():
    given(*PAYING).when(set_auto_top_up, CATALOGUE, threshold=TEN, amount=FIVE, at=AT).refused("amount_below_threshold")
    given(*PAYING).when(set_auto_top_up, CATALOGUE, threshold=TEN, amount=TEN, at=AT).then(fact(AutoTopUpSet))


def test_a_decline_is_remembered_for_a_day():
    card = by_hand(given(*YEAR).card, AT).card
    later = by_hand(card, AT + 2 * DAY)
    assert [one.at for one in later.card.top_ups.declines] == [AT + 2 * DAY]
    assert later.card.top_ups.declined_by_hand == (AT + 2 * DAY,)
