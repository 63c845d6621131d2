"""A changed consent takes effect before the next attempt, and the ladder goes on."""

from datetime import timedelta

import pytest

from engine.card.attempt import ChargeAttempted
from engine.card.term import RenewalStarted
from engine.money import Money
from tests.engine.given import fact, given
from tests.engine.samples import (
    CHARGING,
    DECLINED,
    ENDS_AT,
    OPENS_AT,
    PAYING,
    SECOND,
    enabled,
    local,
    period_changed,
    switched_off,
    unknown,
)


def test_switching_off_takes_effect_before_the_next_attempt():
    given(*PAYING, switched_off()).at(OPENS_AT).nothing().waits(ENDS_AT, "term_ends")
    given(*DECLINED, switched_off()).at(local("2026-03-30 10:00")).nothing().waits(ENDS_AT, "term_ends")


def test_switched_off_and_on_again_the_ladder_goes_on_where_it_was_at_the_price_agreed_now():
    history = (*DECLINED, switched_off(), enabled())
    then = given(*history).at(OPENS_AT + SECOND).then(fact(RenewalStarted, term_number=1, months=1))
    then.waits(local("2026-03-30 10:00"), "next_rung")
    given(*history).at(local("2026-03-30 10:00")).then(fact(RenewalStarted), fact(ChargeAttempted, number=2, rung=2))


def test_another_period_is_offered_anew_and_the_ladder_keeps_its_counters():
    then = given(*DECLINED, period_changed(12)).at(OPENS_AT + timedelta(hours=1))
    then.then(fact(RenewalStarted, term_number=1, months=12, price=Money(minor=14_400, currency="CNY")))
    then.waits(local("2026-03-30 10:00"), "next_rung")
    given(*DECLINED, period_changed(12)).at(local("2026-03-30 10:00")).then(
        fact(RenewalStarted),
        fact(ChargeAttempted, number=2, rung=2, amount=Money(minor=14_400, currency="CNY")),
    )


@pytest.mark.parametrize("history", [CHARGING, (*CHARGING, unknown())], ids=["unanswered", "unknown"])
def test_another_period_waits_for_an_open_attempt(history):
    given(*history, period_changed(12)).at(OPENS_AT + timedelta(hours=1)).nothing().asks("asked_again")
