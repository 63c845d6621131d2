"""An unpaid card over time: grace, suspension and the loss of the number."""

from datetime import date, timedelta

import pytest

from engine.card.attempt import CaseOpened, ChargeAttempted
from engine.card.lapse import GraceStarted, Suspended
from engine.card.reminders import ReminderDue
from engine.card.term import RenewalStarted
from tests.engine.given_when_then import fact, given
from tests.engine.samples import (
    CHARGING,
    DECLINED,
    ENDS_AT,
    GRACE_ENDS_AT,
    OPENS_AT,
    PAYING,
    POLICY,
    SECOND,
    attempted,
    bound,
    enabled,
    failed,
    grace_started,
    local,
    registered,
    reminded,
    suspended,
    switched_off,
    unknown,
)


def test_declined_a_card_waits_for_its_next_rung():
    given(*DECLINED).at(OPENS_AT + SECOND).nothing().waits(local("2026-03-30 10:00"), "next_rung")


def test_unpaid_at_the_terms_end_grace_begins():
    history = (*DECLINED, attempted(2, 2), failed(2, 2), reminded(2))
    given(*history).at(ENDS_AT - SECOND).nothing().waits(ENDS_AT, "term_ends")
    given(*history).at(ENDS_AT).then(
        fact(GraceStarted, term_number=0, suspends_on=date(2026, 4, 3), policy_version=POLICY.version, at=ENDS_AT)
    ).waits(local("2026-04-01 10:00"), "next_rung")


def test_unpaid_at_the_end_of_grace_the_card_is_suspended_and_says_why():
    history = (
        *DECLINED,
        attempted(2, 2),
        failed(2, 2),
        attempted(3, 3),
        failed(3, 3, code="do_not_honor"),
        reminded(3),
    )
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


def test_a_card_that_is_woken_after_grace_has_ended_skips_it():
    given(registered()).at(GRACE_ENDS_AT + timedelta(days=5)).then(fact(Suspended))


def test_a_card_without_auto_renewal_lapses_without_being_charged():
    told = given(registered(), bound()).at(OPENS_AT).then(fact(ReminderDue, kind="lapse_ahead"))
    told.waits(ENDS_AT, "term_ends")
    given(registered(), bound()).at(ENDS_AT).then(fact(GraceStarted)).waits(GRACE_ENDS_AT, "grace_ends")
    given(registered(), bound(), suspended()).at(GRACE_ENDS_AT).nothing().waits(local("2026-04-24 00:00"), "reminder")


def test_a_card_is_charged_before_it_is_suspended():
    """However late the wake: it is not suspended without having been tried."""
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
    history = (registered(zone="America/New_York"), PAYING[1], enabled(at=local("2026-03-23 00:00")))
    opens = local("2026-03-29 10:00", "America/New_York")
    given(*history).at(opens - SECOND).nothing().waits(opens, "renewal_opens")
    given(history[0]).at(local("2026-03-31 23:59", "America/New_York")).then(fact(ReminderDue, kind="lapse_ahead"))
    given(history[0]).at(local("2026-04-01 00:00", "America/New_York")).then(fact(GraceStarted))
