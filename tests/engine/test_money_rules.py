"""The rules around the money and the end: reclaim, closing, refunds, disputes, balance, reminders and fees."""

from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from engine.card.attempt import CaseOpened, ChargeAttempted
from engine.card.balance import BalanceCredited, BalancePaidOut, pay_out_balance
from engine.card.consent import switch_off_auto_renew
from engine.card.custody import CardClosed, close_card
from engine.card.decline import ChargeFailed
from engine.card.disputes import DisputeRecorded, record_dispute
from engine.card.giving_back import record_refund
from engine.card.lapse import GraceStarted, NumberReclaimed, Suspended, confirm_reclaim
from engine.card.methods import PaymentMethodsOrdered
from engine.card.outcomes import record_answer
from engine.card.payments import ChargeSucceeded
from engine.card.refunding import record_refund_answer
from engine.card.refunds import (
    RefundFailed,
    RefundOutcomeUnknown,
    RefundRecorded,
    RefundStarted,
    RefundSucceeded,
)
from engine.card.reminders import ReminderDue
from engine.card.standing_order import AutoTopUpSet, set_auto_top_up
from engine.card.term import CardRenewed, RenewalStarted
from engine.card.top_ups import TopUpFailed, TopUpStarted, top_up
from engine.money import Money
from engine.ports import Charged, Declined, RefundDeclined, Refunded, Unclear
from engine.questions import refund_request
from tests.engine.given_when_then import Given, fact, given, no_older_charge
from tests.engine.samples import (
    CARD_ID,
    CATALOGUE,
    CHARGING,
    DECLINED,
    ENDS_AT,
    GRACE_ENDS_AT,
    MONTH_PRICE,
    OPENS_AT,
    PAID,
    PAYING,
    POLICY,
    REGISTERED_AT,
    RULES,
    SECOND,
    VISA,
    attempt_id,
    attempted,
    bound,
    charged,
    enabled,
    failed,
    local,
    registered,
    reminded,
    renewed,
    suspended,
    unknown,
)

NOW = OPENS_AT + SECOND
STOPPED = replace(RULES, charging_stopped=True)
TERMS = {"terms_version": "terms-2", "channel": "app"}


def cny(minor: int) -> Money:
    return Money(minor=minor, currency="CNY")


def answer(card: Given, reply, *, at=NOW, to=None, learned="sent"):
    return card.when(record_answer, to or attempt_id(), reply, learned=learned, rules=RULES, at=at)


# The end


def test_unpaid_at_the_keep_rules_end_the_number_is_lost():
    lost_at = local("2026-05-01 00:00")
    last_chance = (*DECLINED, suspended(), ReminderDue(kind="last_chance", term_number=0, about="2026-05-01", at=NOW))
    climbed = (*last_chance, attempted(2, 8, at=local("2026-04-30 10:00")), failed(2, 8), reminded(2))
    given(*climbed).at(lost_at - SECOND).nothing().waits(lost_at, "reclaim")
    then = given(*climbed).at(lost_at)
    then.then(fact(NumberReclaimed, by="deadline", quarantined_until=date(2026, 6, 15))).waits(None, "reclaimed")


def test_the_carrier_reclaims_the_number_and_what_was_paid_is_refunded():
    then = given(*PAID).when(confirm_reclaim, POLICY, at=ENDS_AT)
    then.then(fact(NumberReclaimed, by="carrier"), fact(RefundStarted, reason="number_reclaimed", amount=MONTH_PRICE))
    given(*DECLINED, suspended()).when(confirm_reclaim, POLICY, at=GRACE_ENDS_AT).then(fact(NumberReclaimed))


@pytest.mark.parametrize(("end", "reason"), [(close_card, "card_closed"), (confirm_reclaim, "number_reclaimed")])
def test_a_success_for_a_closed_card_is_refunded(end, reason):
    arguments = {"reason": "holder"} if end is close_card else {"policy": POLICY}
    gone = given(*CHARGING, unknown()).when(end, **arguments, at=ENDS_AT)
    then = answer(Given(gone.card), charged(), at=ENDS_AT, learned="looked_up")
    then.then(fact(ChargeSucceeded), fact(RefundStarted, reason=reason, amount=MONTH_PRICE))
    assert then.card.term.number == 0


def test_a_success_for_a_term_that_is_paid_already_is_refunded():
    paid_otherwise = replace(renewed(), attempt_id=None)
    then = answer(given(*CHARGING, paid_otherwise), charged())
    then.then(fact(ChargeSucceeded), fact(RefundStarted, reason="late_success", amount=MONTH_PRICE))
    assert then.card.term.number == 1


def test_a_closed_card_stays_closed():
    then = given(*PAYING).when(close_card, reason="holder", at=NOW).then(fact(CardClosed, balance=cny(0)))
    Given(then.card).at(ENDS_AT).nothing().waits(None, "closed")


# Refunds and disputes


def refunding() -> Given:
    return Given(given(*PAID).when(confirm_reclaim, POLICY, at=ENDS_AT).card)


def test_a_refund_is_requested_until_it_is_answered():
    card = refunding()
    refund = card.card.refunds[0]
    about = {"rules": RULES, "recall": no_older_charge, "at": ENDS_AT}
    card.at(ENDS_AT).nothing().waits(ENDS_AT + POLICY.gateway_budget, "refund_awaited")
    card.at(ENDS_AT + POLICY.gateway_budget).gives_back()
    yes = Refunded(refund_id=refund.refund_id, amount=refund.amount, gateway_ref="back")
    card.when(record_refund_answer, refund_request(CARD_ID, refund), yes, **about).then(fact(RefundSucceeded))
    lie = yes.model_copy(update={"amount": cny(1)})
    card.when(record_refund_answer, refund_request(CARD_ID, refund), lie, **about).then(
        fact(RefundOutcomeUnknown, reason="answer_is_not_ours")
    )
    unclear = card.when(record_refund_answer, refund_request(CARD_ID, refund), Unclear(reason="timeout"), **about)
    unclear.then(fact(RefundOutcomeUnknown, asked=1, ask_again_at=ENDS_AT + timedelta(minutes=5)))
    Given(unclear.card).at(ENDS_AT + POLICY.case_after).then(fact(CaseOpened, reason="refund_unknown"))


def test_a_refund_that_the_gateway_refuses_is_made_by_a_person():
    card = refunding()
    refund = card.card.refunds[0]
    no = RefundDeclined(code="too_late")
    failed_one = card.when(
        record_refund_answer, refund_request(CARD_ID, refund), no, rules=RULES, recall=no_older_charge, at=ENDS_AT
    )
    failed_one.then(fact(RefundFailed, code="too_late"))
    by_hand = {"attempt_id": refund.attempt_id, "to": "method", "evidence": "bank", "at": ENDS_AT}
    by_person = Given(failed_one.card).when(record_refund, no_older_charge, amount=MONTH_PRICE, **by_hand)
    done = by_person.then(fact(RefundRecorded))
    assert done.card.refunds == ()


def test_the_operator_refunds_in_parts_onto_the_balance_or_outside_of_the_engine():
    about = {"attempt_id": attempt_id(), "evidence": "ticket", "at": NOW}
    card = given(*PAID)
    some = card.when(record_refund, no_older_charge, amount=cny(1000), to="balance", **about).then(
        fact(BalanceCredited, reason="refund")
    )
    assert some.card.balance.minor == 1000
    Given(some.card).when(record_refund, no_older_charge, amount=cny(500), to="method", **about).then(
        fact(RefundRecorded)
    )


def test_a_disputed_method_is_not_charged_automatically_any_more():
    about = {"attempt_id": attempt_id(), "evidence": "bank", "at": NOW}
    then = given(*PAID).when(record_dispute, no_older_charge, amount=MONTH_PRICE, **about)
    then.then(fact(DisputeRecorded, method_id="visa"))
    assert then.card.methods.ended == {"visa": "disputed"}


# Balance


def with_balance(minor: int, *, first: bool = True) -> Given:
    credit = BalanceCredited(amount=cny(minor), reason="refund", about=None, at=REGISTERED_AT)
    order = PaymentMethodsOrdered(method_ids=("visa",), balance_first=first, at=REGISTERED_AT)
    return given(*PAYING, credit, order)


def test_a_renewal_is_paid_wholly_from_the_balance_if_the_holder_asked_for_that():
    then = (
        with_balance(2000)
        .at(OPENS_AT)
        .then(fact(RenewalStarted), fact(CardRenewed, attempt_id=None, from_balance=1500))
    )
    assert then.card.balance.minor == 500
    with_balance(2000, first=False).at(OPENS_AT).then(fact(RenewalStarted), fact(ChargeAttempted, from_balance=0))
    with_balance(2000).at(OPENS_AT, STOPPED)


@pytest.mark.parametrize(("balance", "taken"), [(1499, 1100), (1101, 1100), (1100, 1100), (1099, 1099), (1, 1)])
def test_the_balance_leaves_what_the_gateway_charges(balance, taken):
    then = with_balance(balance).at(OPENS_AT)
    then.then(fact(RenewalStarted), fact(ChargeAttempted, amount=cny(1500 - taken), from_balance=taken))
    assert then.card.balance.minor == balance - taken


def test_a_term_that_costs_less_than_the_gateway_charges_is_not_paid_in_parts():
    dear = CATALOGUE.model_copy(update={"minimum_charges": {"CNY": 1600}})
    at_least = replace(RULES, catalogue=dear)
    then = with_balance(1499).at(OPENS_AT, at_least)
    then.then(fact(RenewalStarted), fact(ChargeAttempted, amount=MONTH_PRICE, from_balance=0))
    anything = replace(RULES, catalogue=CATALOGUE.model_copy(update={"minimum_charges": {}}))
    left = with_balance(1499).at(OPENS_AT, anything)
    left.then(fact(RenewalStarted), fact(ChargeAttempted, amount=cny(1), from_balance=1499))


def test_the_balances_part_is_reserved_with_the_intent_and_released_on_failure():
    then = (
        with_balance(400)
        .at(OPENS_AT)
        .then(fact(RenewalStarted), fact(ChargeAttempted, amount=cny(1100), from_balance=400))
    )
    assert then.card.balance.minor == 0
    declined = answer(Given(then.card), Declined(code="do_not_honor"))
    assert declined.card.balance.minor == 400
    paid = answer(Given(then.card), charged(amount=cny(1100)))
    paid.then(fact(ChargeSucceeded, from_balance=400), fact(CardRenewed, from_balance=400))
    assert paid.card.balance.minor == 0
    lost = Given(paid.card).when(confirm_reclaim, POLICY, at=ENDS_AT)
    lost.then(fact(BalanceCredited, amount=cny(400)), fact(NumberReclaimed, balance=cny(400)), fact(RefundStarted))
    closed = Given(then.card).when(close_card, reason="holder", at=NOW)
    answer(Given(closed.card), charged(amount=cny(1100))).then(
        fact(ChargeSucceeded), fact(BalanceCredited, amount=cny(400)), fact(RefundStarted, amount=cny(1100))
    )


def test_the_holder_tops_up():
    started = given(*PAYING).when(top_up, RULES, amount=cny(1000), at=NOW).then(fact(TopUpStarted, automatic=False))
    then = Given(started.card).at(REGISTERED_AT).then(fact(ChargeAttempted, top_up=1, rung=0, amount=cny(1000)))
    attempt = then.card.attempts.top_up
    yes = Charged(attempt_id=attempt.attempt_id, amount=attempt.amount, gateway_ref="ref")
    paid = answer(Given(then.card), yes, to=attempt.attempt_id)
    paid.then(fact(ChargeSucceeded, top_up=1), fact(BalanceCredited, amount=cny(1000), reason="top_up"))
    assert (paid.card.balance.minor, paid.card.top_ups.under_way) == (1000, None)
    declined = answer(Given(then.card), Declined(code="lost_card"), to=attempt.attempt_id).then(fact(ChargeFailed))
    Given(declined.card).at(REGISTERED_AT).then(fact(TopUpFailed, last_code="lost_card"))
    Given(started.card).at(REGISTERED_AT, STOPPED).nothing()


def test_an_automatic_top_up_is_made_once_a_day_at_most():
    order = {"threshold": cny(500), "amount": cny(1000)}
    then = given(*PAYING).when(set_auto_top_up, CATALOGUE, **order, at=NOW).then(fact(AutoTopUpSet))
    begun = Given(then.card).at(REGISTERED_AT).then(fact(TopUpStarted, automatic=True), fact(ChargeAttempted, top_up=1))
    attempt = begun.card.attempts.top_up
    no = answer(Given(begun.card), Declined(code="do_not_honor"), to=attempt.attempt_id, at=REGISTERED_AT)
    then_what = Given(no.card).at(REGISTERED_AT).then(fact(TopUpFailed))
    then_what.waits(REGISTERED_AT + POLICY.top_up_gap, "top_up_gap")
    Given(then_what.card).at(REGISTERED_AT + POLICY.top_up_gap).then(fact(TopUpStarted), fact(ChargeAttempted))
    off = Given(no.card).when(switch_off_auto_renew, reason="holder", at=NOW)
    withdrawn = Given(off.card).at(REGISTERED_AT).then(fact(TopUpFailed, withdrawn=True))
    withdrawn.waits(NOW + timedelta(days=1), "reminder")
    ended = (
        Given(then.card).when(set_auto_top_up, CATALOGUE, threshold=None, amount=None, at=NOW).then(fact(AutoTopUpSet))
    )
    Given(ended.card).at(REGISTERED_AT).nothing()
    Given(then.card).at(REGISTERED_AT, STOPPED).nothing()


def test_what_is_left_on_the_balance_is_paid_out_by_a_person():
    card = with_balance(300)
    then = card.when(pay_out_balance, amount=cny(300), evidence="bank", at=NOW).then(fact(BalancePaidOut))
    assert then.card.balance.minor == 0


# Reminders and fees


def test_a_holder_of_a_long_period_is_reminded_four_weeks_and_a_week_before_the_renewal_opens():
    far_ahead, told_at = local("2027-01-29 10:00"), local("2027-02-19 10:00")
    history = (registered(months=12), bound(), enabled(12))
    given(*history).at(far_ahead - SECOND).nothing().waits(far_ahead, "reminder")
    then = given(*history).at(far_ahead).then(fact(ReminderDue, kind="renewal_far_ahead", about="2027-02-26"))
    Given(then.card).at(told_at - SECOND).nothing().waits(told_at, "reminder")
    then = Given(then.card).at(told_at).then(fact(ReminderDue, kind="renewal_ahead", about="2027-02-26"))
    then.waits(local("2027-02-26 10:00"), "renewal_opens")


def test_a_method_that_expires_before_the_next_term_has_one_reminder():
    old = replace(VISA, expires_on=date(2026, 3, 31))
    history = (registered(), bound(old), enabled())
    told_at = local("2026-03-18 10:00")
    given(*history).at(told_at - SECOND).nothing().waits(told_at, "reminder")
    given(*history).at(told_at).then(fact(ReminderDue, kind="method_expires", about="visa")).waits(
        OPENS_AT, "renewal_opens"
    )


def test_of_two_reminders_ahead_the_holder_gets_each_on_its_own_day():
    old = replace(VISA, expires_on=date(2026, 8, 31))
    history = (registered(months=6), bound(old), enabled(6))
    expiry, ahead = local("2026-08-18 10:00"), local("2026-08-22 10:00")
    far = given(*history).at(local("2026-08-01 10:00")).then(fact(ReminderDue, kind="renewal_far_ahead"))
    told_of = Given(far.card).at(expiry).then(fact(ReminderDue, kind="method_expires"))
    told_of.waits(ahead, "reminder")
    Given(told_of.card).at(ahead).then(fact(ReminderDue, kind="renewal_ahead"))


def test_the_reactivation_fee_is_asked_where_the_service_is_off():
    fee = Money(minor=500, currency="CNY")
    off = given(registered(), bound(), suspended(), enabled(at=GRACE_ENDS_AT)).at(local("2026-04-10 15:30"))
    off.then(
        fact(RenewalStarted, price=MONTH_PRICE, reactivation_fee=fee), fact(ChargeAttempted, amount=MONTH_PRICE + fee)
    )
    given(*PAYING).at(OPENS_AT).then(fact(RenewalStarted), fact(ChargeAttempted, amount=MONTH_PRICE))


def test_a_suspended_holder_gets_the_last_reminder_a_week_before_the_number_is_lost():
    when = local("2026-04-24 00:00")
    given(registered(), suspended()).at(when).then(fact(ReminderDue, kind="last_chance", about="2026-05-01"))
    given(registered(grace_days=0, reclaim_days=5)).at(ENDS_AT).then(fact(Suspended), fact(ReminderDue))
    given(registered()).at(ENDS_AT).then(fact(GraceStarted))
