"""Reminders as laws ask for them: told a week ahead, charged no earlier than five days after, each with its facts."""

from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from engine.card.asked_ahead import RenewalRequestEnded
from engine.card.attempt import ChargeAttempted
from engine.card.balance import BalanceCredited
from engine.card.charge import RenewalRequested, renew_now
from engine.card.deadlines import DeadlinesMoved, suspends_at
from engine.card.hold import CardHeld, CardReleased, hold_card, release_card
from engine.card.methods import PaymentMethodsOrdered
from engine.card.next import move_for_late_wake
from engine.card.reminders import ReminderDue
from engine.card.term import CardRenewed, RenewalStarted
from engine.command_dispatch import decide
from engine.commands import ChangePeriod
from engine.money import Money
from tests.engine.given_when_then import Given, fact, given, no_older_charge
from tests.engine.samples import (
    CARD_ID,
    ENDS_AT,
    MONTH_PRICE,
    OPENS_AT,
    POLICY,
    REGISTERED_AT,
    RULES,
    SECOND,
    attempted,
    bound,
    enabled,
    failed,
    local,
    period_changed,
    registered,
    started,
    suspended,
    switched_off,
)

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NOTIFIED_AT = local("2026-03-22 10:00")
AGREED_EARLY = (registered(), bound(), enabled(at=REGISTERED_AT))
NO_GRACE = (registered(grace_days=0, reclaim_days=5), bound(), enabled(at=REGISTERED_AT))
CHARGE = (fact(RenewalStarted), fact(ChargeAttempted, amount=MONTH_PRICE))
NOTICE = fact(
    ReminderDue,
    kind="renewal_ahead",
    about="2026-03-29",
    amount=MONTH_PRICE,
    months=1,
    method_id="visa",
    charge_on=date(2026, 3, 29),
    policy_version=POLICY.version,
)


def reminded(at=NOTIFIED_AT) -> ReminderDue:
    return ReminderDue(kind="renewal_ahead", term_number=0, about="2026-03-29", at=at)


def at_once(notice_at):
    """What is told when nobody was told in time, and until when the charge then waits."""
    return given(*AGREED_EARLY).at(notice_at)


# The notice of every charge


def test_every_holder_is_told_of_the_charge_a_week_before_and_charged_at_the_opening():
    given(*AGREED_EARLY).at(NOTIFIED_AT - SECOND).nothing().waits(NOTIFIED_AT, "reminder")
    then = given(*AGREED_EARLY).at(NOTIFIED_AT).then(NOTICE)
    then.waits(OPENS_AT, "renewal_opens")
    Given(then.card).at(OPENS_AT).then(*CHARGE)


def test_without_days_of_grace_the_charge_still_comes_before_the_end_of_the_term():
    then = given(*NO_GRACE).at(NOTIFIED_AT).then(NOTICE)
    Given(then.card).at(OPENS_AT).then(*CHARGE)
    assert OPENS_AT < ENDS_AT


def test_the_renewal_that_follows_has_a_notice_of_its_own():
    then = given(*AGREED_EARLY, reminded(), started(), attempted(), failed()).at(OPENS_AT + SECOND)
    assert "renewal_ahead" in then.card.reminded


def test_a_holder_without_a_method_that_may_be_charged_is_told_all_the_same():
    given(registered(), bound(), enabled(at=REGISTERED_AT), started(at=REGISTERED_AT)).at(NOTIFIED_AT).then(
        fact(ReminderDue, amount=MONTH_PRICE, method_id="visa")
    )
    ended = replace(failed(1, 0, code="expired_card"), at=REGISTERED_AT)
    early = (started(at=REGISTERED_AT), RenewalRequested(at=REGISTERED_AT), attempted(1, 0, at=REGISTERED_AT), ended)
    then = given(*AGREED_EARLY, *early).at(NOTIFIED_AT)
    notices = [(one.kind, one.method_id) for one in then.facts if isinstance(one, ReminderDue)]
    assert notices == [("payment_failed", None), ("renewal_ahead", None)]


def test_nobody_who_switched_it_off_is_told_of_a_charge():
    off = given(*AGREED_EARLY, switched_off()).at(NOTIFIED_AT).nothing()
    assert (off.step.until > NOTIFIED_AT, off.step.reason) == (True, "reminder")  # of the end of the service


# A notice that comes too late


def test_a_charge_waits_until_its_notice_is_five_days_old_and_the_deadlines_move_by_what_is_our_delay():
    late = local("2026-03-29 10:00")
    then = given(*NO_GRACE).at(late)
    then.then(
        fact(RenewalStarted),
        fact(ReminderDue, kind="renewal_ahead", charge_on=date(2026, 4, 3)),
        fact(DeadlinesMoved, reason="notice_late", by=5 * DAY, until=late + 5 * DAY),
    )
    then.waits(late + 5 * DAY, "notice_awaited")
    Given(then.card).at(late + 5 * DAY - SECOND).nothing()
    Given(then.card).at(late + 5 * DAY).then(fact(ChargeAttempted, rung=1, amount=MONTH_PRICE))
    assert suspends_at(then.card) == ENDS_AT + 5 * DAY


def test_a_notice_of_six_days_ahead_delays_nothing():
    sent = OPENS_AT - 6 * DAY
    then = at_once(sent).then(fact(ReminderDue, charge_on=date(2026, 3, 29)))
    then.waits(OPENS_AT, "renewal_opens")


def test_only_the_days_after_the_opening_are_our_delay():
    then = at_once(OPENS_AT - 4 * DAY)
    then.then(
        fact(ReminderDue, charge_on=date(2026, 3, 30)),
        fact(DeadlinesMoved, by=DAY, until=OPENS_AT + DAY, lost_on=None),
    )
    offered = Given(then.card).at(OPENS_AT).then(fact(RenewalStarted))
    offered.waits(OPENS_AT + DAY, "notice_awaited")
    Given(offered.card).at(OPENS_AT + DAY).then(fact(ChargeAttempted))


def test_a_delay_that_is_counted_until_later_is_not_counted_again():
    then = at_once(OPENS_AT)
    woken_at = OPENS_AT + 6 * DAY
    (moved,) = move_for_late_wake(then.card, OPENS_AT + 5 * DAY, RULES, woken_at)
    assert moved.by == DAY


def test_after_a_hold_the_holder_is_told_before_anything_is_charged():
    history = (*AGREED_EARLY, CardHeld(reason="asked", by="operator", at=REGISTERED_AT))
    released_at = OPENS_AT + DAY
    then = given(*history).when(release_card, RULES, at=released_at)
    then.then(fact(CardReleased), fact(DeadlinesMoved, reason="held", by=DAY))
    told_of = Given(then.card).at(released_at)
    told_of.then(fact(RenewalStarted), fact(ReminderDue), fact(DeadlinesMoved, reason="notice_late", by=5 * DAY))
    Given(told_of.card).at(released_at + 5 * DAY).then(fact(ChargeAttempted))


def test_a_late_notice_counts_the_short_delays_between_two_holds_too():
    first, again, last = OPENS_AT + DAY, OPENS_AT + DAY + 3 * HOUR, OPENS_AT + 2 * DAY
    once = given(*AGREED_EARLY).when(hold_card, reason="asked", at=REGISTERED_AT)
    free = Given(once.card).when(release_card, RULES, at=first)
    held = Given(free.card).when(hold_card, reason="asked", at=again)
    twice = Given(held.card).when(release_card, RULES, at=last)
    twice.then(fact(CardReleased), fact(DeadlinesMoved, reason="held", by=last - again))
    told = Given(twice.card).at(last)
    told.then(fact(RenewalStarted), fact(ReminderDue), fact(DeadlinesMoved, by=5 * DAY + 3 * HOUR))
    assert told.card.deadlines.moved_by == last + 5 * DAY - OPENS_AT


def test_a_try_that_the_holder_asks_for_waits_for_no_notice():
    then = at_once(OPENS_AT)
    asked = Given(then.card).when(renew_now, RULES, at=OPENS_AT + DAY).then(fact(RenewalRequested))
    Given(asked.card).at(OPENS_AT + DAY).then(fact(ChargeAttempted))
    early = local("2026-03-05 10:00")
    asked = given(*AGREED_EARLY).when(renew_now, RULES, at=early)
    Given(asked.card).at(early).then(fact(ChargeAttempted, rung=0))


def test_the_rung_after_an_early_try_waits_for_a_late_notice_too():
    early = (RenewalRequested(at=REGISTERED_AT), attempted(1, 0, at=REGISTERED_AT), failed(1, 0, at=REGISTERED_AT))
    history = (*AGREED_EARLY, started(at=REGISTERED_AT), *early)
    sent = OPENS_AT - 4 * DAY
    then = given(*history).at(sent)
    then.then(
        fact(ReminderDue, kind="payment_failed"),
        fact(RenewalRequestEnded),
        fact(ReminderDue, kind="renewal_ahead"),
        fact(DeadlinesMoved, reason="notice_late"),
    )
    offered = Given(then.card).at(OPENS_AT).then(fact(RenewalStarted))
    offered.waits(OPENS_AT + DAY, "notice_awaited")
    Given(offered.card).at(OPENS_AT + DAY).then(fact(ChargeAttempted, rung=1))


def prepaid(*history):
    credit = BalanceCredited(amount=MONTH_PRICE, reason="released", about=None, at=REGISTERED_AT)
    first = PaymentMethodsOrdered(method_ids=("visa",), balance_first=True, at=REGISTERED_AT)
    return given(*history, first, credit)


def test_what_the_balance_pays_by_itself_is_told_of_as_any_charge():
    then = prepaid(*NO_GRACE).at(OPENS_AT)
    then.then(fact(RenewalStarted), fact(ReminderDue), fact(DeadlinesMoved))
    then.waits(OPENS_AT + 5 * DAY, "notice_awaited")
    Given(then.card).at(OPENS_AT + 5 * DAY).then(fact(CardRenewed, attempt_id=None, method_id=None))


def test_after_an_early_try_that_failed_the_balance_pays_no_earlier_than_the_opening():
    early = (RenewalRequested(at=REGISTERED_AT), attempted(1, 0, at=REGISTERED_AT), failed(1, 0, at=REGISTERED_AT))
    card = prepaid(*AGREED_EARLY, started(at=REGISTERED_AT), *early)
    then = card.at(REGISTERED_AT + DAY)
    then.then(fact(ReminderDue, kind="payment_failed", next_try_at=OPENS_AT), fact(RenewalRequestEnded))
    then.waits(NOTIFIED_AT, "reminder")


# Consent is itself the notice


@pytest.mark.parametrize(
    "later", [enabled(at=NOTIFIED_AT), enabled(at=OPENS_AT - DAY), period_changed(1, at=OPENS_AT - DAY)]
)
def test_consent_given_later_than_the_notice_is_due_is_itself_the_notice(later):
    given(*AGREED_EARLY, later).at(OPENS_AT).then(*CHARGE)


def test_switched_off_and_on_again_the_holder_is_not_told_once_more():
    again = (switched_off(at=OPENS_AT - 3 * DAY), enabled(at=OPENS_AT - 2 * DAY))
    given(*AGREED_EARLY, reminded(), *again).at(OPENS_AT - DAY).nothing().waits(OPENS_AT, "renewal_opens")


def test_a_suspended_card_is_charged_at_once_when_it_is_switched_on():
    at = local("2026-04-10 12:00")
    given(registered(), bound(), suspended(), enabled(at=at)).at(at).then(
        fact(RenewalStarted), fact(ChargeAttempted, amount=Money(minor=2000, currency="CNY"))
    )


def test_a_holder_who_chooses_a_long_period_is_told_of_that_one():
    command = ChangePeriod(command_id="c", card_id=CARD_ID, months=6, terms_version="terms-2", channel="app")
    card = given(*AGREED_EARLY)
    changed = Given(
        card.when(lambda *_, at: decide(command, card.card, RULES, at, no_older_charge), at=REGISTERED_AT).card
    )
    changed.at(NOTIFIED_AT).then(fact(ReminderDue, months=6, amount=Money(minor=8100, currency="CNY")))


def test_a_holder_of_a_long_period_who_was_not_told_far_ahead_in_time_is_told_later_or_with_the_later_notice():
    yearly = (registered(months=12), bound(), enabled(12))
    later = (
        given(*yearly)
        .at(local("2027-02-10 10:00"))
        .then(fact(ReminderDue, kind="renewal_far_ahead", months=12, charge_on=date(2027, 2, 26)))
    )
    Given(later.card).at(local("2027-02-19 10:00")).then(fact(ReminderDue, kind="renewal_ahead"))
    given(*yearly).at(local("2027-02-19 10:00")).then(fact(ReminderDue, kind="renewal_ahead"))
    lately = (registered(months=12), bound(), enabled(12, at=local("2027-02-01 10:00")))
    given(*lately).at(local("2027-02-01 10:00")).nothing().waits(local("2027-02-19 10:00"), "reminder")
