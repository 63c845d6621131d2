"""Delays that we cause move the deadlines: each in full and once, overlapping or not."""

from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from engine.calendar import local_date
from engine.card.attempt import ChargeAttempted
from engine.card.charge import RenewalRequested
from engine.card.deadlines import ChargingBlocked, DeadlinesMoved
from engine.card.decline import ChargeFailed
from engine.card.doubt import confirm_number, number_case
from engine.card.hold import CardHeld, CardReleased, hold_card, release_card
from engine.card.lapse import NumberReclaimed, Suspended
from engine.card.next import move_for_late_wake
from engine.card.outcomes import record_answer
from engine.card.reminders import ReminderDue
from engine.ports import Declined, NotFound
from tests.engine.given_when_then import Given, fact, given
from tests.engine.recorded_history import History
from tests.engine.samples import (
    CHARGING,
    DECLINED,
    ENDS_AT,
    GRACE_ENDS_AT,
    OPENS_AT,
    PAYING,
    POLICY,
    RULES,
    SECOND,
    VISA,
    attempt_id,
    bound,
    enabled,
    local,
    registered,
    started,
    suspended,
    switched_off,
    unknown,
)

HOUR = timedelta(hours=1)
NO_GRACE = (registered(grace_days=0, reclaim_days=5), bound(VISA), enabled())


def held(at):
    return CardHeld(reason="to be looked at", by="operator", at=at)


def release(card: Given, at):
    return card.when(release_card, RULES, at=at)


def never_happened(card: Given, at):
    about = {"learned": "looked_up", "rules": RULES, "at": at}
    return card.when(record_answer, attempt_id(), NotFound(), **about)


def test_a_hold_within_the_operators_stop_counts_from_the_stop_on():
    blocked_at, released_at = local("2026-03-30 10:00"), local("2026-04-03 11:00")
    card = given(*DECLINED, ChargingBlocked(at=blocked_at), held(local("2026-04-03 10:00")))
    then = release(card, released_at)
    then.then(fact(CardReleased), fact(DeadlinesMoved, reason="held", by=released_at - blocked_at))
    assert then.card.deadlines.blocked_since is None


def test_a_hold_within_an_unknown_outcome_counts_once():
    found_at, released_at = OPENS_AT + 47 * HOUR, OPENS_AT + 49 * HOUR
    found = never_happened(given(*CHARGING, unknown(), held(OPENS_AT + HOUR)), found_at)
    found.then(fact(ChargeFailed, code="never_happened"), fact(DeadlinesMoved, by=47 * HOUR))
    then = release(Given(found.card), released_at).then(fact(CardReleased), fact(DeadlinesMoved, by=2 * HOUR))
    assert then.card.deadlines.moved_by == released_at - OPENS_AT


def test_a_hold_that_ends_before_the_outcome_is_known_counts_once():
    released = release(given(*CHARGING, unknown(), held(OPENS_AT + HOUR)), OPENS_AT + 5 * HOUR)
    released.then(fact(CardReleased), fact(DeadlinesMoved, by=5 * HOUR))
    then = never_happened(Given(released.card), OPENS_AT + 47 * HOUR)
    then.then(fact(ChargeFailed), fact(DeadlinesMoved, by=42 * HOUR))
    assert then.card.deadlines.moved_by == 47 * HOUR


def test_a_delay_before_the_renewal_opens_moves_no_deadline():
    card = given(*PAYING, held(local("2026-03-05 10:00")))
    release(card, OPENS_AT).then(fact(CardReleased))
    release(card, OPENS_AT + HOUR).then(fact(CardReleased), fact(DeadlinesMoved, by=HOUR))


def test_a_clock_that_was_set_back_moves_no_deadline():
    release(given(*DECLINED, held(ENDS_AT)), ENDS_AT - HOUR).then(fact(CardReleased))
    card = given(*DECLINED, ChargingBlocked(at=ENDS_AT + HOUR))
    then = card.at(ENDS_AT + HOUR - SECOND)
    assert then.facts[0] == DeadlinesMoved(reason="charging_stopped", by=timedelta(0), at=ENDS_AT + HOUR - SECOND)


@pytest.mark.parametrize("late", [timedelta(hours=7), timedelta(days=2, hours=14)])
def test_time_lost_before_the_term_ends_counts_too(late):
    (moved,) = move_for_late_wake(given(*PAYING).card, OPENS_AT, RULES, OPENS_AT + late)
    assert (moved.reason, moved.by) == ("late", late)


def test_a_delay_moves_the_suspension_of_a_card_without_grace_and_starts_no_grace():
    moved = DeadlinesMoved(reason="unknown_outcome", by=HOUR, at=OPENS_AT + HOUR)
    card = given(*NO_GRACE, moved, switched_off())
    card.at(ENDS_AT - SECOND).then(fact(ReminderDue, kind="lapse_ahead"))
    card.at(ENDS_AT).nothing().waits(ENDS_AT + HOUR, "term_ends")
    card.at(ENDS_AT + HOUR).then(fact(Suspended), fact(ReminderDue, kind="last_chance"))


def test_without_delay_a_card_without_grace_is_suspended_as_its_term_ends():
    given(*NO_GRACE, *DECLINED[3:]).at(ENDS_AT - SECOND).then(fact(ChargeAttempted, rung=2))
    declined = given(*NO_GRACE, *DECLINED[3:]).at(local("2026-03-31 10:00"))
    about = {"learned": "sent", "rules": RULES, "at": ENDS_AT - HOUR}
    no = Given(declined.card).when(record_answer, attempt_id(2), Declined(code="insufficient_funds"), **about)
    Given(no.card).at(ENDS_AT).then(
        fact(ReminderDue, kind="payment_failed"),
        fact(Suspended, reclaimed_on=date(2026, 4, 6)),
        fact(ReminderDue, kind="last_chance"),
    )


def test_a_renewal_that_is_open_stays_so_when_the_policy_opens_later_ones_later():
    later = replace(RULES, policy=POLICY.model_copy(update={"lead_days": 1}))
    blocked = given(*PAYING, started(), ChargingBlocked(at=OPENS_AT))
    resumed = blocked.at(OPENS_AT + HOUR, later)
    assert resumed.facts[0] == DeadlinesMoved(reason="charging_stopped", by=HOUR, at=OPENS_AT + HOUR)
    release(given(*DECLINED, held(OPENS_AT + HOUR)), OPENS_AT + 3 * HOUR).then(
        fact(CardReleased), fact(DeadlinesMoved, by=2 * HOUR)
    )


def test_a_stop_before_the_renewal_opens_moves_no_deadline_though_it_prevents_an_early_payment():
    asked = RenewalRequested(at=OPENS_AT - 9 * HOUR)
    blocked = given(*PAYING, started(at=OPENS_AT - 9 * HOUR), asked, ChargingBlocked(at=OPENS_AT - 9 * HOUR))
    assert blocked.at(OPENS_AT - HOUR).facts[0].by == timedelta(0)
    assert blocked.at(OPENS_AT + HOUR).facts[0].by == HOUR


NOW = OPENS_AT + SECOND


def test_a_held_card_is_left_alone_and_its_deadlines_move():
    then = given(*PAYING).when(hold_card, reason="a dispute", at=NOW).then(fact(CardHeld, by="operator"))
    Given(then.card).at(GRACE_ENDS_AT).nothing().waits(local("2026-05-01 00:00"), "held")
    Given(then.card).when(hold_card, reason="again", at=NOW).nothing()


def test_the_deadlines_of_a_card_that_is_woken_late_move_by_the_delay():
    card, unopened = given(*DECLINED).card, given(*PAYING).card
    woken_for, at = local("2026-03-30 10:00"), GRACE_ENDS_AT
    (moved,) = move_for_late_wake(card, woken_for, RULES, at)
    assert (moved.reason, moved.by) == ("late", at - woken_for)
    assert move_for_late_wake(card, woken_for, RULES, woken_for + POLICY.late_after) == ()
    before = OPENS_AT - timedelta(days=9)
    assert move_for_late_wake(unopened, before, RULES, OPENS_AT - SECOND) == ()  # nothing was to be charged yet
    (from_opening,) = move_for_late_wake(unopened, before, RULES, ENDS_AT)
    assert from_opening.by == ENDS_AT - OPENS_AT
    assert move_for_late_wake(given(registered()).card, woken_for, RULES, at) == ()
    assert move_for_late_wake(given(*CHARGING).card, woken_for, RULES, at) == ()
    assert move_for_late_wake(card, None, RULES, at) == ()


LAST_RUNG_AT, LOST_AT = local("2026-04-30 10:00"), local("2026-05-01 00:00")
BACK_AT = local("2026-05-04 19:00")


def declined_until(at) -> History:
    """Each wake before `at` comes on time, and each attempt is declined."""
    history = History()
    while history.wake_at < at:
        history.wakes()
        if history.card.attempts.open is not None:
            history.declined()
    return history


def test_a_number_is_given_up_as_we_come_back_if_the_holders_days_were_over_while_we_were_away():
    """It was tried on their last day; what we missed after that was only to give it up."""
    history = declined_until(LOST_AT)
    assert (history.wake_at, history.card.renewal.rung_at) == (LOST_AT, LAST_RUNG_AT)
    before = len(history.records)
    moved, lost = (one.fact for one in history.wakes(BACK_AT).records[before:])
    assert moved == DeadlinesMoved(
        reason="late", by=timedelta(days=3, hours=19), lost_on=local_date(BACK_AT, "Asia/Shanghai"), at=BACK_AT
    )
    assert (type(lost), lost.by, history.wake_at) == (NumberReclaimed, "deadline", None)


def test_a_last_rung_that_we_missed_is_made_up_as_we_come_back():
    history = declined_until(LAST_RUNG_AT)
    assert history.wakes(BACK_AT).records[-1].fact == number_case(history.card, BACK_AT)
    confirmed_at = BACK_AT + 3 * HOUR
    attempt = history.decides(confirm_number, RULES, evidence="a call", at=confirmed_at).wakes().records[-1].fact
    assert (type(attempt), attempt.reason, attempt.last_rung) == (ChargeAttempted, "next_rung", True)
    history.declined().wakes_until(confirmed_at + timedelta(hours=14) - SECOND)
    assert history.wake_at == confirmed_at + timedelta(hours=14)
    assert type(history.wakes().records[-1].fact) is NumberReclaimed


def test_a_number_is_not_lost_by_the_few_hours_for_which_we_were_late():
    history = History(registered(), bound(VISA), suspended())
    history.does((enabled(at=LOST_AT - HOUR),))
    assert history.wake_at == LOST_AT - HOUR
    before, back_at = len(history.records), LOST_AT + 2 * HOUR
    moved, _, case = (one.fact for one in history.wakes(back_at).records[before:])
    assert moved == DeadlinesMoved(reason="late", by=3 * HOUR, at=back_at)
    assert case == number_case(history.card, back_at)
