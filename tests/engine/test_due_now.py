"""Who asks to be charged at once pays for the term and the amount that were shown, and for nothing else."""

import pytest
from msgspec.structs import replace

from engine.card.attempt import ChargeAttempted
from engine.card.balance import BalanceCredited
from engine.card.charge import Due, RenewalRequested, due_now, renew_now
from engine.card.methods import PaymentMethodsOrdered
from engine.card.term import RenewalStarted
from engine.money import Money
from tests.engine.given_when_then import fact, given
from tests.engine.recorded_history import History
from tests.engine.samples import (
    MONTH_PRICE,
    OPENS_AT,
    PAID,
    PAYING,
    RULES,
    attempted,
    failed,
    local,
    started,
    suspended,
)

ASKED_AT = local("2026-03-05 09:00")


def due_of(*facts):
    card = given(*facts).card
    return due_now(card, card.consent, RULES, ASKED_AT)


def test_the_next_term_is_due_at_the_price_agreed_to():
    assert due_of(*PAYING) == Due(term_number=1, amount=MONTH_PRICE)


def test_what_is_shown_is_what_is_charged():
    due = due_of(*PAYING)
    given(*PAYING).when(renew_now, RULES, shown=due, at=ASKED_AT).then(fact(RenewalStarted), fact(RenewalRequested))
    history = History(*PAYING).decides(renew_now, RULES, shown=due, at=ASKED_AT).wakes(ASKED_AT)
    [attempt] = [one.fact for one in history.records if isinstance(one.fact, ChargeAttempted)]
    assert (attempt.term_number, attempt.amount) == (due.term_number, due.amount)


def test_what_was_paid_meanwhile_is_not_paid_for_again_nor_the_term_after_it():
    shown, in_the_new_term = due_of(*PAYING), local("2026-04-05 09:00")
    given(*PAID).when(renew_now, RULES, shown=shown, at=in_the_new_term).refused("already_paid_ahead")
    given(*PAID).when(renew_now, RULES, at=in_the_new_term).then(fact(RenewalStarted), fact(RenewalRequested))


@pytest.mark.parametrize("other", [{"amount": MONTH_PRICE * 2}, {"term_number": 2}])
def test_another_amount_or_a_later_term_is_refused(other):
    shown = replace(due_of(*PAYING), **other)
    given(*PAYING).when(renew_now, RULES, shown=shown, at=ASKED_AT).refused("price_changed")


def test_a_balance_that_covers_the_price_but_not_the_fee_is_no_way_to_pay():
    offered = replace(started(), reactivation_fee=Money(minor=500, currency="CNY"))
    unpaid = (*PAYING, offered, attempted(), failed(code="expired_card"), suspended())
    ordered = PaymentMethodsOrdered(method_ids=("visa",), balance_first=True, at=OPENS_AT)
    for minor, fact_or_refusal in ((1500, "no_usable_method"), (2000, None)):
        onto = BalanceCredited(amount=Money(minor=minor, currency="CNY"), reason="top_up", about=None, at=OPENS_AT)
        asked = given(*unpaid, ordered, onto).when(renew_now, RULES, at=local("2026-04-10 15:30"))
        assert (asked.refusal and asked.refusal.code) == fact_or_refusal
