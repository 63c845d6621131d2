"""What notifications hint at, fetched from the sandbox."""

import asyncio
from datetime import timedelta
from urllib.request import Request, urlopen

import pytest

from adapters.gateways.pace import at_once
from adapters.gateways.stripe_api import StripeApi
from adapters.gateways.stripe_news import FoundDispute, StripeNews
from adapters.gateways.stripe_transport import Unanswered
from tests.adapters.gateways.stripe.asking import KEY, NOW, charge, get, intent, post, request
from tests.adapters.gateways.stripe.wire import answer


def news(url, ask):
    async def one():
        api = StripeApi(KEY, url, at_once, livemode=False)
        try:
            return await ask(StripeNews(api))
        finally:
            await api.close()

    return asyncio.run(one())


def by_itself(sandbox, path):
    """Let something happen at the sandbox that no request of ours causes."""
    with urlopen(Request(f"{sandbox}/_sandbox/{path}", b""), timeout=60):
        pass


def test_a_dispute_has_the_banks_amount_and_leads_to_the_attempt(sandbox, bound):
    wanted = request("disputed", bound("pm_card_visa"))
    charged = charge(sandbox, wanted)
    made = get(sandbox, f"/v1/payment_intents/{charged.gateway_ref}")["latest_charge"]
    by_itself(sandbox, f"charges/{made}/dispute")
    dispute_id = get(sandbox, f"/v1/disputes?payment_intent={charged.gateway_ref}")["data"][0]["id"]
    now = news(sandbox, lambda one: one.dispute(dispute_id))
    assert now == FoundDispute(dispute_id, wanted.attempt_id, wanted.card_id, charged.amount, "taken")
    assert now in news(sandbox, lambda one: one.disputes(NOW - timedelta(hours=1)))
    post(sandbox, f"/v1/disputes/{dispute_id}/close")
    assert news(sandbox, lambda one: one.dispute(dispute_id)).state == "taken"


def test_a_dispute_of_what_others_charged_on_the_account_is_none_of_ours(wire):
    wire.says(answer(200, DISPUTE), answer(200, intent(WANTED, metadata={"order": "7"})))
    assert news(wire.url, lambda one: one.dispute("dp_1")) is None


DISPUTE = {
    "id": "dp_1",
    "object": "dispute",
    "livemode": False,
    "amount": 990,
    "currency": "eur",
    "status": "won",
    "charge": "ch_1",
    "payment_intent": "pi_1",
}
WANTED = request("about a dispute", "cus_1/pm_1")


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("warning_needs_response", "asked"),
        ("warning_closed", "asked"),
        ("needs_response", "taken"),
        ("under_review", "taken"),
        ("won", "won"),
        ("lost", "taken"),
    ],
)
def test_each_state_of_a_dispute_has_its_meaning(wire, status, state):
    wire.says(answer(200, DISPUTE | {"status": status}), answer(200, intent(WANTED)))
    assert news(wire.url, lambda one: one.dispute("dp_1")).state == state


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"status": "new"}, "not_understood"),
        ({"livemode": True}, "wrong_mode"),
        ({"id": "dp_2"}, "answer_is_not_ours"),
        ({"amount": None}, "not_understood"),
    ],
)
def test_a_dispute_that_is_not_understood_is_unclear(wire, changed, reason):
    wire.says(answer(200, DISPUTE | changed), answer(200, intent(WANTED)))
    with pytest.raises(Unanswered, match=reason):
        news(wire.url, lambda one: one.dispute("dp_1"))


def held(sandbox, token, holder):
    """A card of a holder's customer: the customer and the method."""
    customer = post(sandbox, "/v1/customers", **{"metadata[holder]": holder})["id"]
    return post(sandbox, f"/v1/payment_methods/{token}/attach", customer=customer)["id"]


def test_a_card_that_the_network_has_replaced_has_new_details(sandbox):
    method_id = held(sandbox, "pm_card_visa", "h-replaced")
    before = news(sandbox, lambda one: one.method(method_id))
    by_itself(sandbox, f"payment_methods/{method_id}/update")
    after = news(sandbox, lambda one: one.method(method_id))
    assert after.holder_id == before.holder_id == "h-replaced"
    assert after.bound.token == before.bound.token
    assert after.bound.expires_on.year == before.bound.expires_on.year + 1
    assert after.bound.last4 != before.bound.last4


def test_a_method_that_was_detached_is_nobodys(sandbox):
    method_id = held(sandbox, "pm_card_visa", "h-detached")
    post(sandbox, f"/v1/payment_methods/{method_id}/detach")
    assert news(sandbox, lambda one: one.method(method_id)) is None


def test_a_method_of_a_customer_that_is_no_holder_is_none_of_ours(sandbox, bound):
    method_id = bound("pm_card_visa").split("/")[1]
    assert news(sandbox, lambda one: one.method(method_id)) is None
