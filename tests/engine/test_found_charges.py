"""What was charged in the gap of a restore is recorded as if the log had never lost it, each charge once."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from msgspec.structs import replace

from engine.card.attempt import CaseOpened
from engine.card.balance import BalanceCredited
from engine.card.consent import AutoRenewSwitchedOff, PeriodChanged
from engine.card.custody import close_card
from engine.card.deadlines import DeadlinesMoved
from engine.card.decline import ChargeFailed
from engine.card.gap import ChargeFound
from engine.card.ids import derived_id
from engine.card.lapse import Suspended
from engine.card.methods import PaymentMethodsOrdered
from engine.card.payments import ChargeSucceeded
from engine.card.refunds import RefundRecorded, RefundStarted
from engine.card.term import CardRenewed, Reinstated, RenewalStarted
from engine.card.top_ups import TopUpFailed, TopUpStarted
from engine.card.waking import Deferred
from engine.money import Money
from engine.rules import Gap
from tests.engine.given_when_then import Given, fact, given
from tests.engine.restored_cards import (
    BACKUP_AT,
    CLOSED,
    COMPLETE_AT,
    MOVED,
    RESTORED,
    RESTORED_AT,
    WAITS,
    charge,
    found,
)
from tests.engine.samples import (
    CARD_ID,
    CHARGING,
    FIVE,
    MONTH_PRICE,
    PAID,
    PAYING,
    POLICY,
    TEN,
    attempt_id,
    enabled,
    failed,
    local,
)
from tests.engine.topped_up import topped_up

# What was charged in the gap


def test_a_term_that_was_charged_in_the_gap_is_renewed_without_another_charge():
    renewed = found(given(*PAYING), charge(), at=RESTORED_AT)
    renewed.then(
        fact(RenewalStarted, term_number=1, price=MONTH_PRICE),
        fact(ChargeFound, attempt_id=attempt_id(), term_number=1, method_id="visa", pays=True, from_balance=0),
        fact(ChargeSucceeded, attempt_id=attempt_id(), amount=MONTH_PRICE, gateway_ref="ref-lost", learned="looked_up"),
        fact(CardRenewed, attempt_id=attempt_id(), price=MONTH_PRICE),
        WAITS,
    )
    assert renewed.card.term.number == 1
    found(Given(renewed.card), charge()).then(CLOSED)  # what is known is recorded once


@pytest.mark.parametrize(
    "given_again",
    [
        AutoRenewSwitchedOff(reason="holder", at=RESTORED_AT),
        PeriodChanged(
            months=6, price=Money(minor=8000, currency="CNY"), saving=TEN, catalogue_version="1",
            terms_version="terms-2", channel="app", at=RESTORED_AT,
        ),
    ],
    ids=["switched off", "another period"],
)  # fmt: skip
def test_a_charge_is_explained_by_what_was_agreed_to_then_also_if_that_was_changed_before_the_list_came(given_again):
    facts = (*PAYING, given_again)
    renewed = found(given(*facts), charge(), at=RESTORED_AT, history=facts)
    renewed.then(
        fact(RenewalStarted, term_number=1, price=MONTH_PRICE),
        fact(ChargeFound, attempt_id=attempt_id(), term_number=1, pays=True),
        fact(ChargeSucceeded, attempt_id=attempt_id(), learned="looked_up"),
        fact(CardRenewed, attempt_id=attempt_id(), price=MONTH_PRICE),
        WAITS,
    )
    found(Given(renewed.card), charge()).then(CLOSED)


def test_of_several_changes_since_the_charge_the_one_that_explains_it_is_found():
    longer = PeriodChanged(
        months=6, price=Money(minor=8000, currency="CNY"), saving=TEN, catalogue_version="1", terms_version="terms-2",
        channel="app", at=RESTORED_AT,
    )  # fmt: skip
    off = AutoRenewSwitchedOff(reason="holder", at=RESTORED_AT)
    in_order = PaymentMethodsOrdered(method_ids=("visa",), balance_first=False, at=RESTORED_AT)
    facts = (
        *PAYING,
        longer,
        in_order,
        off,
        enabled(12, RESTORED_AT),
    )
    renewed = found(given(*facts), charge(), at=RESTORED_AT, history=facts)
    renewed.then(
        fact(RenewalStarted, price=MONTH_PRICE), fact(ChargeFound), fact(ChargeSucceeded), fact(CardRenewed), WAITS
    )


def test_what_was_withdrawn_before_the_charge_explains_nothing():
    facts = (*PAYING, AutoRenewSwitchedOff(reason="holder", at=BACKUP_AT))
    found(given(*facts), charge(), at=RESTORED_AT, history=facts).then(
        fact(CaseOpened, about=attempt_id(), reason="charge_unexplained"), WAITS
    )


def test_a_declined_attempt_of_the_log_ends_when_a_later_one_paid_in_the_gap():
    second = attempt_id(2)
    found(given(*CHARGING), charge(second), at=RESTORED_AT).then(
        fact(ChargeFailed, attempt_id=attempt_id(1), code="never_happened", happened=False),
        fact(DeadlinesMoved, reason="unknown_outcome"),
        fact(ChargeFound, attempt_id=second, pays=True),
        fact(ChargeSucceeded, attempt_id=second, learned="looked_up"),
        fact(CardRenewed, attempt_id=second),
        WAITS,
    )


def test_the_outcome_of_an_open_attempt_that_was_lost_is_recorded():
    found(given(*CHARGING), charge(), at=RESTORED_AT).then(
        fact(ChargeSucceeded, attempt_id=attempt_id(), learned="looked_up"),
        fact(CardRenewed, attempt_id=attempt_id()),
        WAITS,
    )


def test_what_the_balance_paid_of_a_term_leaves_it_again():
    balance = BalanceCredited(amount=FIVE, reason="refund", about=None, at=BACKUP_AT)
    first = PaymentMethodsOrdered(method_ids=("visa",), balance_first=True, at=BACKUP_AT)
    paid = found(given(*PAYING, first, balance), charge(amount=TEN), at=RESTORED_AT)
    paid.then(
        fact(RenewalStarted),
        fact(ChargeFound, amount=TEN, from_balance=500),
        fact(ChargeSucceeded, amount=TEN, from_balance=500),
        fact(CardRenewed, from_balance=500),
        WAITS,
    )
    assert paid.card.balance.minor == 0


def test_a_charge_with_the_fee_for_a_service_that_was_off_brings_back_that_it_was_off():
    """The backup is of before the suspension, which the log has lost with the payment that ended it."""
    restored_at = local("2026-04-10 12:00")
    gap = replace(RESTORED, restored=Gap(BACKUP_AT, restored_at))
    paid = found(given(*PAYING), charge(amount=MONTH_PRICE + FIVE), rules=gap, at=restored_at)
    paid.then(
        fact(RenewalStarted),
        fact(Suspended),
        fact(ChargeFound, amount=MONTH_PRICE + FIVE, pays=True),
        fact(ChargeSucceeded),
        fact(Reinstated),
        fact(CardRenewed, price=MONTH_PRICE, reactivation_fee=FIVE),
        fact(Deferred),
    )
    assert (paid.card.status, paid.card.gap.unexplained) == ("active", ())
    before_it_can_have_been_off = found(given(*PAYING), charge(amount=MONTH_PRICE + FIVE), at=RESTORED_AT)
    before_it_can_have_been_off.then(fact(CaseOpened), WAITS)


def test_of_two_charges_for_one_term_one_goes_back():
    second = attempt_id(2)
    twice = found(given(*PAYING), charge(), charge(second))
    twice.then(
        fact(RenewalStarted),
        fact(ChargeFound, attempt_id=attempt_id(), pays=True),
        fact(ChargeSucceeded, attempt_id=attempt_id()),
        fact(CardRenewed),
        fact(ChargeFound, attempt_id=second, pays=False),
        fact(ChargeSucceeded, attempt_id=second, learned="late"),
        fact(RefundStarted, attempt_id=second, amount=MONTH_PRICE, reason="late_success"),
        CLOSED,
    )
    twice_again = Given(twice.card).at(COMPLETE_AT + POLICY.gateway_budget, RESTORED)
    twice_again.gives_back()


def test_a_charge_that_went_back_in_the_gap_pays_nothing_and_its_refund_is_asked_for_again():
    found(given(*PAYING), charge(refunded=1500), at=RESTORED_AT).then(
        fact(ChargeFound, pays=False),
        fact(ChargeSucceeded, learned="late"),
        fact(RefundStarted, refund_id=derived_id(CARD_ID, f"refund:{attempt_id()}"), amount=MONTH_PRICE),
        WAITS,
    )


def test_an_open_attempt_whose_charge_went_back_in_the_gap_pays_nothing():
    found(given(*CHARGING), charge(refunded=1500), at=RESTORED_AT).then(
        fact(ChargeFailed, code="never_happened"),
        fact(DeadlinesMoved),
        fact(ChargeSucceeded, learned="late"),
        fact(RefundStarted),
        WAITS,
    )


def test_a_part_that_went_back_is_recorded():
    part = found(given(*PAYING), charge(refunded=300), at=RESTORED_AT)
    part.then(
        fact(RenewalStarted),
        fact(ChargeFound),
        fact(ChargeSucceeded),
        fact(CardRenewed),
        fact(RefundRecorded, amount=Money(minor=300, currency="CNY")),
        WAITS,
    )


def test_what_was_charged_for_a_card_that_is_given_up_goes_back():
    closed = given(*PAYING).when(close_card, reason="lost", at=RESTORED_AT)
    found(Given(closed.card), charge()).then(
        fact(ChargeFound, pays=False), fact(ChargeSucceeded), fact(RefundStarted), CLOSED
    )


def test_a_charge_that_was_recorded_as_failed_goes_back():
    found(given(*CHARGING, failed()), charge(), at=RESTORED_AT).then(
        fact(ChargeSucceeded, learned="late"), fact(RefundStarted), WAITS
    )


def test_a_top_up_of_the_gap_comes_onto_the_balance():
    first = derived_id(CARD_ID, "top_up:1:visa:1")
    topped_up = found(given(*PAYING), charge(first, purpose="top_up:1", amount=TEN))
    topped_up.then(
        fact(TopUpStarted, number=1, amount=TEN),
        fact(ChargeFound, attempt_id=first, top_up=1, pays=True),
        fact(ChargeSucceeded, attempt_id=first, top_up=1),
        fact(BalanceCredited, amount=TEN, reason="top_up"),
        CLOSED,
        MOVED,
    )
    assert topped_up.card.balance.minor == 1000


def test_a_top_up_whose_attempt_was_open_is_paid_by_another_attempt_of_the_gap():
    started, attempted, *_ = topped_up(1, at=BACKUP_AT, amount=TEN)
    lost = charge(attempt_id(9), purpose="top_up:1", amount=TEN)
    found(given(*PAYING, started, attempted), lost).then(
        fact(ChargeFailed, attempt_id=attempted.attempt_id, code="never_happened"),
        fact(ChargeFound, attempt_id=attempt_id(9), top_up=1, pays=True),
        fact(ChargeSucceeded, attempt_id=attempt_id(9), top_up=1),
        fact(BalanceCredited, amount=TEN, reason="top_up"),
        CLOSED,
        MOVED,
    )


def test_a_top_up_under_way_is_over_when_a_later_one_was_paid_in_the_gap():
    under_way = TopUpStarted(number=1, amount=FIVE, automatic=False, at=BACKUP_AT)
    second = derived_id(CARD_ID, "top_up:2:visa:1")
    found(given(*PAYING, under_way), charge(second, purpose="top_up:2", amount=TEN), at=RESTORED_AT).then(
        fact(TopUpFailed, number=1),
        fact(TopUpStarted, number=2),
        fact(ChargeFound, top_up=2),
        fact(ChargeSucceeded),
        fact(BalanceCredited, amount=TEN),
        WAITS,
    )


@dataclass
class Older:
    """A history that has a payment which the card forgot."""

    asked: int = 0

    def __call__(self, attempt):
        self.asked += 1
        return given(*PAID).card.payments[0] if attempt == attempt_id() else None


def test_what_the_log_has_of_older_charges_is_passed_over():
    forgotten = Given(replace(given(*PAID).card, payments=()))
    older = Older()
    found(forgotten, charge(), recall=older).then(CLOSED)
    assert older.asked == 1


# What the restored card has no reason for


@pytest.mark.parametrize(
    ("history", "lost"),
    [
        ((*PAYING, AutoRenewSwitchedOff(reason="holder", at=BACKUP_AT)), charge()),
        (PAYING, charge(amount=TEN)),
        (PAYING, charge(purpose="renewal:2")),
        (PAYING, charge(purpose="a foreign one")),
        (PAYING, charge(purpose="top_up:1", amount=Money(minor=1, currency="EUR"))),
    ],
    ids=["no consent", "another amount", "a term too far", "another purpose", "another currency"],
)
def test_a_charge_that_nothing_explains_is_a_case_once_and_the_gap_stays_open(history, lost):
    case = fact(CaseOpened, about=attempt_id(), reason="charge_unexplained")
    opened = found(given(*history), lost)
    opened.then(case, fact(Deferred, reason="restored", until=COMPLETE_AT + POLICY.look_up_every))
    next_day = COMPLETE_AT + timedelta(days=1)
    found(Given(opened.card), lost, at=next_day).then(fact(Deferred, until=next_day + POLICY.look_up_every))
    Given(opened.card).at(next_day, RESTORED).looks_up_its_charges()


def test_a_charge_is_explained_once_the_lost_command_is_given_again():
    opened = found(given(PAYING[0], PAYING[1]), charge())
    explained = found(given(PAYING[0], PAYING[1], *opened.facts, PAYING[2]), charge(), at=COMPLETE_AT)
    explained.then(fact(RenewalStarted), fact(ChargeFound), fact(ChargeSucceeded), fact(CardRenewed), CLOSED)
