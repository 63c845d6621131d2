"""Consent: switching auto-renewal on and off; a change takes effect before the next attempt."""

from datetime import timedelta

import pytest

from engine.card.attempt import ChargeAttempted
from engine.card.consent import (
    AutoRenewEnabled,
    AutoRenewSwitchedOff,
    PeriodChanged,
    enable_auto_renew,
    switch_off_auto_renew,
)
from engine.card.reminders import ReminderDue
from engine.card.term import RenewalStarted
from engine.money import Money
from tests.engine.given_when_then import Given, Then, fact, given
from tests.engine.samples import (
    CATALOGUE,
    CHARGING,
    DECLINED,
    ENDS_AT,
    OPENS_AT,
    PAYING,
    REGISTERED_AT,
    SECOND,
    VISA,
    bound,
    enabled,
    local,
    period_changed,
    registered,
    switched_off,
    unknown,
)

NOW = REGISTERED_AT


def enable(card: Given, months: int = 1) -> Then:
    return card.when(enable_auto_renew, CATALOGUE, months=months, terms_version="terms-2", channel="app", at=NOW)


def test_switching_on_keeps_what_the_holder_was_shown():
    enable(given(registered(), bound(VISA)), months=12).then(
        fact(
            AutoRenewEnabled,
            months=12,
            price=Money(minor=14_400, currency="CNY"),
            saving=Money(minor=3_600, currency="CNY"),
            catalogue_version="2026-11-01",
            terms_version="terms-2",
            channel="app",
            at=NOW,
        )
    )


def test_choosing_another_period_is_a_new_consent():
    then = enable(given(*PAYING), months=6).then(fact(PeriodChanged, months=6))
    assert then.card.consent.months == 6


def test_switching_off_is_a_fact_with_its_reason():
    then = given(*PAYING).when(switch_off_auto_renew, reason="operator", at=NOW)
    then.then(fact(AutoRenewSwitchedOff, reason="operator", at=NOW))
    assert then.card.consent is None


def test_switching_on_again_is_possible_after_switching_off():
    enable(given(*PAYING, switched_off())).then(fact(AutoRenewEnabled, months=1))


def test_switching_off_leaves_an_open_attempt_to_run_to_its_end():
    then = given(*CHARGING).when(switch_off_auto_renew, reason="holder", at=OPENS_AT + SECOND)
    assert then.card.attempts.open is not None


def test_switching_off_takes_effect_before_the_next_attempt():
    told = given(*PAYING, switched_off()).at(OPENS_AT)
    told.then(fact(ReminderDue, kind="lapse_ahead")).waits(ENDS_AT, "term_ends")
    told = given(*DECLINED, switched_off()).at(local("2026-03-30 11:00"))
    told.then(fact(ReminderDue, kind="lapse_ahead")).waits(ENDS_AT, "term_ends")


def test_switched_off_and_on_again_the_ladder_continues_at_the_price_agreed_now():
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
