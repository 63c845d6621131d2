"""Refunds and lists of charges against the sandbox."""

import asyncio
from datetime import timedelta
from urllib.error import HTTPError

import pytest

from engine.ports import (
    ChargesFound,
    ListChargesRequest,
    NotFound,
    RefundAccepted,
    RefundDeclined,
    Refunded,
    Unclear,
)
from tests.adapters.gateways.stripe.asking import (
    NOW,
    asked,
    charge,
    get,
    intent,
    look_up_refund,
    post,
    refund,
    refund_of,
    request,
)
from tests.adapters.gateways.stripe.wire import answer, slow


@pytest.fixture
def charged(sandbox, bound, request_name):
    return charge(sandbox, request(f"to refund {request_name}", bound("pm_card_visa")))


@pytest.fixture
def request_name(request):
    return request.node.name


def test_a_charge_is_refunded_once_however_often_it_is_asked_for(sandbox, charged):
    wanted = refund_of(charged)
    assert look_up_refund(sandbox, wanted) == NotFound()
    first = refund(sandbox, wanted)
    assert first == Refunded(refund_id=wanted.refund_id, amount=charged.amount, gateway_ref=first.gateway_ref)
    assert refund(sandbox, wanted) == look_up_refund(sandbox, wanted) == first
    assert len(get(sandbox, f"/v1/refunds?payment_intent={charged.gateway_ref}")["data"]) == 1


def test_parts_of_a_charge_are_refunded_until_nothing_is_left(sandbox, charged):
    assert isinstance(refund(sandbox, refund_of(charged, "first", minor=900)), Refunded)
    assert isinstance(refund(sandbox, refund_of(charged, "second", minor=91)), RefundDeclined)
    assert isinstance(refund(sandbox, refund_of(charged, "third", minor=90)), Refunded)
    again = refund(sandbox, refund_of(charged, "fourth", minor=1))
    assert again == RefundDeclined(code="charge_already_refunded")


def test_a_look_up_never_causes_a_refund(sandbox, charged):
    assert look_up_refund(sandbox, refund_of(charged)) == NotFound()
    assert get(sandbox, f"/v1/refunds?payment_intent={charged.gateway_ref}")["data"] == []


def test_a_refund_that_is_pending_is_accepted(sandbox, bound):
    charged = charge(sandbox, request("pending refund", bound("pm_card_pendingRefund")))
    wanted = refund_of(charged)
    accepted = refund(sandbox, wanted)
    assert accepted == RefundAccepted(refund_id=wanted.refund_id, gateway_ref=accepted.gateway_ref)


def test_a_refund_of_what_is_no_charge_of_stripes_is_declined_unsent(wire):
    class Elsewhere:
        gateway_ref, attempt_id, amount = "sim_1", request("x", "cus_1/pm_1").attempt_id, request("x", "c").amount

    assert refund(wire.url, refund_of(Elsewhere)) == RefundDeclined(code="no_such_charge")
    assert wire.asked == []


WANTED = request("refunded", "cus_1/pm_1")


class CHARGED:
    gateway_ref, attempt_id, amount = "pi_1", WANTED.attempt_id, WANTED.amount


def made(status, **changed):
    wanted = refund_of(CHARGED)
    return {
        "id": "re_1",
        "object": "refund",
        "amount": 990,
        "currency": "eur",
        "status": status,
        "payment_intent": "pi_1",
        "metadata": {"refund_id": str(wanted.refund_id)},
    } | changed


@pytest.mark.parametrize(
    ("found", "meant"),
    [
        (made("succeeded"), Refunded),
        (made("pending"), RefundAccepted),
        (made("requires_action"), RefundAccepted),
        (made("failed", failure_reason="lost_or_stolen_card"), RefundDeclined(code="lost_or_stolen_card")),
        (made("canceled"), RefundDeclined(code="refund_canceled")),
        (made(None), Unclear(reason="not_understood")),
        (made("succeeded", amount=1), Unclear(reason="answer_is_not_ours")),
        (made("succeeded", currency="usd"), Unclear(reason="answer_is_not_ours")),
        (made("succeeded", payment_intent="pi_2"), Unclear(reason="answer_is_not_ours")),
        (made("succeeded", metadata=None), NotFound()),
    ],
)
def test_each_state_of_a_refund_has_its_meaning(wire, found, meant):
    wire.says(answer(200, {"object": "list", "data": [found], "has_more": False}))
    answered = look_up_refund(wire.url, refund_of(CHARGED))
    assert isinstance(answered, meant) if isinstance(meant, type) else answered == meant


@pytest.mark.parametrize(
    ("fields", "meant"),
    [
        ({"code": "charge_disputed"}, RefundDeclined(code="charge_disputed")),
        ({"code": "refund_disputed_payment"}, RefundDeclined(code="refund_disputed_payment")),
        ({"code": "charge_not_refundable"}, RefundDeclined(code="charge_not_refundable")),
        ({"code": "balance_insufficient"}, RefundDeclined(code="balance_insufficient")),
        ({}, RefundDeclined(code="request_invalid")),
        ({"code": "lock_timeout"}, Unclear(reason="lock_timeout")),
        ({"type": "idempotency_error"}, Unclear(reason="idempotency_error")),
        ({"type": "api_error"}, Unclear(reason="not_understood")),
    ],
)
def test_a_refund_that_stripe_refuses_is_declined_with_its_code(wire, fields, meant):
    none = answer(200, {"object": "list", "data": [], "has_more": False})
    wire.says(none, answer(400, {"error": {"type": "invalid_request_error"} | fields}))
    assert refund(wire.url, refund_of(CHARGED)) == meant


TAKEN = {"id": "ch_1", "livemode": False, "created": 1, "amount": 990, "currency": "eur"}
AGO = NOW - timedelta(days=1)


def listed(url, **wanted):
    return asked(url, lambda gateway: gateway.list_charges(ListChargesRequest(**wanted), NOW))


def test_the_list_has_what_was_charged_and_what_of_it_went_back(sandbox, bound):
    wanted = request("listed", bound("pm_card_visa"))
    charged = charge(sandbox, wanted)
    charge(sandbox, request("listed not", bound("pm_sandbox_do_not_honor")))
    refund(sandbox, refund_of(charged, minor=90))
    found = listed(sandbox, since=NOW - timedelta(hours=1))
    ours = {one.gateway_ref: one for one in found.charges}[charged.gateway_ref]
    assert (ours.attempt_id, ours.card_id, ours.purpose) == (wanted.attempt_id, wanted.card_id, wanted.purpose)
    assert (ours.token, ours.amount, ours.refunded_minor) == (wanted.token, wanted.amount, 90)
    assert request("listed not", "x").attempt_id not in {one.attempt_id for one in found.charges}


def test_the_list_of_a_card_has_none_of_others(sandbox, bound):
    wanted = request("of a card", bound("pm_card_visa"))
    charge(sandbox, wanted)
    assert listed(sandbox, since=NOW - timedelta(hours=1), card_id=wanted.attempt_id) == ChargesFound(charges=())


def test_cards_that_ask_together_share_one_list(wire):
    wire.says(answer(200, {"object": "list", "data": [intent(WANTED, latest_charge=TAKEN)], "has_more": False}))
    wanted = [ListChargesRequest(since=NOW, card_id=card) for card in (WANTED.card_id, WANTED.attempt_id)]

    async def together(gateway):
        first = await asyncio.gather(*(gateway.list_charges(one, NOW) for one in wanted))
        return [
            *first,
            await gateway.list_charges(wanted[0], NOW),
            await gateway.list_charges(ListChargesRequest(since=AGO), NOW),
        ]

    found = asked(wire.url, together)
    assert [len(one.charges) for one in found] == [1, 0, 1, 1]
    assert len(wire.asked) == 2


def test_a_list_that_takes_longer_than_a_call_is_read_on(wire):
    page = {"object": "list", "data": [intent(WANTED, latest_charge=TAKEN)], "has_more": False}
    wire.says(slow(answer(200, page)))

    async def again(gateway):
        while isinstance(found := await gateway.list_charges(ListChargesRequest(since=NOW), NOW), Unclear):
            pass
        return found

    assert len(asked(wire.url, again, budget=timedelta(seconds=0.2)).charges) == 1
    assert len(wire.asked) == 1


def test_a_list_that_could_not_be_read_is_read_anew(wire):
    page = {"object": "list", "data": [], "has_more": False}
    wire.says(answer(500, {}), answer(200, page))

    async def twice(gateway):
        return [await gateway.list_charges(ListChargesRequest(since=NOW), NOW) for _ in range(2)]

    assert asked(wire.url, twice) == [Unclear(reason="server_error"), ChargesFound(charges=())]


def test_what_others_charge_on_the_same_account_is_not_ours(wire):
    foreign = intent(WANTED, metadata={"order": "7"})
    wire.says(answer(200, {"object": "list", "data": [foreign], "has_more": False}))
    assert listed(wire.url, since=NOW) == ChargesFound(charges=())


def test_a_list_of_the_other_mode_is_unclear(wire):
    wire.says(answer(200, {"object": "list", "data": [intent(WANTED, livemode=True)], "has_more": False}))
    assert listed(wire.url, since=NOW) == Unclear(reason="wrong_mode")


def test_a_clerk_may_not_refund_more_than_was_charged(sandbox, charged):
    with pytest.raises(HTTPError):
        post(sandbox, "/v1/refunds", payment_intent=charged.gateway_ref, amount=100_000)
