"""What the holder asks for ahead of its day ends with its pass: nothing more before the renewal opens."""

from datetime import timedelta

import pytest

from engine.card.asked_ahead import RenewalRequestEnded, end_request
from engine.card.attempt import ChargeAttempted
from engine.card.balance import BalanceCredited
from engine.card.charge import RenewalRequested, renew_now
from engine.card.consent import switch_off_auto_renew
from engine.card.methods import PaymentMethodsOrdered, bind_payment_method, update_payment_method
from engine.card.reminders import ReminderDue
from engine.card.term import CardRenewed, RenewalStarted
from engine.card.wait import Wait
from engine.money import Money
from engine.networks import Limited
from engine.notices import notice_of
from tests.engine.recorded_history import History
from tests.engine.samples import (
    DEBIT,
    MONTH_PRICE,
    OPENS_AT,
    PAYING,
    POLICY,
    RULES,
    SECOND,
    VISA,
    VISA_AGAIN,
    enabled,
    local,
    registered,
)
from tests.engine.samples import bound as is_bound

ASKED_AT = local("2026-03-05 09:00")
LATER = local("2026-03-10 09:00")


def asked_in_vain(*facts, **declined: str) -> History:
    """RenewNow on 5 March was declined, and the wakes up to the 10th are over."""
    history = History(*(facts or PAYING)).decides(renew_now, RULES, at=ASKED_AT)
    return history.wakes(ASKED_AT).declined(**declined).wakes_until(LATER)


def kinds(history: History) -> list[str]:
    return [type(one.fact).__name__ for one in history.records]


def updated(history: History) -> None:
    history.decides(update_payment_method, method=VISA_AGAIN, at=LATER)


def bound(history: History) -> None:
    history.decides(bind_payment_method, method=DEBIT, at=LATER)


def topped_up(history: History) -> None:
    history.does((BalanceCredited(amount=MONTH_PRICE * 2, reason="top_up", about=None, at=LATER),))


def test_who_switches_off_before_anything_was_tried_is_told_no_more():
    history = History(*PAYING).decides(renew_now, RULES, at=ASKED_AT)
    history.decides(switch_off_auto_renew, reason="holder", at=ASKED_AT).wakes(ASKED_AT)
    assert kinds(history)[-1] == "RenewalRequestEnded"
    assert notice_of(history.records[-1]) is None


def test_a_request_ends_without_a_word_where_a_method_might_be_charged_and_something_else_forbids_it():
    history = History(*PAYING).decides(renew_now, RULES, at=ASKED_AT)
    [ended] = end_request(history.card, Wait(None, "number_lost"), POLICY, ASKED_AT)
    assert (ended.withheld, ended.next_try_at) == (None, None)


@pytest.mark.parametrize("change", [updated, bound, topped_up])
def test_a_request_that_came_to_nothing_is_over_whatever_changes_before_the_renewal_opens(change):
    first = PaymentMethodsOrdered(method_ids=("visa",), balance_first=True, at=PAYING[0].at)
    history = asked_in_vain(*PAYING, first)
    change(history)
    history.wakes_until(OPENS_AT - SECOND)
    assert len(history.attempts()) == 1
    assert history.wake_at == OPENS_AT
    history.wakes()
    assert kinds(history)[-1] == ("CardRenewed" if change is topped_up else "ChargeAttempted")
    assert history.card.attempts.made == (0 if change is topped_up else 2)


def test_the_end_of_the_request_is_a_fact_after_the_holder_was_notified():
    assert kinds(asked_in_vain())[-2:] == ["ReminderDue", "RenewalRequestEnded"]


def test_the_quick_second_try_belongs_to_the_request():
    history = asked_in_vain(code="processing_error").wakes_until(LATER)
    assert len(history.attempts()) == 2
    assert "RenewalRequestEnded" not in kinds(history)
    history.declined("processing_error")
    assert kinds(history)[-1] == "RenewalRequestEnded"


def test_a_method_that_a_limit_delays_is_not_tried_when_the_limit_has_room_again():
    until = local("2026-03-06 00:00")
    history = History().decides(renew_now, RULES, at=ASKED_AT)
    history.wakes(ASKED_AT, {"visa": Limited("retries_30d", until)})
    assert kinds(history)[-2:] == ["ChargeWithheld", "RenewalRequestEnded"]
    assert history.records[-1].fact.next_try_at == OPENS_AT
    history.wakes_until(OPENS_AT - SECOND)
    assert history.attempts() == []
    assert history.wake_at == OPENS_AT
    history.wakes()
    assert len(history.attempts()) == 1


UNTIL = local("2026-03-31 00:00")
LIMITED = {"visa": Limited("retries_30d", UNTIL)}


def told_of_the_end(history: History) -> list[tuple[str, object]]:
    """The notices about requests that came to nothing: kind, and when it is tried next."""
    told = [notice_of(one) for one in history.records if isinstance(one.fact, RenewalRequestEnded | ReminderDue)]
    return [(one.kind, one.values["next_try_at"]) for one in told if one is not None]


def test_the_holder_is_told_that_a_limit_allowed_no_try_and_when_it_is_tried():
    history = History().decides(renew_now, RULES, at=ASKED_AT).wakes(ASKED_AT, LIMITED)
    ended = history.records[-1].fact
    assert (ended.withheld, ended.next_try_at) == ("retries_30d", UNTIL)  # after the opening, when the limit has room
    assert told_of_the_end(history) == [("not_tried", "2026-03-30T16:00:00Z")]


def test_whoever_asks_twice_in_vain_is_told_twice():
    history = History().decides(renew_now, RULES, at=ASKED_AT).wakes(ASKED_AT, LIMITED)
    history.decides(renew_now, RULES, at=LATER).wakes(LATER, LIMITED)
    assert [kind for kind, _ in told_of_the_end(history)] == ["not_tried", "not_tried"]


def test_after_a_decline_of_an_earlier_request_a_limit_is_told_of_too():
    history = asked_in_vain().decides(renew_now, RULES, at=LATER).wakes(LATER, LIMITED)
    assert [kind for kind, _ in told_of_the_end(history)] == ["payment_failed", "not_tried"]


def test_a_method_that_its_issuer_wants_left_alone_is_told_of_too():
    again_at = ASKED_AT + timedelta(hours=2)
    history = History().decides(renew_now, RULES, at=ASKED_AT).wakes(ASKED_AT).declined("card_velocity_exceeded")
    history.decides(renew_now, RULES, at=again_at).wakes(again_at)
    assert history.records[-1].fact.withheld == "advice_delay"
    assert len(history.attempts()) == 1


def test_a_decline_in_the_same_pass_says_it_all():
    history = History(registered(), is_bound(VISA), is_bound(DEBIT), enabled()).decides(renew_now, RULES, at=ASKED_AT)
    history.wakes(ASKED_AT, LIMITED).declined()
    assert kinds(history)[-3:] == ["ChargeFailed", "ReminderDue", "RenewalRequestEnded"]
    assert [kind for kind, _ in told_of_the_end(history)] == ["payment_failed"]


def test_where_no_method_is_left_the_notice_of_the_failure_says_so():
    history = History().decides(renew_now, RULES, at=ASKED_AT).wakes(ASKED_AT, {"visa": Limited("never", None)})
    assert told_of_the_end(history) == [("payment_failed", None)]


def test_a_method_that_is_bound_within_the_pass_belongs_to_it():
    history = History().decides(renew_now, RULES, at=ASKED_AT).wakes(ASKED_AT)
    history.decides(bind_payment_method, method=DEBIT, at=ASKED_AT + SECOND).declined()
    assert len(history.attempts()) == 2
    history.paid()
    assert isinstance(history.records[-1].fact, CardRenewed)


def test_asked_again_it_is_offered_and_tried_again():
    history = asked_in_vain().decides(renew_now, RULES, at=LATER)
    assert [type(one.fact) for one in history.records[-2:]] == [RenewalStarted, RenewalRequested]
    history.wakes(LATER)
    attempt = history.records[-1].fact
    assert isinstance(attempt, ChargeAttempted)
    assert (attempt.rung, attempt.number, attempt.follows_decline) == (0, 2, True)


def test_the_first_rung_comes_when_the_renewal_opens():
    history = asked_in_vain().wakes_until(OPENS_AT)
    attempt = history.records[-1].fact
    assert isinstance(attempt, ChargeAttempted)
    assert (attempt.rung, attempt.reason, attempt.amount) == (1, "renewal_opened", Money(minor=1500, currency="CNY"))
    assert history.card.renewal.offered_at == OPENS_AT


def test_nothing_ended_that_was_not_asked_for():
    history = History().wakes().declined().wakes_until(OPENS_AT + timedelta(hours=1))
    assert RenewalRequestEnded not in {type(one.fact) for one in history.records}
