"""SetupIntents: a method is made ready for later payments, or refused."""

from tests.adapters.gateways.sandbox.api import payment


def test_a_card_is_set_up_and_attached(api):
    customer = api.customer()
    intent = api.made("setup_intents", {"customer": customer, "payment_method": "pm_card_visa", "confirm": "true"})
    assert (intent["status"], intent["usage"]) == ("succeeded", "off_session")
    assert api.found(f"payment_methods/{intent['payment_method']}")["customer"] == customer
    assert api.found("setup_intents", {"customer": customer})["data"][0]["id"] == intent["id"]


def test_a_refused_card_leaves_the_intent_open(api):
    answer = api.post(
        "setup_intents",
        {"customer": api.customer(), "payment_method": "pm_card_chargeDeclinedExpiredCard", "confirm": "true"},
    )
    assert (answer.status, answer.error["code"]) == (402, "expired_card")
    intent = answer.error["setup_intent"]
    assert intent["status"] == "requires_payment_method"
    done = api.made(f"setup_intents/{intent['id']}/confirm", {"payment_method": "pm_card_visa"})
    assert (done["status"], done["last_setup_error"]) == ("succeeded", None)


def test_a_card_that_was_authenticated_at_setup_is_charged_later_without_its_holder(api):
    customer = api.customer()
    form = {"customer": customer, "payment_method": "pm_sandbox_authentication_on_setup", "confirm": "true"}
    intent = api.made("setup_intents", form | {"return_url": "http://shop.example/"})
    assert intent["status"] == "requires_action"
    page = intent["next_action"]["redirect_to_url"]["url"].removeprefix(api.address)
    assert "redirect_status=succeeded" in api.page(page, {"answer": "agree"}).headers["location"]
    method = api.found(f"setup_intents/{intent['id']}")["payment_method"]
    assert api.made("payment_intents", payment(method, customer))["status"] == "succeeded"


def test_the_same_card_without_that_needs_its_holder(api):
    assert api.charge("pm_sandbox_authentication_on_setup").error["code"] == "authentication_required"


def test_a_wallet_that_cannot_be_kept_cannot_be_set_up(api):
    answer = api.post("setup_intents", {"payment_method": "pm_sandbox_alipay", "confirm": "true"})
    assert (answer.status, answer.error["param"]) == (400, "payment_method")


def test_a_canceled_intent_is_closed(api):
    intent = api.made("setup_intents", {"description": "x", "metadata": {"a": "b"}})
    assert api.made(f"setup_intents/{intent['id']}", {"description": "y"})["description"] == "y"
    assert api.made(f"setup_intents/{intent['id']}/cancel")["status"] == "canceled"
    answer = api.post(f"setup_intents/{intent['id']}/confirm", {"payment_method": "pm_card_visa"})
    assert answer.error["code"] == "setup_intent_unexpected_state"
