"""While the operator has stopped charging nothing is charged, no card lapses, and deadlines move."""

from datetime import timedelta

from msgspec.structs import replace

from engine.card.attempt import CaseOpened, ChargeAttempted
from engine.card.deadlines import ChargingBlocked, DeadlinesMoved, reclaims_at, suspends_at
from engine.card.doubt import IN_DOUBT
from engine.card.evolve import replay
from engine.card.lapse import GraceStarted, Suspended
from engine.card.term import RenewalStarted
from tests.engine.given_when_then import Given, fact, given
from tests.engine.samples import (
    CARD_ID,
    DECLINED,
    ENDS_AT,
    GRACE_ENDS_AT,
    OPENS_AT,
    PAYING,
    POLICY,
    RULES,
    SECOND,
    local,
    registered,
    suspended,
    switched_off,
)

STOPPED = replace(RULES, charging_stopped=True)


def test_while_charging_is_stopped_nothing_is_charged_and_no_card_lapses():
    recheck = POLICY.stopped_recheck
    for at in (OPENS_AT, ENDS_AT, GRACE_ENDS_AT + timedelta(days=3)):
        then = given(*PAYING).at(at, STOPPED).then(fact(RenewalStarted), fact(ChargingBlocked, at=at))
        then.waits(at + recheck, "charging_stopped")
    at = local("2026-03-30 10:00")
    then = given(*DECLINED).at(at, STOPPED).then(fact(ChargingBlocked))
    later = GRACE_ENDS_AT + timedelta(days=3)
    Given(then.card).at(later, STOPPED).nothing().waits(later + recheck, "charging_stopped")


def test_while_the_gateway_is_down_it_is_as_if_charging_were_stopped_and_the_facts_say_why():
    down = replace(STOPPED, gateway_down=True)
    then = given(*PAYING).at(OPENS_AT, down).then(fact(RenewalStarted), fact(ChargingBlocked, reason="gateway_down"))
    then.waits(OPENS_AT + POLICY.stopped_recheck, "gateway_down")
    up = Given(then.card).at(ENDS_AT + timedelta(days=4))
    up.then(fact(DeadlinesMoved, reason="gateway_down"), fact(ChargeAttempted))


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


def test_a_card_is_not_given_up_when_charging_is_stopped_on_its_last_day():
    blocked = given(*DECLINED, suspended()).at(local("2026-04-30 10:00"), STOPPED).card
    Given(blocked).at(local("2026-04-30 21:00"), STOPPED).nothing().waits(local("2026-05-01 00:00"), "charging_stopped")
    then = Given(blocked).at(local("2026-05-02 10:00"), STOPPED).then(fact(CaseOpened, reason=IN_DOUBT))
    then.waits(None, "number_in_doubt")
