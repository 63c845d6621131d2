"""Attempts without an answer: when the gateway is asked again, and when they are only looked up."""

from datetime import timedelta

import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from engine.card.asking import SEND_EARLY_MAX
from engine.card.attempt import CaseOpened, ChargeAttempted
from engine.card.deadlines import DeadlinesMoved
from engine.card.decline import ChargeFailed
from engine.card.outcomes import resolve_attempt
from engine.card.payments import ChargeSucceeded
from engine.card.refunds import RefundStarted
from engine.card.term import CardRenewed
from engine.policy import Policy
from engine.ports import Unclear
from tests.engine.given_when_then import Given, fact, given
from tests.engine.recorded_history import History
from tests.engine.samples import (
    BUDGET,
    CHARGING,
    OPENS_AT,
    PAYING,
    PAYPAL,
    POLICY,
    PROVIDER,
    RULES,
    SECOND,
    VISA,
    attempt_id,
    attempted,
    bound,
    failed,
    local,
    registered,
    started,
    switched_off,
    unknown,
)

STOPPED = replace(RULES, charging_stopped=True)
KEY_ENDS_AT = OPENS_AT + PROVIDER.key_lifetime


def test_an_attempt_younger_than_the_gateways_budget_is_left_alone():
    given(*CHARGING).at(OPENS_AT + BUDGET - SECOND).nothing().waits(OPENS_AT + BUDGET, "answer_awaited")


def test_an_attempt_without_answer_is_asked_about_with_the_same_key():
    then = given(*CHARGING).at(OPENS_AT + BUDGET).nothing()
    then.asks("asked_again")
    assert then.step.attempt.attempt_id == attempt_id()


def test_an_unknown_outcome_is_left_alone_until_it_is_time_to_ask():
    ask_at = OPENS_AT + BUDGET + timedelta(minutes=5)
    given(*CHARGING, unknown()).at(ask_at - SECOND).nothing().waits(ask_at, "outcome_unknown")
    given(*CHARGING, unknown()).at(ask_at).nothing().asks("asked_again")


def test_when_the_gateway_may_have_forgotten_the_key_the_attempt_is_only_looked_up():
    """Stripe forgets keys after 24 hours; sent again after that, a charge is a second one."""
    given(*CHARGING).at(KEY_ENDS_AT - SECOND).asks("asked_again")
    given(*CHARGING).at(KEY_ENDS_AT).asks("looked_up")
    given(*CHARGING, unknown(asked=2)).at(KEY_ENDS_AT + timedelta(days=1)).asks("looked_up")


def test_an_attempt_of_a_clock_that_went_back_is_looked_up_until_its_own_time_has_come():
    """Sent now, its key would be forgotten long before the attempt is a day old."""
    early = OPENS_AT - SEND_EARLY_MAX
    asked_early = (*CHARGING, unknown(at=OPENS_AT - timedelta(days=10)))
    given(*asked_early).at(early - SECOND).nothing().asks("looked_up")
    given(*asked_early).at(early).nothing().asks("asked_again")


def test_an_attempt_of_a_clock_that_was_ahead_is_never_sent_again():
    """It may have been sent days before the time that it bears."""
    at = OPENS_AT + timedelta(hours=1)
    given(*CHARGING).at(at, replace(RULES, clock_ahead_until=OPENS_AT)).asks("looked_up")
    given(*CHARGING).at(at, replace(RULES, clock_ahead_until=OPENS_AT - SECOND)).asks("asked_again")


def test_while_the_key_is_known_we_ask_hourly_then_look_up_daily():
    history = History().wakes()
    asked = []
    while history.at < KEY_ENDS_AT + timedelta(days=2):
        history.answered(Unclear(reason="timeout"), timedelta(0))
        asked.append(history.wake_at - history.at)
        history.wakes()
    minutes, hour, day = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
    assert asked == [5 * minutes, 15 * minutes, *[hour] * 23, day, day]


def test_a_gateway_that_was_down_for_two_hours_delays_a_payment_by_hours_not_days():
    history = History().wakes()
    while history.at < OPENS_AT + timedelta(hours=2):
        history.answered(Unclear(reason="timeout"), timedelta(0)).wakes()
    history.paid()
    assert history.at < OPENS_AT + timedelta(hours=3)
    assert isinstance(history.records[-1].fact, CardRenewed)


@pytest.mark.parametrize("history", [CHARGING, (*CHARGING, unknown())], ids=["unanswered", "unknown"])
def test_after_switching_off_the_attempt_is_only_looked_up(history):
    """Sent again, the charge might be made for the first time, without consent."""
    given(*history, switched_off()).at(OPENS_AT + timedelta(hours=1)).asks("looked_up")


@pytest.mark.parametrize("history", [CHARGING, (*CHARGING, unknown())], ids=["unanswered", "unknown"])
def test_while_charging_is_stopped_the_attempt_is_only_looked_up(history):
    given(*history).at(OPENS_AT + timedelta(hours=1), STOPPED).nothing().asks("looked_up")


def test_what_never_happened_uses_up_nothing():
    at = KEY_ENDS_AT + PROVIDER.never_happened_after
    then = given(*CHARGING, unknown(), failed(code="never_happened", at=at)).at(at)
    then.then(fact(ChargeAttempted, number=2, rung=1, method_id="visa", attempt_id=attempt_id(2)))
    assert then.card.renewal.first_failed_at is None


def test_nothing_else_is_attempted_while_an_outcome_is_unknown():
    history = (registered(), bound(VISA), bound(PAYPAL), *PAYING[2:], started(), attempted(), unknown())
    given(*history).at(local("2026-04-01 10:00")).nothing().asks("looked_up")


def test_an_outcome_that_stays_unknown_becomes_a_case_and_a_person_closes_it():
    at = OPENS_AT + POLICY.case_after
    asked = unknown(asked=3, at=at - timedelta(hours=1))
    opened = given(*CHARGING, asked).at(at).then(fact(CaseOpened, about=attempt_id(), reason="outcome_unknown"))
    resolve = {"attempt_id": attempt_id(), "evidence": "ticket", "policy": POLICY, "at": at}
    card = Given(opened.card)
    card.when(resolve_attempt, charged=True, gateway_ref="r", **resolve).then(
        fact(ChargeSucceeded, learned="resolved", evidence="ticket"), fact(CardRenewed)
    )
    no = card.when(resolve_attempt, charged=False, gateway_ref=None, **resolve).then(
        fact(ChargeFailed, code="not_charged", learned="resolved"), fact(DeadlinesMoved, by=POLICY.case_after)
    )
    Given(no.card).when(resolve_attempt, charged=True, gateway_ref="r", **resolve).then(
        fact(ChargeSucceeded, learned="late"), fact(RefundStarted)
    )


def test_a_renewal_that_opens_on_the_last_day_is_refused_by_the_policy():
    with pytest.raises(ValidationError, match="lead_days"):
        Policy(lead_days=0)
