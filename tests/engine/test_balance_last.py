"""Before a number is lost the balance pays if it is enough, also where it is not spent first."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from engine.card.attempt import ChargeAttempted, ChargeWithheld
from engine.card.balance import BalanceCredited
from engine.card.deadlines import ChargingBlocked
from engine.card.decline import ChargeFailed
from engine.card.lapse import NumberReclaimed, Suspended
from engine.card.outcomes import record_answer
from engine.card.reminders import ReminderDue
from engine.card.term import CardRenewed, Reinstated
from engine.money import Money
from engine.ports import Declined
from tests.engine.given_when_then import Given, Then, fact, given
from tests.engine.samples import (
    DECLINED,
    MONTH_PRICE,
    OPENS_AT,
    RULES,
    VISA,
    attempt_id,
    bound,
    enabled,
    failed,
    local,
    registered,
    switched_off,
)

LAST_AT, LOST_AT = local("2026-04-05 10:00"), local("2026-04-06 00:00")
"""Of a month from 03-01 with five days to reclaim."""
SECOND = timedelta(seconds=1)
SHORT = (registered(grace_days=0, reclaim_days=5), bound(VISA), enabled())
FEE = enabled().reactivation_fee
DUE = MONTH_PRICE + FEE
OFFERED = replace(DECLINED[3], reactivation_fee=FEE)


def credit(minor: int = DUE.minor) -> BalanceCredited:
    return BalanceCredited(amount=Money(minor=minor, currency="CNY"), reason="released", about=None, at=OPENS_AT)


def declined(then: Then, number: int, at) -> Then:
    about = {"learned": "sent", "rules": RULES, "at": at}
    return Given(then.card).when(record_answer, attempt_id(number), Declined(code="insufficient_funds"), **about)


def before_the_last_day(*facts) -> Given:
    """Two rungs have come to nothing."""
    then = given(*SHORT, OFFERED, *DECLINED[4:], *facts).at(local("2026-03-30 10:00"))
    no = declined(then, 2, local("2026-03-30 10:01"))
    return Given(Given(no.card).at(local("2026-04-01 00:00")).card)


def test_the_balance_pays_once_the_last_rung_has_come_to_nothing():
    then = before_the_last_day(credit()).at(LAST_AT)
    assert isinstance(then.facts[-1], ChargeAttempted)
    no = declined(then, 3, LAST_AT + SECOND)
    Given(no.card).at(LAST_AT + SECOND).then(
        fact(Reinstated), fact(CardRenewed, attempt_id=None, from_balance=DUE.minor, reactivation_fee=FEE)
    )


def test_a_balance_that_is_not_enough_for_price_and_fee_stays():
    no = declined(before_the_last_day(credit(DUE.minor - 1)).at(LAST_AT), 3, LAST_AT + SECOND)
    told = Given(no.card).at(LAST_AT + SECOND).then(fact(ReminderDue, kind="payment_failed"))
    told.waits(LOST_AT, "reclaim")
    Given(told.card).at(LOST_AT).then(fact(NumberReclaimed, balance=Money(minor=DUE.minor - 1, currency="CNY")))


def test_without_a_method_that_may_be_charged_it_pays_on_the_last_day_and_the_holder_is_told_before():
    lost = given(*SHORT, OFFERED, DECLINED[4], failed(code="stolen_card"), credit()).at(OPENS_AT + SECOND)
    lost.then(fact(ReminderDue, kind="payment_failed"))
    off = Given(lost.card).at(local("2026-04-01 00:00")).then(fact(Suspended), fact(ReminderDue, kind="last_chance"))
    off.waits(LAST_AT, "balance_pays")
    Given(off.card).at(LAST_AT).then(fact(Reinstated), fact(CardRenewed, attempt_id=None))


def test_a_method_that_may_be_tried_again_only_when_the_number_is_lost_does_not_keep_it_waiting():
    late = failed(code="do_not_honor")
    delayed = replace(late, not_before=LOST_AT + timedelta(days=3))
    then = given(*SHORT, OFFERED, DECLINED[4], delayed, credit()).at(LAST_AT)
    assert [type(one) for one in then.facts if isinstance(one, ChargeWithheld | CardRenewed)] == [
        ChargeWithheld,
        CardRenewed,
    ]


def test_without_consent_or_while_charging_is_stopped_it_does_not_pay():
    no = declined(before_the_last_day(credit()).at(LAST_AT), 3, LAST_AT + SECOND)
    stopped = replace(RULES, charging_stopped=True)
    assert isinstance(Given(no.card).at(LAST_AT + SECOND, stopped).facts[0], ChargingBlocked)
    off = given(*SHORT, OFFERED, *DECLINED[4:], credit(), switched_off(at=OPENS_AT + timedelta(hours=1)))
    assert not any(isinstance(one, CardRenewed) for one in off.at(LAST_AT).facts)


@pytest.mark.parametrize("at", [local("2026-03-30 10:02"), local("2026-04-02 00:00")])
def test_before_the_last_day_only_methods_are_tried(at):
    then = before_the_last_day(credit()).at(at)
    assert not any(isinstance(one, CardRenewed) for one in then.facts)
    assert [one for one in then.facts if isinstance(one, ChargeFailed)] == []
