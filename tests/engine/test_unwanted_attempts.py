"""An attempt that is not wanted any more is looked up, never sent again; what may not be tried yet is tried later."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from engine.card.attempt import ChargeAttempted, ChargeWithheld
from engine.card.balance import BalanceCredited
from engine.card.consent import switch_off_auto_renew
from engine.card.disputes import DisputeRecorded
from engine.card.methods import PaymentMethodRemoved, PaymentMethodsOrdered
from engine.card.next import advance
from engine.card.reminders import ReminderDue
from engine.card.standing_order import AutoTopUpSet
from engine.card.term import CardRenewed, RenewalStarted
from engine.card.top_ups import TopUpStarted
from engine.money import Money
from engine.networks import Limited
from engine.pipeline import look_up_unless_in_time
from engine.ports import Unclear
from tests.engine.given_when_then import Given, fact, given
from tests.engine.recorded_history import History
from tests.engine.samples import (
    CHARGING,
    MONTH_PRICE,
    OPENS_AT,
    PAYING,
    PAYPAL,
    PROVIDER,
    RULES,
    SECOND,
    VISA,
    attempt_id,
    attempted,
    bound,
    enabled,
    failed,
    local,
    registered,
    started,
    switched_off,
    unknown,
)

NOW = OPENS_AT + timedelta(minutes=1)
ASKED_AT = OPENS_AT + timedelta(minutes=10)
MINUTE = timedelta(minutes=1)
REMOVED = PaymentMethodRemoved(method_id="visa", reason="holder", at=NOW)
DISPUTED = DisputeRecorded(attempt_id=attempt_id(9), method_id="visa", amount=MONTH_PRICE, evidence="bank", at=NOW)


@pytest.mark.parametrize(
    "since",
    [
        (switched_off(at=NOW),),
        (switched_off(at=NOW), enabled(12, at=NOW)),
        (bound(PAYPAL), REMOVED),
        (bound(PAYPAL), REMOVED, bound(VISA, at=NOW)),
        (DISPUTED,),
    ],
    ids=["switched off", "off and on again", "removed", "removed and bound again", "disputed"],
)
def test_a_charge_that_is_not_wanted_any_more_is_only_looked_up(since):
    given(*CHARGING, unknown()).at(ASKED_AT).nothing().asks("asked_again")
    given(*CHARGING, unknown(), *since).at(ASKED_AT).nothing().asks("looked_up")


def test_a_question_becomes_a_look_up_once_the_gateway_may_have_forgotten_its_key():
    question = History().wakes().question
    forgotten_at = OPENS_AT + PROVIDER.key_lifetime
    assert look_up_unless_in_time(question, forgotten_at - SECOND) is question
    assert look_up_unless_in_time(question, forgotten_at) == question._replace(learned="looked_up")


def test_one_attempt_has_one_set_of_parameters_however_often_it_is_asked_about():
    history = History().wakes()
    first = history.question.request
    again = history.answered(Unclear(reason="timeout")).wakes().question.request
    assert again is not first
    assert again.parameters == first.parameters


def test_a_top_up_that_the_holder_asked_for_goes_on_after_the_switch_off_and_an_automatic_one_does_not():
    amount = Money(minor=500, currency="CNY")
    order = AutoTopUpSet(threshold=amount, amount=amount, at=NOW)
    for automatic, learned in ((False, "asked_again"), (True, "looked_up")):
        begun = given(*PAYING, order, TopUpStarted(number=1, amount=amount, automatic=automatic, at=NOW)).at(NOW)
        top_up = begun.then(fact(ChargeAttempted, reason="top_up")).facts[0]
        off = given(*PAYING, order, TopUpStarted(number=1, amount=amount, automatic=automatic, at=NOW), top_up)
        gone = off.when(switch_off_auto_renew, reason="holder", at=NOW)
        Given(gone.card).at(ASKED_AT).nothing().asks(learned)


def test_a_method_that_is_bound_again_is_as_good_as_new():
    again = (switched_off(at=NOW), REMOVED, failed(code="expired_card", at=NOW), bound(VISA, at=NOW), enabled(at=NOW))
    card = given(*CHARGING, unknown(), *again)
    assert card.card.methods.ended == {}
    assert card.card.renewal.tried == ()


def test_a_method_that_a_limit_delays_for_minutes_is_tried_in_the_same_pass():
    until = OPENS_AT + 10 * MINUTE
    card, facts, step = advance(given(*PAYING).card, RULES, OPENS_AT, {"visa": Limited("mastercard_24h", until)})
    assert [type(one) for one in facts] == [RenewalStarted, ChargeWithheld]
    assert step.until == until
    Given(card).at(until).then(fact(ChargeAttempted, rung=1, reason="next_method"))


def test_such_a_method_is_tried_on_the_last_day_before_the_number_is_lost_too():
    last = local("2026-04-05 10:00")
    climbed = (attempted(2, 4, at=local("2026-04-03 10:00")), failed(2, 4, at=local("2026-04-03 10:01")))
    history = (registered(grace_days=0, reclaim_days=5), *PAYING[1:], started(), attempted(), failed(), *climbed)
    card, facts, _ = advance(given(*history).card, RULES, last, {"visa": Limited("retries_30d", last + 10 * MINUTE)})
    assert ChargeWithheld in map(type, facts)
    Given(card).at(last + 10 * MINUTE).then(fact(ChargeAttempted, rung=5))


def test_advice_that_outlasts_the_number_is_one_fact_on_the_last_day():
    delayed = replace(failed(), not_before=OPENS_AT + timedelta(days=10), advice_code="30")
    history = (registered(grace_days=0, reclaim_days=5), *PAYING[1:], started(), attempted(), delayed)
    waiting = given(*history).at(OPENS_AT + SECOND)
    Given(waiting.card).at(local("2026-03-30 10:00")).nothing().waits(local("2026-04-01 00:00"), "term_ends")
    then = Given(waiting.card).at(local("2026-04-05 10:00"))
    assert [type(one) for one in then.facts].count(ChargeWithheld) == 1


def test_a_number_that_is_lost_is_not_charged_for_by_a_new_method():
    lost_at = local("2026-05-01 00:00")
    then = given(*CHARGING, failed(), bound(PAYPAL, at=lost_at)).at(lost_at)
    assert ChargeAttempted not in map(type, then.facts)


def test_a_holder_without_any_usable_method_is_notified_once():
    notified = (
        given(*PAYING, DISPUTED)
        .at(OPENS_AT)
        .then(fact(RenewalStarted), fact(ReminderDue, kind="payment_failed", about="0"))
    )
    Given(notified.card).at(OPENS_AT + SECOND).nothing()


def test_a_holder_who_switched_off_gets_no_notice_of_a_failed_payment():
    given(*CHARGING, switched_off(at=NOW), failed(at=NOW)).at(NOW).nothing()


def test_the_reminder_a_week_ahead_is_due_though_the_holder_tried_to_pay_early():
    yearly = (registered(months=12), bound(VISA), enabled(12), started(12), attempted(1, 0), failed(1, 0))
    opening = local("2027-02-26 10:00")
    then = given(*yearly).at(opening - timedelta(days=7))
    assert [one.kind for one in then.facts] == ["payment_failed", "renewal_ahead"]


def test_an_open_renewal_has_no_reminder_ahead_when_the_policy_opens_later_ones_later():
    yearly = (registered(months=12), bound(VISA), enabled(12), started(12), attempted(1, 1), failed(1, 1))
    later = replace(RULES, policy=RULES.policy.model_copy(update={"lead_days": 1}))
    then = given(*yearly).at(local("2027-02-27 10:00"), later)
    assert "renewal_ahead" not in [getattr(one, "kind", None) for one in then.facts]


def test_a_top_up_of_unknown_outcome_delays_no_renewal_whether_the_balance_pays_or_a_method():
    begun = local("2026-03-29 09:00")
    amount = Money(minor=500, currency="CNY")
    then = given(*PAYING, TopUpStarted(number=1, amount=amount, automatic=False, at=begun)).at(begun)
    top_up = then.facts[0]
    asked = replace(unknown(), attempt_id=top_up.attempt_id, ask_again_at=OPENS_AT + timedelta(1))
    for minor, renewed in ((1500, [RenewalStarted, CardRenewed]), (1000, [RenewalStarted, ChargeAttempted])):
        card = Given(given(*PAYING, *_prepaid(minor), *_under_way(amount, begun), top_up, asked).card)
        card.at(OPENS_AT - SECOND).nothing().waits(OPENS_AT, "renewal_opens")
        assert [type(one) for one in card.at(OPENS_AT).facts] == renewed


def _prepaid(minor):
    credit = BalanceCredited(amount=Money(minor=minor, currency="CNY"), reason="released", about=None, at=OPENS_AT)
    return PaymentMethodsOrdered(method_ids=("visa",), balance_first=True, at=OPENS_AT), credit


def _under_way(amount, at):
    return (TopUpStarted(number=1, amount=amount, automatic=False, at=at),)
