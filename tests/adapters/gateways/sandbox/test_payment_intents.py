"""PaymentIntents: charged, declined, processing, waiting for the payer, canceled."""

import csv
from importlib import resources

import pytest

from adapters.gateways.sandbox.server import Options
from adapters.gateways.sandbox.tokens import REQUEST_CODES, WALLET_CODES
from adapters.gateways.sandbox.world import Setting
from tests.adapters.gateways.sandbox.api import payment

ROWS = csv.DictReader((resources.files("engine") / "declines.csv").read_text().splitlines())
CODES = [row["code"] for row in ROWS if row["code"] not in (*WALLET_CODES, *REQUEST_CODES)]


def test_a_good_card_is_charged(api):
    intent = api.charge("pm_card_visa", metadata={"card": "c1", "attempt": "a1"}, expand=["latest_charge"]).body
    assert (intent["status"], intent["amount_received"], intent["livemode"]) == ("succeeded", 1000, False)
    charge = intent["latest_charge"]
    assert (charge["status"], charge["amount_captured"], charge["payment_intent"]) == ("succeeded", 1000, intent["id"])
    assert charge["outcome"]["type"] == "authorized"
    assert charge["metadata"] == {"card": "c1", "attempt": "a1"}
    assert api.found(f"payment_intents/{intent['id']}")["latest_charge"] == charge["id"]


@pytest.mark.parametrize("code", CODES)
def test_an_attached_card_declines_with_any_code(api, code):
    answer = api.charge(f"pm_sandbox_{code}")
    assert answer.status == 402
    assert answer.error["decline_code"] == code
    assert answer.error["code"] in ("card_declined", code)
    intent = answer.error["payment_intent"]
    assert (intent["status"], intent["payment_method"]) == ("requires_payment_method", None)
    assert intent["last_payment_error"]["decline_code"] == code
    charge = api.found(f"charges/{answer.error['charge']}")
    assert (charge["status"], charge["paid"], charge["failure_code"]) == ("failed", False, answer.error["code"])


def test_advice_and_the_networks_codes_come_with_the_decline(api):
    network = api.charge("pm_sandbox_do_not_honor_24_05").error
    assert (network["network_advice_code"], network["network_decline_code"]) == ("24", "05")
    advice = api.charge("pm_sandbox_generic_decline_do_not_try_again_R1").error
    assert (advice["advice_code"], advice["network_decline_code"]) == ("do_not_try_again", "R1")
    without = api.charge("pm_sandbox_generic_decline__04").error
    assert "network_advice_code" not in without
    outcome = api.found(f"charges/{without['charge']}")["outcome"]
    assert (outcome["network_decline_code"], outcome["reason"]) == ("04", "generic_decline")


@pytest.mark.parametrize("code", WALLET_CODES)
def test_a_wallet_declines_by_the_error_code_alone(api, code):
    answer = api.charge(f"pm_sandbox_paypal_{code}", payment_method_types=["paypal"])
    assert (answer.status, answer.error["code"]) == (402, code)
    assert "decline_code" not in answer.error


@pytest.mark.parametrize("code", REQUEST_CODES)
def test_a_refused_request_charges_nothing(api, code):
    answer = api.charge(f"pm_sandbox_{code}")
    assert (answer.status, answer.error["type"], answer.error["code"]) == (400, "invalid_request_error", code)
    assert api.found("charges")["data"] == []


def test_radars_refusal_is_seen_in_the_outcome_alone(api):
    answer = api.charge("pm_sandbox_previously_declined_do_not_retry")
    outcome = api.found(f"charges/{answer.error['charge']}")["outcome"]
    assert (outcome["type"], outcome["network_status"]) == ("blocked", "not_sent_to_network")
    assert outcome["reason"] == "previously_declined_do_not_retry"
    risky = api.charge("pm_card_radarBlock")
    assert api.found(f"charges/{risky.error['charge']}")["outcome"]["type"] == "blocked"


def test_a_holder_who_must_be_there_makes_an_off_session_charge_decline(api):
    answer = api.charge("pm_card_authenticationRequired")
    assert (answer.status, answer.error["code"]) == (402, "authentication_required")
    assert answer.error["payment_intent"]["status"] == "requires_payment_method"


def test_without_the_word_off_session_the_payer_is_asked_on_a_page(api):
    method, customer = api.method("pm_card_threeDSecure2Required")
    form = payment(method, customer) | {"return_url": "http://shop.example/back"}
    del form["off_session"], form["error_on_requires_action"]
    intent = api.made("payment_intents", form)
    assert intent["status"] == "requires_action"
    page = intent["next_action"]["redirect_to_url"]["url"].removeprefix(api.address)
    assert "your bank asks" in api.page(page).raw.decode().lower()
    back = api.page(page, {"answer": "agree"})
    assert back.status == 303
    assert back.headers["location"].startswith(f"http://shop.example/back?payment_intent={intent['id']}&")
    assert api.found(f"payment_intents/{intent['id']}")["status"] == "succeeded"


def test_a_payer_who_refuses_is_a_failed_authentication(api):
    method, customer = api.method("pm_card_threeDSecure2Required")
    form = payment(method, customer)
    del form["off_session"], form["error_on_requires_action"]
    intent = api.made("payment_intents", form)
    api.page(f"/authenticate/{intent['id']}", {"answer": "refuse"})
    now = api.found(f"payment_intents/{intent['id']}")
    assert now["status"] == "requires_payment_method"
    assert now["last_payment_error"]["code"] == "payment_intent_authentication_failure"


@pytest.mark.parametrize(
    ("token", "ends"), [("processing", "succeeded"), ("processing_do_not_honor", "requires_payment_method")]
)
def test_a_payment_that_is_processing_ends_when_its_time_has_come(api, token, ends):
    api.control("clock", {"now": "2027-01-01T00:00:00Z"})
    intent = api.charge(f"pm_sandbox_{token}").body
    assert intent["status"] == "processing"
    assert api.found(f"charges/{intent['latest_charge']}")["status"] == "pending"
    api.control("clock", {"forward_s": 3599})
    assert api.found(f"payment_intents/{intent['id']}")["status"] == "processing"
    api.control("clock", {"forward_s": 1})
    assert api.found(f"payment_intents/{intent['id']}")["status"] == ends


def test_a_card_is_good_from_its_day_on(api):
    method, customer = api.method("pm_sandbox_until_2027-03-01")
    api.control("clock", {"now": "2027-02-28T23:59:59Z"})
    assert api.post("payment_intents", payment(method, customer)).error["decline_code"] == "insufficient_funds"
    api.control("clock", {"forward_s": 1})
    assert api.post("payment_intents", payment(method, customer)).status == 200


def test_a_flaky_card_declines_about_as_often_as_it_says_and_the_same_for_the_same_seed(started):
    def declines(seed):
        api = started(Options(setting=Setting(seed=seed)))
        method, customer = api.method("pm_sandbox_flaky_30")
        return [api.post("payment_intents", payment(method, customer)).status for _ in range(60)]

    first = declines(1)
    assert 5 < first.count(402) < 32
    assert first == declines(1) != declines(2)


def test_another_method_can_be_tried_after_a_decline(api):
    intent = api.charge("pm_sandbox_do_not_honor").error["payment_intent"]
    other = api.made("payment_methods/pm_card_visa/attach", {"customer": intent["customer"]})["id"]
    paid = api.made(f"payment_intents/{intent['id']}/confirm", {"payment_method": other, "off_session": "true"})
    assert (paid["status"], paid["last_payment_error"]) == ("succeeded", None)
    assert len(api.found("charges", {"payment_intent": intent["id"]})["data"]) == 2


def test_an_intent_waits_for_its_confirmation(api):
    intent = api.made("payment_intents", {"amount": 500, "currency": "usd", "payment_method_types": ["card"]})
    assert intent["status"] == "requires_payment_method"
    assert api.post(f"payment_intents/{intent['id']}/confirm").error["code"] == "payment_intent_unexpected_state"
    intent = api.made(f"payment_intents/{intent['id']}", {"payment_method": "pm_card_visa", "amount": 700})
    assert (intent["status"], intent["amount"]) == ("requires_confirmation", 700)
    assert api.made(f"payment_intents/{intent['id']}/confirm")["amount_received"] == 700


def test_a_canceled_intent_cannot_be_paid(api):
    intent = api.made("payment_intents", {"amount": 500, "currency": "usd", "payment_method": "pm_card_visa"})
    gone = api.made(f"payment_intents/{intent['id']}/cancel", {"cancellation_reason": "abandoned"})
    assert (gone["status"], gone["cancellation_reason"]) == ("canceled", "abandoned")
    refused = api.post(f"payment_intents/{intent['id']}/confirm")
    assert (refused.status, refused.error["code"]) == (400, "payment_intent_unexpected_state")
    paid = api.charge("pm_card_visa").body
    assert api.post(f"payment_intents/{paid['id']}/cancel").status == 400


def test_money_that_was_reserved_is_captured_in_part(api):
    intent = api.charge("pm_card_visa", capture_method="manual").body
    assert (intent["status"], intent["amount_capturable"]) == ("requires_capture", 1000)
    done = api.made(f"payment_intents/{intent['id']}/capture", {"amount_to_capture": 600})
    assert (done["status"], done["amount_received"], done["amount_capturable"]) == ("succeeded", 600, 0)
    assert api.found(f"charges/{done['latest_charge']}")["amount_captured"] == 600


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"amount": 49}, "amount_too_small"),
        ({"amount": 100_000_000}, "amount_too_large"),
        ({"amount": "12.5"}, "parameter_invalid_integer"),
        ({"amount": 0}, "parameter_invalid_integer"),
        ({"currency": "isk", "amount": 501}, "invalid_charge_amount"),
        ({"currency": "kwd", "amount": 1001}, "invalid_charge_amount"),
        ({"colour": "red"}, "parameter_unknown"),
        ({"shipping": {"colour": "red"}}, "parameter_unknown"),
        ({"customer": ""}, "parameter_invalid_empty"),
        ({"customer": "cus_none"}, "resource_missing"),
        ({"payment_method": "pm_none"}, "resource_missing"),
    ],
)
def test_a_wrong_parameter_is_named(api, form, code):
    answer = api.post("payment_intents", {"amount": 500, "currency": "usd"} | form)
    assert (answer.status, answer.error["code"]) == (400, code)
    assert answer.error["param"].partition("[")[0] in form


def test_what_must_be_there_is_named(api):
    answer = api.post("payment_intents", {"currency": "usd"})
    assert (answer.error["code"], answer.error["param"]) == ("parameter_missing", "amount")


def test_an_expansion_that_there_is_not_is_refused(api):
    answer = api.charge("pm_card_visa", expand=["latest_colour"])
    assert (answer.status, "cannot be expanded" in answer.error["message"]) == (400, True)
    assert api.found("payment_intents")["data"] == []


def test_only_a_test_key_is_taken(api):
    for headers in ({}, {"Authorization": "Bearer sk_live_x"}, {"Authorization": "Basic c2tfbGl2ZV94Og=="}):
        answer = api.send("GET", "/v1/charges", headers=headers)
        assert (answer.status, answer.error["type"]) == (401, "invalid_request_error")
    assert api.send("GET", "/v1/charges", headers={"Authorization": "Basic c2tfdGVzdF94Og=="}).status == 200
    assert api.send("GET", "/v1/colours", headers={"Authorization": "Bearer sk_test_x"}).status == 404
