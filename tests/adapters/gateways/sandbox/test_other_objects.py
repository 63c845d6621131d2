"""Products, prices, debits and pages of Stripe's own that its command line uses; and requests that break things."""

import pytest

from adapters.gateways.sandbox import customers
from adapters.gateways.sandbox.running import running
from tests.adapters.gateways.sandbox.api import KEY, Api


def priced(api, **more):
    product = api.made("products", {"name": "Term", "metadata": {"a": "b"}})
    price = api.made("prices", {"product": product["id"], "currency": "eur", "unit_amount": 1500})
    assert api.found(f"prices/{price['id']}", {"expand": ["product"]})["product"] == product
    assert api.found("prices", {"product": product["id"]})["data"] == [price]
    form = {"mode": "payment", "success_url": "http://x/", "line_items": [{"price": price["id"], "quantity": 2}]}
    return api.made("checkout/sessions", form | more)


def test_a_session_sells_what_has_a_price(api):
    session = priced(api, expand=["line_items"])
    assert session["amount_total"] == 3000
    assert session["line_items"]["data"][0]["description"] == "Term"


@pytest.mark.parametrize(("iban", "ends"), [("3204", "succeeded"), ("3202", "requires_payment_method")])
def test_a_debit_is_processing_for_a_while(api, iban, ends):
    api.control("clock", {"now": 1_800_000_000})
    form = {"type": "sepa_debit", "sepa_debit": {"iban": iban}, "billing_details": {"name": "Jenny"}}
    method = api.made("payment_methods", form)["id"]
    intent = api.made(
        "payment_intents",
        {
            "amount": 1000,
            "currency": "eur",
            "payment_method": method,
            "payment_method_types": ["sepa_debit"],
            "confirm": "true",
        },
    )
    assert intent["status"] == "processing"
    api.control("clock", {"forward_s": 3600})
    assert api.found(f"payment_intents/{intent['id']}")["status"] == ends


def test_stripes_command_line_pays_on_a_page():
    with running() as address:  # by operations that no document names, so that they cannot be judged
        api = Api(address)
        session = priced(api)
        page = api.found(f"payment_pages/{session['id']}")
        refused = api.post(f"payment_pages/{page['id']}/confirm", {"payment_method": "pm_card_chargeDeclined"})
        assert refused.status == 402
        paid = api.made(
            f"payment_pages/{page['id']}/confirm", {"payment_method": "pm_card_visa", "expected_amount": 3000}
        )
        assert (paid["status"], paid["payment_status"]) == ("complete", "paid")
        assert api.post(f"payment_pages/{page['id']}/confirm", {"payment_method": "pm_card_visa"}).status == 400


def test_a_body_that_is_too_large_is_not_read(api):
    assert api.send("POST", "/v1/customers", "name=" + "x" * (2 << 20), KEY).status == 413
    answer = api.post("customers", {"name": "x" * 5001})
    assert (answer.status, answer.error["param"]) == (400, "name")


def test_a_key_that_is_too_long_is_refused(api):
    assert api.post("customers", key="k" * 255).status == 200
    assert api.post("customers", key="k" * 256).status == 400


def test_a_defect_is_an_error_of_the_server_and_leaves_no_trace(api, monkeypatch):
    broken = {("POST", "customers"): lambda world, raw: customers.create(world, raw).body["none"]}
    monkeypatch.setattr("adapters.gateways.sandbox.endpoints.ENDPOINTS", broken)
    answer = api.post("customers", key="k1")
    assert (answer.status, answer.error["type"]) == (500, "api_error")
    monkeypatch.undo()
    assert api.found("customers")["data"] == []
    assert api.post("customers", key="k1").status == 200
