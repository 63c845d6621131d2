"""The simulated gateway refunds a charge once, for ever, and its record counts double charges."""

import asyncio
from datetime import timedelta
from uuid import NAMESPACE_OID, uuid5

import pytest
from msgspec.structs import replace

from adapters.gateways.simulated import KEY_LIFETIME, double_charges, totals
from engine.errors import GatewayMisuseError
from engine.money import Money
from engine.ports import NotFound, RefundDeclined, Refunded, RefundRequest, Unclear
from tests.adapters.gateways.asking import NOON, TIMEOUT, UNAVAILABLE, charge, charged, look_up, request

YEARS = timedelta(days=4000)


def refund_of(charge_request, name="1", **changes):
    """The request to refund a charge; `changes` by field name."""
    fields = {
        "refund_id": uuid5(NAMESPACE_OID, f"refund {name} of {charge_request.attempt_id}"),
        "attempt_id": charge_request.attempt_id,
        "card_id": charge_request.card_id,
        "gateway_ref": charged(charge_request).gateway_ref,
        "amount": charge_request.amount,
    }
    return RefundRequest(**fields | changes)


def ask_refund(gateway, refund, at=NOON):
    return asyncio.run(gateway.refund(refund, at))


def is_refunded(answer, refund):
    return isinstance(answer, Refunded) and (answer.refund_id, answer.amount) == (refund.refund_id, refund.amount)


def test_a_charge_can_be_refunded(gateway, record):
    charge(gateway, request())
    refund = refund_of(request())
    assert is_refunded(ask_refund(gateway, refund), refund)
    assert totals(record) == {"EUR": 0}


def test_the_same_refund_again_has_the_same_answer_for_ever_and_moves_nothing(gateway, record):
    charge(gateway, request("a"), request("b"))
    first = ask_refund(gateway, refund_of(request("a")))
    assert ask_refund(gateway, refund_of(request("a")), at=NOON + KEY_LIFETIME) == first
    assert ask_refund(gateway, refund_of(request("a")), at=NOON + YEARS) == first
    assert totals(record) == {"EUR": 990}


def test_a_charge_is_refunded_once_whatever_ids_are_used(gateway, record):
    charge(gateway, request())
    ask_refund(gateway, refund_of(request(), "1"))
    assert ask_refund(gateway, refund_of(request(), "2")) == RefundDeclined(code="already_refunded")
    assert totals(record) == {"EUR": 0}


@pytest.mark.parametrize("behaviour", ["lost", "timeout_uncharged"])
def test_what_was_never_charged_is_not_refunded(gateway, record, behaviour):
    charge(gateway, request(behaviour=behaviour))
    assert ask_refund(gateway, refund_of(request())) == RefundDeclined(code="no_such_charge")
    assert totals(record) == {}


@pytest.mark.parametrize("amount", [Money(minor=991, currency="EUR"), Money(minor=990, currency="USD")])
def test_more_than_was_charged_is_not_refunded(gateway, record, amount):
    charge(gateway, request())
    assert ask_refund(gateway, refund_of(request(), amount=amount)) == RefundDeclined(code="more_than_charged")
    assert totals(record) == {"EUR": 990}


def test_a_charge_can_be_refunded_in_part(gateway, record):
    charge(gateway, request())
    refund = refund_of(request(), amount=Money(minor=400, currency="EUR"))
    assert is_refunded(ask_refund(gateway, refund), refund)
    assert totals(record) == {"EUR": 590}


def test_a_known_refund_with_other_parameters_is_a_misuse(gateway, record):
    charge(gateway, request())
    ask_refund(gateway, refund_of(request()))
    with pytest.raises(GatewayMisuseError, match="other parameters"):
        ask_refund(gateway, refund_of(request(), amount=Money(minor=1, currency="EUR")))
    assert totals(record) == {"EUR": 0}


def test_a_refund_may_move_money_without_an_answer(gateway, record):
    method = request(behaviour="timeout_charged")
    charge(gateway, method)
    assert ask_refund(gateway, refund_of(method)) == TIMEOUT
    assert totals(record) == {"EUR": 0}
    assert is_refunded(ask_refund(gateway, refund_of(method)), refund_of(method))
    assert totals(record) == {"EUR": 0}


def test_a_refund_that_never_arrives_moves_money_only_when_asked_again(gateway, record):
    method = request(behaviour="timeout_uncharged")
    charge(gateway, method)
    charge(gateway, method, at=NOON + timedelta(minutes=5))
    assert ask_refund(gateway, refund_of(method)) == TIMEOUT
    assert totals(record) == {"EUR": 990}
    assert is_refunded(ask_refund(gateway, refund_of(method), at=NOON + YEARS), refund_of(method))
    assert totals(record) == {"EUR": 0}


def test_a_refund_with_a_server_error_moves_money_in_half_of_the_cases(gateway, record):
    requests = [request(f"{i}", "server_error", minor=1) for i in range(200)]
    charge(gateway, *requests)
    charge(gateway, *requests)
    assert {ask_refund(gateway, refund_of(r)) for r in requests} == {Unclear(reason="server_error")}
    assert 60 < totals(record)["EUR"] < 140
    for r in requests:
        ask_refund(gateway, refund_of(r))
    assert totals(record) == {"EUR": 0}


def test_a_refunded_charge_is_still_found_by_a_look_up(gateway):
    charge(gateway, request())
    ask_refund(gateway, refund_of(request()))
    assert look_up(gateway, request()) == charged(request())


def test_a_closed_gateway_refunds_nothing(gateway):
    charge(gateway, request())
    gateway.close()
    assert ask_refund(gateway, refund_of(request())) == UNAVAILABLE


# Double charges


def again(name):
    """Another attempt for the same card and purpose as that of `request()`."""
    return replace(request(), attempt_id=request(name).attempt_id)


def test_a_refunded_double_charge_is_not_counted(gateway, record):
    charge(gateway, request(), again("y"), again("z"))
    assert double_charges(record) == 2
    ask_refund(gateway, refund_of(again("y")))
    assert double_charges(record) == 1
    ask_refund(gateway, refund_of(request()))
    assert double_charges(record) == 0


def test_a_refund_of_one_card_does_not_offset_a_double_charge_of_another(gateway, record):
    charge(gateway, request(), again("y"), request("b"))
    ask_refund(gateway, refund_of(request("b")))
    assert double_charges(record) == 1


def test_a_refund_that_never_arrived_offsets_nothing(gateway, record):
    method = request(behaviour="timeout_uncharged")
    for at in (NOON, NOON + timedelta(hours=1)):
        charge(gateway, method, at=at)
    charge(gateway, again("y"))
    ask_refund(gateway, refund_of(method))
    assert double_charges(record) == 1


# The silent method


def test_a_silent_method_moves_nothing_and_is_never_answered(gateway, record):
    silent = request(behaviour="silent")
    for hours in (0, 1, 30):
        at = NOON + timedelta(hours=hours)
        assert charge(gateway, silent, at=at) == TIMEOUT
        assert look_up(gateway, silent, at=at) == TIMEOUT
    assert totals(record) == {}
    assert look_up(gateway, request("b")) == NotFound()
