"""What will happen to a card: the decisions of time taken ahead, which are the ones that will be taken then."""

import pytest
from msgspec.structs import replace

from engine.card.attempt import CaseOpened, ChargeAttempted
from engine.card.balance import BalanceCredited
from engine.card.hold import CardHeld
from engine.card.ids import derived_id
from engine.card.lapse import GraceStarted, NumberReclaimed, Suspended
from engine.card.methods import PaymentMethodsOrdered
from engine.card.on_page import surely_closed_at
from engine.card.outcomes import record_answer
from engine.card.payments import ChargeSucceeded
from engine.card.refunds import RefundFailed, RefundStarted
from engine.card.reminders import ReminderDue
from engine.card.standing_order import AutoTopUpSet
from engine.card.term import CardRenewed, Reinstated, RenewalStarted
from engine.card.top_ups import TopUpStarted
from engine.money import Money
from engine.outlook import foresee, outlook
from engine.ports import Charged
from tests.engine.every_command import REFUND
from tests.engine.given_when_then import Given, fact, given, seen
from tests.engine.samples import (
    CARD_ID,
    CHARGING,
    DECLINED,
    ENDS_AT,
    GRACE_ENDS_AT,
    MONTH_PRICE,
    OPENS_AT,
    PAID,
    PAYING,
    RULES,
    TEN,
    bound,
    enabled,
    grace_started,
    local,
    registered,
    suspended,
    switched_off,
)
from tests.engine.test_paying_on_page import AFTER, EXPIRED, HOUR, LASTS, MINUTE, answered, attempt_of, paying
from tests.engine.test_topping_up_on_page import topping_up

EARLY = local("2026-03-02 12:00")


def foreseen(*facts, at=EARLY, rules=RULES):
    return outlook(given(*facts).card, rules, at)


def sees(facts, *expected):
    assert seen(facts, expected) == list(expected)


def test_a_card_in_order_is_charged_when_its_renewal_opens():
    sees(
        foreseen(*PAYING),
        fact(RenewalStarted, at=OPENS_AT),
        fact(ChargeAttempted, at=OPENS_AT, amount=MONTH_PRICE, method_id="visa"),
        fact(ChargeSucceeded),
        fact(CardRenewed, price=MONTH_PRICE),
    )


def test_who_agreed_early_is_reminded_a_week_ahead():
    facts = foreseen(registered(), bound(), enabled(at=EARLY))
    sees(
        facts[:2],
        fact(ReminderDue, kind="renewal_ahead", at=local("2026-03-22 10:00")),
        fact(RenewalStarted, at=OPENS_AT),
    )


def test_a_card_that_nobody_pays_goes_through_grace_to_its_loss():
    sees(
        foreseen(*PAYING, switched_off(at=EARLY)),
        fact(ReminderDue, kind="lapse_ahead", at=local("2026-03-25 10:00")),
        fact(GraceStarted, at=ENDS_AT),
        fact(Suspended, at=GRACE_ENDS_AT),
        fact(ReminderDue, kind="last_chance"),
        fact(NumberReclaimed, at=local("2026-05-01 00:00")),
    )


def test_after_a_decline_the_next_rung_is_foreseen():
    at = local("2026-03-29 12:00")
    facts = foreseen(*DECLINED, at=at)
    sees(facts[:1], fact(ChargeAttempted, at=local("2026-03-30 10:00"), rung=2))
    assert isinstance(facts[-1], CardRenewed)


def test_a_suspended_card_whose_holder_agrees_is_charged_at_once_and_reinstated():
    at = local("2026-04-10 12:00")
    facts = foreseen(registered(), bound(), grace_started(), suspended(), enabled(at=at), at=at)
    assert [type(one) for one in facts] == [RenewalStarted, ChargeAttempted, ChargeSucceeded, Reinstated, CardRenewed]
    assert {one.at for one in facts} == {at}


def test_without_a_method_the_number_is_lost_in_the_end():
    assert isinstance(foreseen(registered(), enabled(at=EARLY))[-1], NumberReclaimed)


@pytest.mark.parametrize("kept", [CHARGING, (*PAYING, CardHeld(reason="lost and found", by="operator:cli", at=EARLY))])
def test_nothing_is_foreseen_of_a_card_that_waits_for_an_answer_or_a_person(kept):
    assert foreseen(*kept, at=OPENS_AT) == ()


def test_that_charging_is_stopped_now_is_taken_to_be_over():
    stopped = replace(RULES, charging_stopped=True, gateway_down=True)
    assert foreseen(*PAYING, rules=stopped) == foreseen(*PAYING)


def test_what_was_foreseen_is_what_is_done_then():
    ahead = foreseen(*PAYING)
    then = given(*PAYING).at(OPENS_AT)
    assert then.facts == ahead[: len(then.facts)]


def test_the_balance_is_foreseen_to_pay_first_where_the_holder_asked_for_that():
    balanced = given(*PAYING, PaymentMethodsOrdered(method_ids=("visa",), balance_first=True, at=EARLY)).card
    rich = replace(balanced, balance=replace(balanced.balance, minor=500))
    [attempted] = [one for one in outlook(rich, RULES, EARLY) if isinstance(one, ChargeAttempted)]
    assert (attempted.amount, attempted.from_balance) == (Money(minor=1000, currency="CNY"), 500)


@pytest.mark.parametrize("begin", [topping_up, paying])
def test_a_payment_on_the_page_is_taken_to_be_left_and_the_renewal_is_foreseen_as_before(begin):
    begun = begin(*PAYING, at=EARLY)
    facts = outlook(begun.card, RULES, EARLY)
    assert isinstance(facts[-1], CardRenewed)
    [attempted] = [one for one in facts if isinstance(one, ChargeAttempted)]
    assert (attempted.method_id, attempted.at) == ("visa", OPENS_AT)


def test_while_a_due_term_is_paid_on_the_page_nothing_is_charged_before_it_is_surely_closed():
    begun = paying(*PAYING, at=AFTER)
    found = foresee(begun.card, RULES, AFTER)
    closed = surely_closed_at(AFTER + LASTS)
    [attempted] = [one for one in found.facts if isinstance(one, ChargeAttempted)]
    assert (attempted.at, found.until) == (closed, closed)
    assert foresee(begun.card, RULES, AFTER + MINUTE) == found


def test_a_refund_on_its_way_keeps_nothing_from_being_foreseen():
    begun = paying(*PAYING, at=EARLY)
    left = answered(begun, EXPIRED, EARLY + HOUR)
    attempt, at = attempt_of(begun), EARLY + 2 * HOUR
    success = Charged(attempt_id=attempt.attempt_id, amount=attempt.amount, gateway_ref="pi-1")
    late = Given(left.card).when(record_answer, attempt.attempt_id, success, learned="looked_up", rules=RULES, at=at)
    late.then(fact(ChargeSucceeded, learned="late"), fact(RefundStarted))
    facts = outlook(late.card, RULES, at)
    assert isinstance(facts[-1], CardRenewed)


def test_a_top_up_that_comes_first_is_foreseen_and_then_what_follows():
    order = AutoTopUpSet(threshold=TEN, amount=TEN, at=EARLY)
    facts = foreseen(*PAYING, order)
    sees(
        facts[:4],
        fact(TopUpStarted),
        fact(ChargeAttempted, top_up=1),
        fact(ChargeSucceeded, top_up=1),
        fact(BalanceCredited),
    )
    assert any(isinstance(one, CardRenewed) for one in facts)


def test_a_refund_that_a_person_has_to_make_keeps_nothing_from_being_foreseen():
    failed = RefundFailed(refund_id=REFUND.refund_id, attempt_id=REFUND.attempt_id, code="too_late", at=ENDS_AT)
    card = given(*PAID, REFUND, failed).card
    assert [one.refused for one in card.refunds] == [True]
    assert any(isinstance(one, CardRenewed) for one in outlook(card, RULES, ENDS_AT))


def test_what_takes_more_looks_than_that_is_foreseen_in_part(monkeypatch):
    monkeypatch.setattr("engine.outlook.LOOKS_MOST", 1)
    assert foreseen(*PAYING) == ()


def test_nothing_more_is_foreseen_of_a_card_that_waits_for_a_person():
    in_doubt = CaseOpened(about=derived_id(CARD_ID, "number_may_be_lost"), reason="number_may_be_lost", at=ENDS_AT)
    facts = foreseen(*PAYING, in_doubt, at=ENDS_AT)
    assert not any(isinstance(one, ChargeAttempted) for one in facts)
