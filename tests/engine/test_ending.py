"""A term that has not begun ends later, once nothing is left of its charge: refunded before, or disputed."""

from datetime import date, timedelta

import pytest

from engine.card.balance import BalanceCredited
from engine.card.consent import AutoRenewSwitchedOff
from engine.card.disputes import DisputeRecorded
from engine.card.ending import end_term
from engine.card.giving_back import record_refund
from engine.card.refunds import RefundRecorded
from engine.card.undoing import TermUndone
from engine.why.questions import overview
from tests.engine.given_when_then import Given, Then, fact, given, no_older_charge
from tests.engine.recorded_history import History
from tests.engine.samples import (
    CHARGING,
    ENDS_AT,
    FIVE,
    MONTH_PRICE,
    OPENS_AT,
    PAID,
    PAYING,
    TEN,
    attempt_id,
)

AT = OPENS_AT + timedelta(hours=5)
ABOUT = {"attempt_id": attempt_id(), "evidence": "ticket-1", "at": AT}
REFUNDED = RefundRecorded(amount=MONTH_PRICE, **ABOUT)
TO_BALANCE = BalanceCredited(amount=MONTH_PRICE, reason="refund", about=attempt_id(), evidence="ticket-1", at=AT)


def disputed(amount) -> DisputeRecorded:
    return DisputeRecorded(amount=amount, method_id="visa", instrument="fp-visa", **ABOUT)


def ended(card: Given, at=AT, about=None) -> Then:
    return card.when(end_term, no_older_charge, attempt_id=about or attempt_id(), at=at)


@pytest.mark.parametrize(
    "back",
    [
        (REFUNDED,),
        (TO_BALANCE,),
        (disputed(MONTH_PRICE),),
        (RefundRecorded(amount=FIVE, **ABOUT), disputed(TEN)),
    ],
    ids=["refunded", "onto the balance", "disputed", "partly each"],
)
def test_once_nothing_is_left_of_its_charge_the_term_ends_when_the_operator_says_so(back):
    then = ended(given(*PAID, *back)).then(
        fact(TermUndone, undone_number=1, attempt_id=attempt_id()),
        fact(AutoRenewSwitchedOff, reason="operator", ends_on=date(2026, 4, 1), lost_on=date(2026, 5, 1)),
    )
    assert then.card.term == given(*CHARGING).card.term
    assert then.card.balance.minor == (MONTH_PRICE.minor if back == (TO_BALANCE,) else 0)
    ended(Given(then.card)).refused("term_begun")


def test_why_says_that_the_next_term_was_paid_and_undone():
    history = History(*PAYING).wakes().paid()
    about = {"attempt_id": history.attempts()[0], "evidence": "ticket-1"}
    history.decides(record_refund, no_older_charge, amount=MONTH_PRICE, to="method", ends_term=True, at=AT, **about)
    said = [one.text for one in overview(history.records).sentences]
    assert [one for one in said if "term 1 was undone, since all that was charged for it" in one]


def test_while_something_is_left_of_it_the_term_goes_on():
    refusal = ended(given(*PAID, disputed(TEN))).refusal
    assert (refusal.code, str(refusal)) == (
        "not_a_full_refund",
        "of that charge 5.00 CNY is left; give it back with ends_term",
    )


def test_a_term_that_has_begun_or_that_another_charge_paid_for_does_not_end():
    ended(given(*PAID, REFUNDED), at=ENDS_AT).refused("term_begun")
    ended(given(*PAID, REFUNDED), about=attempt_id(2)).refused("not_the_last_term")
