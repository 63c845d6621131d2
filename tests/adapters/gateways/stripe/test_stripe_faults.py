"""Each fault of the sandbox, then the same attempt again: answer and record agree, and nothing is doubled."""

from datetime import timedelta
from typing import get_args
from uuid import uuid4

import pytest
from msgspec.structs import replace

from adapters.gateways.sandbox.faults import ApiFault, Fault
from adapters.gateways.sandbox.running import running
from adapters.gateways.sandbox.server import Options
from engine.ports import Charged, Declined, NotFound, Refunded, Unclear
from tests.adapters.gateways.stripe.asking import NOW, asked, get, post, refund_of, request

BUDGET = timedelta(seconds=1)
SECONDS = 1.5
"""Longer than the budget of a call."""


@pytest.fixture
def faulty(judge):
    """A sandbox with one fault, which the first request of a kind has."""

    def with_fault(kind, path):
        fault = Fault(kind=kind, method="POST", path=path, times=1, seconds=SECONDS)
        return running(Options(faults=(fault,)), judge)

    return with_fault


def bound(address, token):
    customer = post(address, "/v1/customers")["id"]
    return f"{customer}/{post(address, f'/v1/payment_methods/{token}/attach', customer=customer)['id']}"


def settled(address, ask, eventually):
    """The first definite answer to a question that is asked again and again."""
    answers = []

    def is_settled():
        answers.append(asked(address, ask, budget=BUDGET))
        return not isinstance(answers[-1], Unclear)

    eventually(is_settled)
    return answers[-1]


KINDS = [kind for kind in get_args(ApiFault) if kind != "error_before"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("token", ["pm_card_visa", "pm_sandbox_do_not_honor"])
def test_a_charge_is_made_once_whatever_goes_wrong(faulty, eventually, kind, token):
    with faulty(kind, "payment_intents") as address:
        wanted = request(f"{kind} {token} {uuid4()}", bound(address, token))
        answered = settled(address, lambda gateway: gateway.charge(wanted, NOW), eventually)
        listed = get(address, f"/v1/payment_intents?customer={wanted.token.split('/')[0]}")["data"]
        by_look_up = asked(address, lambda gateway: gateway.look_up(wanted, NOW))
    assert len(listed) == 1
    assert answered == by_look_up
    assert isinstance(answered, Charged if token == "pm_card_visa" else Declined)


@pytest.mark.parametrize("kind", KINDS)
def test_a_refund_is_made_once_whatever_goes_wrong(faulty, eventually, kind):
    with faulty(kind, "refunds") as address:
        wanted = request(f"{kind} to refund {uuid4()}", bound(address, "pm_card_visa"))
        charged = asked(address, lambda gateway: gateway.charge(wanted, NOW))
        back = refund_of(charged)
        answered = settled(address, lambda gateway: gateway.refund(back, NOW), eventually)
        listed = get(address, f"/v1/refunds?payment_intent={charged.gateway_ref}")["data"]
    assert answered == Refunded(refund_id=back.refund_id, amount=charged.amount, gateway_ref=listed[0]["id"])
    assert [one["amount"] for one in listed] == [990]


def test_a_fault_while_it_is_looked_up_changes_nothing(judge, eventually):
    fault = Fault(kind="cut", method="GET", path="payment_intents", times=1)
    with running(Options(faults=(fault,)), judge) as address:
        wanted = request(f"looked up {uuid4()}", bound(address, "pm_card_visa"))
        charged = asked(address, lambda gateway: gateway.charge(wanted, NOW))
        later = replace(wanted, attempted_at=NOW - timedelta(minutes=1))
        assert settled(address, lambda gateway: gateway.look_up(later, NOW), eventually) == charged


def test_an_error_that_is_kept_under_the_key_is_unclear_until_the_list_says_that_nothing_happened(faulty):
    with faulty("error_before", "payment_intents") as address:
        wanted = request(f"kept {uuid4()}", bound(address, "pm_card_visa"))
        for _ in range(2):
            answered = asked(address, lambda gateway: gateway.charge(wanted, NOW))
            assert answered == Unclear(reason="server_error")
        assert asked(address, lambda gateway: gateway.look_up(wanted, NOW)) == NotFound()
