"""Customers and their PaymentMethods: attached, refused, detached, with fingerprints that mean something."""

import pytest

from adapters.gateways.sandbox.tokens import PUBLISHED, method_of
from tests.adapters.gateways.sandbox.api import payment


def test_a_token_that_is_attached_becomes_a_method_of_its_own(api):
    first, customer = api.method("pm_card_mastercard")
    second, _ = api.method("pm_card_mastercard", customer)
    assert first != second
    method = api.found(f"payment_methods/{first}")
    assert (method["customer"], method["type"], method["card"]["brand"]) == (customer, "card", "mastercard")
    listed = api.found(f"customers/{customer}/payment_methods")["data"]
    assert [one["id"] for one in listed] == [second, first]


@pytest.mark.parametrize("token", [name for name, one in PUBLISHED.items() if one.attaches])
def test_each_published_token_can_be_attached(api, token):
    method, _ = api.method(token)
    assert api.found(f"payment_methods/{method}")["card"]["last4"] == PUBLISHED[token].last4


@pytest.mark.parametrize("token", [name for name, one in PUBLISHED.items() if not one.attaches])
def test_a_token_that_is_refused_at_once_cannot_be_attached(api, token):
    answer = api.post(f"payment_methods/{token}/attach", {"customer": api.customer()})
    assert (answer.status, answer.error["type"]) == (402, "card_error")
    paid = api.post("payment_intents", {"amount": 500, "currency": "usd", "payment_method": token, "confirm": "true"})
    assert (paid.status, paid.error["decline_code"]) == (402, PUBLISHED[token].decline.code)


def fingerprint(api, token):
    method, _ = api.method(token)
    return api.found(f"payment_methods/{method}")["card"]["fingerprint"]


def test_a_published_token_has_one_fingerprint_and_others_have_different_ones(api):
    assert fingerprint(api, "pm_card_visa") == fingerprint(api, "pm_card_visa") != fingerprint(api, "pm_card_amex")


def test_a_token_of_the_sandbox_has_a_new_fingerprint_each_time_unless_it_names_one(api):
    assert fingerprint(api, "pm_sandbox_good") != fingerprint(api, "pm_sandbox_good")
    assert fingerprint(api, "pm_sandbox_good_fp7") == fingerprint(api, "pm_sandbox_do_not_honor_fp7")
    assert fingerprint(api, "pm_sandbox_good_fp7") != fingerprint(api, "pm_sandbox_good_fp8")


def test_wallets_have_no_card(api):
    for kind in ("paypal", "link"):
        method, _ = api.method(f"pm_sandbox_{kind}")
        shown = api.found(f"payment_methods/{method}")
        assert (shown["type"], "card" in shown, kind in shown) == (kind, False, True)


def test_a_detached_method_can_be_used_no_more(api):
    method, customer = api.method("pm_card_visa")
    assert api.made(f"payment_methods/{method}/detach")["customer"] is None
    assert api.found("payment_methods", {"customer": customer})["data"] == []
    again = api.post(f"payment_methods/{method}/attach", {"customer": customer})
    assert (again.status, again.error["type"]) == (400, "invalid_request_error")
    assert api.post("payment_intents", payment(method, customer)).status == 400
    assert api.post(f"payment_methods/{method}/detach").status == 400


def test_a_method_of_one_customer_pays_for_no_other(api):
    method, _ = api.method("pm_card_visa")
    assert api.post("payment_intents", payment(method, api.customer())).status == 400
    assert api.post(f"payment_methods/{method}/attach", {"customer": api.customer()}).status == 400


def test_a_card_number_is_not_taken(api):
    answer = api.post("payment_methods", {"type": "card", "card": {"number": "1", "exp_month": 1, "exp_year": 2030}})
    assert (answer.status, answer.error["code"]) == (400, "parameter_unknown")
    assert api.made("payment_methods", {"type": "card", "card": {"token": "tok_visa"}})["card"]["last4"] == "4242"


def test_the_schemes_news_of_a_card_are_an_event(api):
    method, _ = api.method("pm_card_visa")
    before = api.found(f"payment_methods/{method}")["card"]
    api.control(f"payment_methods/{method}/update", {})
    after = api.found(f"payment_methods/{method}")["card"]
    assert (after["exp_year"], after["last4"]) == (before["exp_year"] + 1, "4243")
    (event,) = api.found("events", {"type": "payment_method.automatically_updated"})["data"]
    assert event["data"]["object"]["card"] == after
    assert event["data"]["previous_attributes"]["card"]["last4"] == "4242"


def test_a_method_is_updated_by_its_owner(api):
    method, _ = api.method("pm_card_visa")
    changed = api.made(
        f"payment_methods/{method}",
        {
            "metadata": {"a": "b"},
            "card": {"exp_month": 3},
            "billing_details": {"name": "Jenny", "address": {"city": "X"}},
        },
    )
    assert (changed["metadata"], changed["card"]["exp_month"]) == ({"a": "b"}, 3)
    assert changed["billing_details"]["address"]["city"] == "X"


def test_a_customer_is_made_changed_found_and_deleted(api):
    customer = api.made("customers", {"email": "a@example.com", "metadata": {"holder": "h1", "old": "x"}})
    changed = api.made(f"customers/{customer['id']}", {"metadata": {"old": ""}, "name": "Jenny"})
    assert (changed["metadata"], changed["name"], changed["email"]) == ({"holder": "h1"}, "Jenny", "a@example.com")
    api.customer()
    assert [one["id"] for one in api.found("customers", {"email": "a@example.com"})["data"]] == [customer["id"]]
    gone = api.send("DELETE", f"/v1/customers/{customer['id']}", headers={"Authorization": "Bearer sk_test_x"})
    assert gone.body == {"id": customer["id"], "object": "customer", "deleted": True}
    assert api.get(f"customers/{customer['id']}").status == 404
    assert len(api.found("customers")["data"]) == 1


@pytest.mark.parametrize(
    "token",
    [
        "pm_sandbox_",
        "pm_sandbox_colour",
        "pm_sandbox_do_not_honor_x",
        "pm_sandbox_flaky_x",
        "pm_sandbox_until_2027",
        "pm_x",
    ],
)
def test_a_token_without_meaning_is_none(token):
    assert method_of(token) is None
