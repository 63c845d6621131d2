"""Whatever of ours has delayed a payment past the carrier's own date: a charge waits for a person who knows the number.

By the carrier's days the number of these cards may be lost from 1 May on.
"""

from datetime import timedelta

from msgspec.structs import replace

from engine.card.asking import ask_about
from engine.card.attempt import CaseOpened, ChargeAttempted
from engine.card.balance import BalanceCredited
from engine.card.charge import renew_now
from engine.card.deadlines import ChargingBlocked, DeadlinesMoved, reclaims_at
from engine.card.decline import ChargeFailed
from engine.card.doubt import IN_DOUBT, NumberConfirmed, confirm_number
from engine.card.evolve import evolve
from engine.card.hold import CardHeld, CardReleased, hold_card, release_card
from engine.card.ids import derived_id
from engine.card.lapse import NumberReclaimed
from engine.card.methods import PaymentMethodsOrdered
from engine.card.outcomes import record_answer
from engine.card.reminders import ReminderDue
from engine.card.standing_order import AutoTopUpSet
from engine.card.term import RenewalStarted
from engine.card.top_ups import TopUpStarted
from engine.money import Money
from engine.ports import Declined, NotFound
from tests.engine.given_when_then import Given, Then, fact, given
from tests.engine.recorded_history import History
from tests.engine.samples import (
    CARD_ID,
    CHARGING,
    DEBIT,
    DECLINED,
    MONTH_PRICE,
    OPENS_AT,
    POLICY,
    RULES,
    VISA,
    attempt_id,
    bound,
    enabled,
    failed,
    local,
    registered,
    reminded,
    suspended,
    switched_off,
    unknown,
)

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
STOPPED = replace(RULES, charging_stopped=True)
LOST_AT = local("2026-05-01 00:00")
STOPPED_AT = local("2026-04-13 10:00")
"""A day on which a rung is due."""
CASE = fact(CaseOpened, about=derived_id(CARD_ID, IN_DOUBT), reason=IN_DOUBT)
UNPAID = (*DECLINED, suspended())


def moved_by(by: timedelta, at=LOST_AT) -> DeadlinesMoved:
    return DeadlinesMoved(reason="late", by=by, at=at)


def confirmed(card: Given, at) -> Then:
    return card.when(confirm_number, RULES, evidence="the carrier's list", at=at)


def blocked() -> Given:
    return Given(given(*UNPAID).at(STOPPED_AT, STOPPED).then(fact(ChargingBlocked)).card)


def test_a_stop_that_ends_before_the_carriers_date_opens_no_case():
    then = blocked().at(LOST_AT - HOUR)
    then.then(fact(DeadlinesMoved, by=LOST_AT - HOUR - STOPPED_AT), fact(ChargeAttempted, rung=2))


def test_a_stop_that_ends_after_the_carriers_date_charges_nothing_before_the_number_is_confirmed():
    back_at = LOST_AT + 3 * DAY
    then = blocked().at(back_at).then(fact(DeadlinesMoved, by=back_at - STOPPED_AT), CASE)
    then.waits(None, "number_in_doubt")
    after = confirmed(Given(then.card), back_at + DAY).then(
        fact(NumberConfirmed), fact(DeadlinesMoved, reason="number_in_doubt", by=DAY)
    )
    assert reclaims_at(after.card) == LOST_AT + (back_at + DAY - STOPPED_AT)
    Given(after.card).at(back_at + DAY).then(fact(ChargeAttempted, rung=2))


def test_a_stopped_card_is_a_case_on_the_date_itself_and_all_of_the_stop_moves_its_deadlines():
    blocked().at(LOST_AT - HOUR, STOPPED).nothing().waits(LOST_AT, "charging_stopped")
    then = blocked().at(LOST_AT, STOPPED).then(CASE)
    Given(then.card).at(LOST_AT + DAY, STOPPED).nothing().waits(None, "number_in_doubt")
    after = confirmed(Given(then.card), LOST_AT + 2 * DAY).then(
        fact(NumberConfirmed), fact(DeadlinesMoved, by=LOST_AT + 2 * DAY - STOPPED_AT)
    )
    again = Given(after.card).at(LOST_AT + 2 * DAY, STOPPED).then(fact(ChargingBlocked))
    Given(again.card).at(LOST_AT + 3 * DAY - HOUR).then(fact(DeadlinesMoved, by=DAY - HOUR), fact(ChargeAttempted))
    Given(again.card).at(LOST_AT + 3 * DAY).then(fact(DeadlinesMoved, by=DAY), CASE)


def test_a_card_that_is_first_stopped_after_the_date_is_a_case_and_no_more():
    given(*UNPAID, moved_by(9 * DAY)).at(LOST_AT + HOUR, STOPPED).then(CASE)


def test_woken_after_the_date_a_card_is_a_case_and_is_charged_once_the_number_is_confirmed():
    history = History(*UNPAID[:-1], suspended())
    woken_for, back_at = history.wake_at, LOST_AT + 2 * DAY
    before = len(history.records)
    moved, case = (one.fact for one in history.wakes(back_at).records[before:])
    assert (moved.reason, moved.by, history.wake_at) == ("late", back_at - woken_for, None)
    assert (type(case), case.reason) == (CaseOpened, IN_DOUBT)
    history.decides(confirm_number, RULES, evidence="a call", at=back_at + HOUR)
    assert type(history.wakes(back_at + HOUR).records[-1].fact) is ChargeAttempted


def test_who_missed_even_the_notice_is_notified_only_once_the_number_is_confirmed_and_asked_about_once():
    card = given(registered(), bound(VISA), enabled(at=local("2026-03-01 10:00")), moved_by(40 * DAY))
    then = card.at(LOST_AT + DAY).then(fact(RenewalStarted), CASE)
    known_at = LOST_AT + 2 * DAY
    told = Given(confirmed(Given(then.card), known_at).card).at(known_at)
    assert told.facts[0].kind == "renewal_ahead"
    assert isinstance(told.facts[0], ReminderDue)
    charged = Given(told.card).at(known_at + 5 * DAY)
    assert isinstance(charged.facts[-1], ChargeAttempted)


def test_after_an_unknown_outcome_past_the_date_the_next_method_waits_for_the_confirmation():
    card = given(registered(), bound(VISA), bound(DEBIT), *CHARGING[2:], unknown())
    asked = {"learned": "looked_up", "rules": RULES}
    declined = Declined(code="insufficient_funds")
    before = card.when(record_answer, attempt_id(), declined, at=LOST_AT - HOUR, **asked)
    Given(before.card).at(LOST_AT - HOUR).then(fact(ChargeAttempted, method_id="debit"))
    after = card.when(record_answer, attempt_id(), declined, at=LOST_AT + HOUR, **asked)
    after.then(fact(ChargeFailed), fact(DeadlinesMoved, by=LOST_AT + HOUR - OPENS_AT))
    Given(after.card).at(LOST_AT + HOUR).then(CASE)


def test_an_open_attempt_is_looked_up_after_the_date_and_its_success_counts():
    late = replace(CHARGING[-1], at=LOST_AT - HOUR)
    card = given(*CHARGING[:-1], moved_by(9 * DAY, late.at), late, replace(unknown(), ask_again_at=LOST_AT)).card
    assert ask_about(card, card.attempts.open, RULES, LOST_AT - POLICY.gateway_budget).reason == "outcome_unknown"
    assert card.attempts.open.look_up_only is False
    opened = Given(card).at(LOST_AT)
    asked = ask_about(opened.card, opened.card.attempts.open, RULES, LOST_AT)
    assert asked.learned == "looked_up"
    never = Given(opened.card).when(
        record_answer, attempt_id(), NotFound(), learned="looked_up", rules=RULES, at=LOST_AT + 2 * DAY
    )
    Given(never.card).at(LOST_AT + 2 * DAY).then(CASE)


def test_the_ladder_goes_on_after_a_confirmation_until_we_delay_it_for_a_day_again():
    card = given(*UNPAID, moved_by(20 * DAY))
    case_at = LOST_AT + HOUR
    asked = confirmed(Given(card.at(case_at).card), case_at)
    tried = Given(asked.card).at(case_at).then(fact(ChargeAttempted, number=2))
    declined = {"learned": "sent", "rules": RULES}
    answered = Given(tried.card).when(
        record_answer, attempt_id(2), Declined(code="insufficient_funds"), at=case_at, **declined
    )
    rest = Given(answered.card).at(case_at)
    later = rest.step.until
    assert later > case_at + DAY
    Given(rest.card).at(later).then(fact(ChargeAttempted, number=3))
    held = Given(rest.card).when(hold_card, reason="a call", at=later)
    free = Given(held.card).when(release_card, RULES, at=later + DAY - HOUR)
    free.then(fact(CardReleased), fact(DeadlinesMoved))
    Given(free.card).at(later + DAY - HOUR).then(fact(ChargeAttempted, number=3))
    Given(evolve(rest.card, CARD_ID, moved_by(DAY, later))).at(later).then(CASE)


def test_what_a_clock_that_was_ahead_counted_does_not_hide_a_delay_after_the_confirmation():
    ahead = moved_by(20 * DAY, LOST_AT + 10 * DAY)
    asked = Given(given(*UNPAID, ahead).at(LOST_AT + HOUR).then(CASE).card)
    known = Given(confirmed(asked, LOST_AT + 2 * HOUR).then(fact(NumberConfirmed)).card)
    stopped = Given(known.at(LOST_AT + 2 * HOUR, STOPPED).then(fact(ChargingBlocked)).card)
    stopped.at(LOST_AT + 3 * HOUR).then(fact(DeadlinesMoved, by=HOUR), fact(ChargeAttempted))
    for by in (3 * DAY, 12 * DAY):
        stopped.at(LOST_AT + 2 * HOUR + by).then(fact(DeadlinesMoved, by=by), CASE)


def test_a_hold_of_an_hour_within_a_confirmed_time_opens_no_case():
    held = CardHeld(reason="a dispute", by="operator", at=LOST_AT - DAY)
    known = confirmed(Given(given(*UNPAID, held).at(LOST_AT).card), LOST_AT + DAY)
    Given(known.card).when(release_card, RULES, at=LOST_AT + 2 * DAY - HOUR).then(
        fact(CardReleased), fact(DeadlinesMoved)
    )


def test_the_holder_who_asks_after_the_date_is_charged_once_the_number_is_confirmed():
    waiting = given(*UNPAID, replace(UNPAID[-2], about="2"), moved_by(20 * DAY))
    asked = Given(waiting.card).when(renew_now, RULES, at=LOST_AT + HOUR)
    then = Given(asked.card).at(LOST_AT + HOUR).then(CASE)
    Given(then.card).when(renew_now, RULES, at=LOST_AT + HOUR).refused("number_in_doubt")
    after = confirmed(Given(then.card), LOST_AT + 2 * HOUR)
    Given(after.card).at(LOST_AT + 2 * HOUR).then(fact(ChargeAttempted, reason="holder_asked"))


def test_the_balance_is_neither_spent_nor_topped_up_before_the_number_is_confirmed():
    order = PaymentMethodsOrdered(method_ids=("visa",), balance_first=True, at=STOPPED_AT)
    credit = BalanceCredited(amount=MONTH_PRICE, reason="released", about=None, at=STOPPED_AT)
    given(*UNPAID, order, credit, moved_by(20 * DAY)).at(LOST_AT).then(CASE)
    ninety = Money(minor=9000, currency="CNY")
    standing = AutoTopUpSet(threshold=ninety, amount=ninety, at=STOPPED_AT)
    then = given(*UNPAID, standing, moved_by(20 * DAY)).at(LOST_AT).then(CASE)
    after = confirmed(Given(then.card), LOST_AT + HOUR)
    assert isinstance(Given(after.card).at(LOST_AT + HOUR).facts[0], TopUpStarted)


def test_a_card_that_would_not_be_charged_is_no_case_and_is_given_up_on_its_moved_day():
    lost = (*CHARGING, failed(code="lost_card"), reminded(), suspended())
    for facts in ((*UNPAID, switched_off()), lost):
        card = given(*facts, moved_by(9 * DAY))
        assert CaseOpened not in map(type, card.at(LOST_AT + DAY).facts)
        card.at(LOST_AT + 9 * DAY).then(fact(NumberReclaimed, by="deadline"))
