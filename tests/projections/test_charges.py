"""Read model `charges`: given facts of an attempt, then its row."""

from datetime import timedelta
from uuid import UUID

from msgspec.structs import replace

from engine.card.balance import BalanceCredited
from engine.card.disputes import DisputeRecorded
from engine.card.refunds import RefundRecorded, RefundSucceeded
from projections.charges import CHARGES, ChargeRow
from tests.engine.random_histories import cny
from tests.engine.samples import (
    BUDGET,
    CARD_ID,
    CHARGING,
    DECLINED,
    OPENS_AT,
    PAYING,
    SECOND,
    attempt_id,
    attempted,
    failed,
    succeeded,
    unknown,
)
from tests.projections.folding import fields, rows

OUTCOME = ("status", "code", "gateway_ref", "settled_at")


def test_an_intent_has_a_row_before_the_gateway_is_asked():
    assert rows(CHARGES, *CHARGING) == {
        attempt_id(): ChargeRow(
            attempt_id=attempt_id(),
            card_id=CARD_ID,
            term_number=1,
            method_id="visa",
            currency="CNY",
            minor=1500,
            attempted_at=OPENS_AT,
            status="attempted",
            code=None,
            gateway_ref=None,
            settled_at=None,
            top_up=None,
            from_balance_minor=0,
            refunded_minor=0,
        )
    }


def test_a_success_has_its_reference():
    row = rows(CHARGES, *CHARGING, succeeded())[attempt_id()]
    assert fields(row, *OUTCOME) == ("succeeded", None, "ref-1", OPENS_AT + SECOND)


def test_a_failure_has_its_code():
    row = rows(CHARGES, *DECLINED)[attempt_id()]
    assert fields(row, *OUTCOME) == ("failed", "insufficient_funds", None, OPENS_AT + SECOND)


def test_an_unknown_outcome_has_its_reason_and_is_not_settled():
    row = rows(CHARGES, *CHARGING, unknown())[attempt_id()]
    assert fields(row, *OUTCOME) == ("unknown", "timeout", None, None)


def test_an_outcome_that_becomes_known_is_no_longer_unknown():
    later = OPENS_AT + BUDGET + timedelta(minutes=5)
    row = rows(CHARGES, *CHARGING, unknown(), succeeded(at=later))[attempt_id()]
    assert fields(row, *OUTCOME) == ("succeeded", None, "ref-1", later)
    row = rows(CHARGES, *CHARGING, unknown(), failed(code="never_happened", at=later))[attempt_id()]
    assert fields(row, *OUTCOME) == ("failed", "never_happened", None, later)


def test_each_attempt_has_a_row_of_its_own():
    found = rows(CHARGES, *DECLINED, attempted(2, 2), succeeded(2))
    assert {key: row.status for key, row in found.items()} == {attempt_id(1): "failed", attempt_id(2): "succeeded"}


def test_a_failed_charge_that_succeeded_after_all_is_a_success():
    late = replace(succeeded(at=OPENS_AT + timedelta(days=2)), learned="late")
    row = rows(CHARGES, *DECLINED, late)[attempt_id()]
    assert fields(row, *OUTCOME) == ("succeeded", None, "ref-1", OPENS_AT + timedelta(days=2))


def test_refunds_and_disputes_of_a_charge_add_up():
    about = {"attempt_id": attempt_id(), "at": OPENS_AT}
    back = (
        RefundSucceeded(**about, refund_id=UUID(int=9), amount=cny(100), gateway_ref="back-1"),
        RefundRecorded(**about, amount=cny(200), evidence="ticket-1"),
        DisputeRecorded(**about, amount=cny(300), method_id="visa", evidence="ticket-2"),
        BalanceCredited(amount=cny(400), reason="refund", about=attempt_id(), evidence="ticket-3", at=OPENS_AT),
    )
    row = rows(CHARGES, *CHARGING, succeeded(), *back)[attempt_id()]
    assert fields(row, "status", "refunded_minor") == ("succeeded", 1000)


def test_a_top_up_has_its_number_and_its_credit_is_no_refund():
    top_up = replace(attempted(), top_up=3)
    credit = BalanceCredited(amount=cny(1500), reason="top_up", about=attempt_id(), at=OPENS_AT)
    row = rows(CHARGES, top_up, replace(succeeded(), top_up=3), credit)[attempt_id()]
    assert fields(row, "top_up", "refunded_minor") == (3, 0)


def test_the_part_paid_from_the_balance_is_shown():
    row = rows(CHARGES, replace(attempted(), from_balance=600))[attempt_id()]
    assert fields(row, "minor", "from_balance_minor") == (1500, 600)


def test_other_facts_have_no_row():
    assert rows(CHARGES, *PAYING) == {}


def test_an_outcome_without_an_intent_has_no_row():
    assert rows(CHARGES, succeeded()) == {}
