"""What notifications hint at, fetched from the sandbox."""

import asyncio
from urllib.request import Request, urlopen

import pytest

from adapters.gateways.pace import at_once
from adapters.gateways.stripe_api import StripeApi
from adapters.gateways.stripe_news import DisputeNow, Paid, StripeNews
from adapters.gateways.stripe_pages import BindingRefused
from adapters.gateways.stripe_transport import Unanswered
from engine.errors import GatewayMisuseError
from tests.adapters.gateways.stripe.asking import KEY, charge, get, intent, post, request
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
    with urlopen(Request(f"{sandbox}/_sandbox/{path}", b""), timeout=5):
        pass


def test_a_charge_leads_to_the_attempt_and_card_that_it_paid_for(sandbox, bound):
    wanted = request("who paid", bound("pm_card_visa"))
    charged = charge(sandbox, wanted)
    assert news(sandbox, lambda one: one.paid(charged.gateway_ref)) == Paid(wanted.attempt_id, wanted.card_id)


def test_what_others_charged_on_the_account_is_none_of_ours(sandbox):
    foreign = post(sandbox, "/v1/payment_intents", amount=500, currency="eur")["id"]
    assert news(sandbox, lambda one: one.paid(foreign)) is None


def test_a_dispute_has_the_banks_amount_and_leads_to_the_attempt(sandbox, bound):
    wanted = request("disputed", bound("pm_card_visa"))
    charged = charge(sandbox, wanted)
    made = get(sandbox, f"/v1/payment_intents/{charged.gateway_ref}")["latest_charge"]
    by_itself(sandbox, f"charges/{made}/dispute")
    dispute_id = get(sandbox, f"/v1/disputes?payment_intent={charged.gateway_ref}")["data"][0]["id"]
    now = news(sandbox, lambda one: one.dispute(dispute_id))
    assert now == DisputeNow(dispute_id, Paid(wanted.attempt_id, wanted.card_id), charged.amount, "open")
    post(sandbox, f"/v1/disputes/{dispute_id}/close")
    assert news(sandbox, lambda one: one.dispute(dispute_id)).state == "lost"


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
        ("warning_needs_response", "inquiry"),
        ("warning_closed", "inquiry"),
        ("needs_response", "open"),
        ("under_review", "open"),
        ("won", "won"),
        ("lost", "lost"),
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


def test_a_card_that_the_network_has_replaced_has_new_details(sandbox, bound):
    token = bound("pm_card_visa")
    before = news(sandbox, lambda one: one.method(token))
    by_itself(sandbox, f"payment_methods/{token.split('/')[1]}/update")
    after = news(sandbox, lambda one: one.method(token))
    assert after.token == before.token == token
    assert after.expires_on.year == before.expires_on.year + 1
    assert after.last4 != before.last4


def test_a_method_that_was_detached_is_not_usable(sandbox, bound):
    token = bound("pm_card_visa")
    post(sandbox, f"/v1/payment_methods/{token.split('/')[1]}/detach")
    assert news(sandbox, lambda one: one.method(token)) == BindingRefused("not_usable")


def test_a_wallet_that_is_paid_on_a_page_has_no_method(wire):
    with pytest.raises(GatewayMisuseError):
        news(wire.url, lambda one: one.method("cus_1/alipay"))
    assert wire.asked == []
