"""What time asks of a card: facts that are due, a question to the gateway, or a wait with its reason."""

from datetime import date, timedelta
from uuid import UUID

import pytest
from msgspec.structs import replace

from engine.card.attempt import Ask, CaseOpened, ChargeAttempted
from engine.card.card import replay
from engine.card.deadlines import ChargingBlocked, DeadlinesMoved, reclaims_at, suspends_at
from engine.card.lapse import GraceStarted, Suspended
from engine.card.next import deferred, next_step, wakes_at
from engine.card.step import Wait
from engine.card.term import RenewalStarted
from engine.card.waking import Deferred
from engine.catalogue import Catalogue
from engine.money import Money
from tests.engine.given import Given, fact, given
from tests.engine.samples import (
    BUDGET,
    CARD_ID,
    CATALOGUE,
    CHARGING,
    DECLINED,
    ENDS_AT,
    GRACE_ENDS_AT,
    MONTH_PRICE,
    OPENS_AT,
    PAYING,
    PAYPAL,
    POLICY,
    RULES,
    SECOND,
    VISA,
    attempt_id,
    attempted,
    bound,
    enabled,
    failed,
    grace_started,
    local,
    period_changed,
    registered,
    renewed,
    started,
    succeeded,
    suspended,
    switched_off,
    told,
    unknown,
)

STOPPED = replace(RULES, charging_stopped=True)
KEY_ENDS_AT = OPENS_AT + POLICY.key_lifetime

# Opening


def test_nothing_is_due_before_the_renewal_opens():
    given(*PAYING).at(OPENS_AT - SECOND).nothing().waits(OPENS_AT, "renewal_opens")


def test_when_it_opens_the_next_term_is_offered_and_charged():
    given(*PAYING).at(OPENS_AT).then(
        fact(
            RenewalStarted,
            term_number=1,
            months=1,
            price=MONTH_PRICE,
            saving=Money(minor=0, currency="CNY"),
            catalogue_version="2026-11-01",
            policy_version=POLICY.version,
            at=OPENS_AT,
        ),
        fact(
            ChargeAttempted,
            attempt_id=attempt_id(),
            term_number=1,
            number=1,
            rung=1,
            reason="renewal_opened",
            method_id="visa",
            token="tok-visa",
            amount=MONTH_PRICE,
            policy_version=POLICY.version,
            at=OPENS_AT,
        ),
    ).waits(OPENS_AT + BUDGET, "answer_awaited")


def test_an_attempts_id_is_the_same_for_ever():
    """Changed, every charge that is under way would be sent under a second key."""
    then = given(*PAYING).at(OPENS_AT)
    assert then.card.attempts.open.attempt_id == UUID("25b68f46-d243-50d3-b27b-0660a0959590")


def test_the_chosen_period_is_what_is_offered():
    then = given(registered(), bound(), enabled(12)).at(OPENS_AT)
    then.then(fact(RenewalStarted, months=12), fact(ChargeAttempted, amount=Money(minor=14_400, currency="CNY")))


def test_a_price_that_was_offered_stands_whatever_the_catalogue_says_later():
    dearer = CATALOGUE.model_dump()
    dearer["versions"][0]["prices"]["keep-short"]["CNY"] = 9999
    later = replace(RULES, catalogue=Catalogue.model_validate(dearer))
    given(*DECLINED).at(local("2026-03-30 10:00"), later).then(fact(ChargeAttempted, amount=MONTH_PRICE))


def test_a_renewed_card_waits_for_its_next_renewal():
    history = (*CHARGING, succeeded(), renewed())
    given(*history).at(OPENS_AT + SECOND).nothing().waits(local("2026-04-28 10:00"), "renewal_opens")


def test_a_terms_attempts_are_counted_from_one_again():
    history = (*CHARGING, succeeded(), renewed())
    given(*history).at(local("2026-04-28 10:00")).then(
        fact(RenewalStarted, term_number=2),
        fact(ChargeAttempted, term_number=2, number=1, attempt_id=attempt_id(term_number=2)),
    )


# Who sends, and who asks again


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


def test_when_the_gateway_may_have_forgotten_the_key_we_only_look():
    """Stripe forgets keys after 24 hours; sent again after that, a charge is a second one."""
    given(*CHARGING).at(KEY_ENDS_AT - SECOND).asks("asked_again")
    given(*CHARGING).at(KEY_ENDS_AT).asks("looked_up")
    given(*CHARGING, unknown(asked=2)).at(KEY_ENDS_AT + timedelta(days=1)).asks("looked_up")


@pytest.mark.parametrize("history", [CHARGING, (*CHARGING, unknown())], ids=["unanswered", "unknown"])
def test_after_switching_off_we_only_look(history):
    """Sent again, the charge might be made for the first time, without consent."""
    given(*history, switched_off()).at(OPENS_AT + timedelta(hours=1)).asks("looked_up")


@pytest.mark.parametrize("history", [CHARGING, (*CHARGING, unknown())], ids=["unanswered", "unknown"])
def test_while_charging_is_stopped_we_only_look(history):
    given(*history).at(OPENS_AT + timedelta(hours=1), STOPPED).nothing().asks("looked_up")


def test_what_never_happened_uses_up_nothing():
    at = KEY_ENDS_AT + POLICY.never_happened_after
    then = given(*CHARGING, unknown(), failed(code="never_happened", at=at)).at(at)
    then.then(fact(ChargeAttempted, number=2, rung=1, method_id="visa", attempt_id=attempt_id(2)))
    assert then.card.renewal.first_failed_at is None


def test_nothing_else_is_attempted_while_an_outcome_is_unknown():
    history = (registered(), bound(VISA), bound(PAYPAL), *PAYING[2:], started(), attempted(), unknown())
    given(*history).at(local("2026-04-01 10:00")).nothing().asks("looked_up")


# Active, grace, suspended


def test_declined_a_card_waits_for_its_next_rung():
    given(*DECLINED).at(OPENS_AT + SECOND).nothing().waits(local("2026-03-30 10:00"), "next_rung")


def test_unpaid_at_the_terms_end_grace_begins():
    history = (*DECLINED, attempted(2, 2), failed(2, 2), told(2))
    given(*history).at(ENDS_AT - SECOND).nothing().waits(ENDS_AT, "term_ends")
    given(*history).at(ENDS_AT).then(
        fact(GraceStarted, term_number=0, suspends_on=date(2026, 4, 3), policy_version=POLICY.version, at=ENDS_AT)
    ).waits(local("2026-04-01 10:00"), "next_rung")


def test_unpaid_at_the_end_of_grace_the_card_is_suspended_and_says_why():
    history = (*DECLINED, attempted(2, 2), failed(2, 2), attempted(3, 3), failed(3, 3, code="do_not_honor"), told(3))
    given(*history, grace_started()).at(GRACE_ENDS_AT - SECOND).nothing().waits(GRACE_ENDS_AT, "grace_ends")
    given(*history, grace_started()).at(GRACE_ENDS_AT).then(
        fact(
            Suspended,
            term_number=0,
            reclaimed_on=date(2026, 5, 1),
            rungs=3,
            last_code="do_not_honor",
            policy_version=POLICY.version,
            at=GRACE_ENDS_AT,
        )
    ).waits(local("2026-04-03 10:00"), "next_rung")


@pytest.mark.parametrize("days", [1, 2, 180])
def test_grace_lasts_as_many_local_days_as_the_keep_rule_says(days):
    history = (registered(grace_days=days, reclaim_days=270), grace_started())
    ends = ENDS_AT + timedelta(days=days)
    given(*history).at(ends - SECOND).nothing().waits(ends, "grace_ends")
    given(*history).at(ends).then(fact(Suspended))


def test_without_grace_the_card_is_suspended_at_the_terms_end():
    given(registered(grace_days=0)).at(ENDS_AT).then(fact(Suspended, rungs=0, last_code=None))


def test_a_card_that_nobody_looked_at_for_long_skips_grace():
    given(registered()).at(GRACE_ENDS_AT + timedelta(days=5)).then(fact(Suspended))


def test_a_card_without_auto_renewal_lapses_without_being_charged():
    given(registered(), bound()).at(OPENS_AT).nothing().waits(ENDS_AT, "term_ends")
    given(registered(), bound()).at(ENDS_AT).then(fact(GraceStarted)).waits(GRACE_ENDS_AT, "grace_ends")
    given(registered(), bound(), suspended()).at(GRACE_ENDS_AT).nothing().waits(local("2026-04-24 00:00"), "reminder")


def test_a_card_is_charged_before_it_is_given_up():
    """Whatever kept us from it until now: it is not suspended without having been tried."""
    given(*PAYING).at(GRACE_ENDS_AT + timedelta(days=5)).then(fact(RenewalStarted), fact(ChargeAttempted))


@pytest.mark.parametrize("at", [ENDS_AT, GRACE_ENDS_AT, GRACE_ENDS_AT + timedelta(days=20)])
@pytest.mark.parametrize("history", [CHARGING, (*CHARGING, unknown())], ids=["unanswered", "unknown"])
def test_no_card_lapses_while_a_charge_is_open_or_of_unknown_outcome(history, at):
    for card in (given(*history), given(*history, switched_off())):
        then = card.at(at)
        then.then(*[fact(CaseOpened)] * len(then.facts)).asks("looked_up")


def test_a_suspended_card_is_still_tried():
    given(*DECLINED, suspended()).at(local("2026-04-05 10:00")).then(fact(ChargeAttempted, rung=2))


def test_switching_on_for_a_suspended_card_charges_at_once():
    at = local("2026-04-10 15:30")
    given(registered(), bound(), suspended(), enabled(at=at)).at(at).then(
        fact(RenewalStarted), fact(ChargeAttempted, at=at)
    )


def test_days_are_those_of_the_cards_zone():
    history = (registered(zone="America/New_York"), *PAYING[1:])
    opens = local("2026-03-29 10:00", "America/New_York")
    given(*history).at(opens - SECOND).nothing().waits(opens, "renewal_opens")
    given(history[0]).at(local("2026-03-31 23:59", "America/New_York")).nothing()
    given(history[0]).at(local("2026-04-01 00:00", "America/New_York")).then(fact(GraceStarted))


# Switching off, changing the period, stopping all charging


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


def test_while_charging_is_stopped_nothing_is_charged_and_no_card_lapses():
    recheck = POLICY.stopped_recheck
    for at in (OPENS_AT, ENDS_AT, GRACE_ENDS_AT + timedelta(days=3)):
        then = given(*PAYING).at(at, STOPPED).then(fact(RenewalStarted), fact(ChargingBlocked, at=at))
        then.waits(at + recheck, "charging_stopped")
    at = local("2026-03-30 10:00")
    then = given(*DECLINED).at(at, STOPPED).then(fact(ChargingBlocked))
    later = GRACE_ENDS_AT + timedelta(days=3)
    Given(then.card).at(later, STOPPED).nothing().waits(later + recheck, "charging_stopped")


def test_a_card_that_waits_for_its_next_rung_is_not_blocked_by_the_stop():
    given(*DECLINED).at(OPENS_AT + SECOND, STOPPED).nothing().waits(local("2026-03-30 10:00"), "next_rung")


def test_what_the_operator_stopped_moves_the_deadlines_once_it_goes_on():
    since = local("2026-03-30 10:00")
    then = Given(given(*DECLINED).at(since, STOPPED).card).at(since + timedelta(days=5))
    then.then(
        fact(DeadlinesMoved, reason="charging_stopped", by=timedelta(days=5)),
        fact(ChargeAttempted, rung=2),
    )
    assert suspends_at(then.card) == GRACE_ENDS_AT + timedelta(days=5)
    assert reclaims_at(then.card) == local("2026-05-06 00:00")


def test_switched_off_while_stopped_the_time_until_then_counts():
    since = local("2026-03-30 10:00")
    blocked = given(*DECLINED).at(since, STOPPED).card
    off = Given(replay(blocked, CARD_ID, [switched_off(at=since + timedelta(days=2))]))
    off.at(since + timedelta(days=2), STOPPED).then(fact(DeadlinesMoved, by=timedelta(days=2)), fact(GraceStarted))


def test_charging_stopped_before_the_renewal_opens_changes_nothing():
    given(*PAYING).at(OPENS_AT - SECOND, STOPPED).nothing().waits(OPENS_AT, "renewal_opens")


def test_a_card_that_would_not_be_charged_lapses_though_charging_is_stopped():
    given(registered()).at(GRACE_ENDS_AT, STOPPED).then(fact(Suspended))


def test_charging_resumed_the_card_is_charged_before_it_lapses():
    at = GRACE_ENDS_AT + timedelta(days=3)
    given(*DECLINED).at(at).then(fact(ChargeAttempted, rung=2))


# Steps and wake times


def test_the_same_question_has_the_same_answer():
    card = given(*PAYING).card
    assert next_step(card, RULES, OPENS_AT) == next_step(card, RULES, OPENS_AT)


def test_a_wait_wakes_at_its_end_and_all_else_now():
    attempt = given(*CHARGING).card.attempts.open
    assert wakes_at(Wait(ENDS_AT, "term_ends"), OPENS_AT) == ENDS_AT
    assert wakes_at(Wait(None, "suspended"), OPENS_AT) is None
    assert wakes_at(Ask(attempt, "looked_up"), OPENS_AT) == OPENS_AT
    assert wakes_at((started(),), OPENS_AT) == OPENS_AT


def test_a_card_woken_in_vain_moves_its_wake_time_on():
    wait = Wait(ENDS_AT, "term_ends")
    assert deferred(wait, OPENS_AT, OPENS_AT) == (Deferred(reason="term_ends", until=ENDS_AT, at=OPENS_AT),)
    assert deferred(Wait(None, "suspended"), OPENS_AT, ENDS_AT) == (
        Deferred(reason="suspended", until=None, at=ENDS_AT),
    )


def test_a_doubled_message_moves_nothing():
    wait = Wait(ENDS_AT, "term_ends")
    assert deferred(wait, ENDS_AT, OPENS_AT) == ()  # woken already: the wake time lies ahead
    assert deferred(wait, None, OPENS_AT) == ()


def test_a_question_is_not_put_off():
    assert deferred(Ask(given(*CHARGING).card.attempts.open, "asked_again"), OPENS_AT, OPENS_AT) == ()


def test_stopped_over_the_last_day_a_card_is_not_given_up():
    blocked = given(*DECLINED, suspended()).at(local("2026-04-30 10:00"), STOPPED).card
    Given(blocked).at(local("2026-05-02 10:00"), STOPPED).nothing().waits(local("2026-05-02 13:00"), "charging_stopped")
