"""Charges by Stripe's own library against the sandbox: what each answer means to the engine."""

from datetime import timedelta

import pytest

from engine.declines import CONSEQUENCES, Consequence, consequence_of
from engine.errors import GatewayMisuseError
from engine.money import Money
from engine.ports import Charged, Declined, NotFound, Pending, Unclear
from tests.adapters.gateways.stripe.asking import NOW, asked, charge, get, intent, look_up, post, request
from tests.adapters.gateways.stripe.wire import answer


def test_a_method_that_works_is_charged(sandbox, bound):
    wanted = request("good", bound("pm_card_visa"))
    charged = charge(sandbox, wanted)
    assert charged == Charged(attempt_id=wanted.attempt_id, amount=wanted.amount, gateway_ref=charged.gateway_ref)
    made = get(sandbox, f"/v1/payment_intents/{charged.gateway_ref}")
    assert made["metadata"] == {
        "card": str(wanted.card_id),
        "purpose": "renewal:7",
        "attempt": str(wanted.attempt_id),
    }
    assert (made["amount"], made["currency"], made["status"]) == (990, "eur", "succeeded")


def test_the_same_attempt_again_is_the_same_charge(sandbox, bound):
    wanted = request("the same attempt again", bound("pm_card_visa"))

    async def twice(gateway):
        return [await gateway.charge(wanted, NOW), await gateway.charge(wanted, NOW)]

    first, second = asked(sandbox, twice)
    assert first == second
    assert len(get(sandbox, f"/v1/payment_intents?customer={wanted.token.split('/')[0]}")["data"]) == 1


@pytest.mark.parametrize("kind", ["paypal", "link"])
def test_a_wallet_that_can_be_saved_is_charged(sandbox, bound, kind):
    wanted = request(kind, bound(f"pm_sandbox_{kind}", kind))
    assert isinstance(charge(sandbox, wanted), Charged)


@pytest.mark.parametrize(
    ("currency", "minor", "sent"),
    [("JPY", 990, 990), ("ISK", 500, 50_000), ("UGX", 5000, 500_000), ("KWD", 5120, 5120), ("HUF", 99_000, 99_000)],
)
def test_the_amount_is_sent_in_stripes_units_and_comes_back_in_ours(sandbox, bound, currency, minor, sent):
    wanted = request(f"in {currency}", bound("pm_card_visa"), minor=minor, currency=currency)
    charged = charge(sandbox, wanted)
    assert charged.amount == Money(minor=minor, currency=currency)
    assert get(sandbox, f"/v1/payment_intents/{charged.gateway_ref}")["amount"] == sent


@pytest.mark.parametrize(("currency", "minor"), [("MGA", 550), ("KWD", 5124), ("CLF", 100)])
def test_an_amount_that_stripe_cannot_express_is_never_sent(wire, currency, minor):
    answered = charge(wire.url, request("odd", "cus_1/pm_1", minor=minor, currency=currency))
    assert answered == Declined(code="invalid_amount")
    assert consequence_of(answered.code) is Consequence.ALARM
    assert wire.asked == []


METHOD = {"id": "pm_1", "object": "payment_method", "livemode": False, "type": "card", "customer": "cus_1"}
REQUEST_CODES = {
    "payment_method_unexpected_state",
    "payment_method_currency_mismatch",
    "payment_method_unsupported_type",
    "payment_intent_incompatible_payment_method",
    "amount_too_small",
    "amount_too_large",
    "invalid_charge_amount",
    "charge_exceeds_source_limit",
    "livemode_mismatch",
    "testmode_charges_only",
}


@pytest.mark.parametrize("code", sorted(CONSEQUENCES))
def test_a_decline_of_each_code_is_one_of_this_code_however_often_it_is_asked_for(sandbox, bound, code):
    wanted = request(code, bound(f"pm_sandbox_{code}"))
    answered = charge(sandbox, wanted)
    assert isinstance(answered, Declined)
    assert answered.code == code
    assert charge(sandbox, wanted) == answered
    if code not in REQUEST_CODES:  # of those no PaymentIntent was made
        assert look_up(sandbox, wanted) == answered


@pytest.mark.parametrize(
    ("token", "codes"),
    [
        ("do_not_honor_24", ("do_not_honor", "24", None)),
        ("do_not_honor_03_05", ("do_not_honor", "03", "05")),
        ("generic_decline__R1", ("generic_decline", None, "R1")),
        ("generic_decline_do_not_try_again_57", ("generic_decline", "do_not_try_again", "57")),
        ("insufficient_funds_try_again_later", ("insufficient_funds", "try_again_later", None)),
        ("expired_card", ("expired_card", "confirm_card_data", None)),
    ],
)
def test_a_decline_comes_with_its_advice_and_the_networks_code(sandbox, bound, token, codes):
    code, advice, network = codes
    answered = charge(sandbox, request(f"advice {token}", bound(f"pm_sandbox_{token}")))
    assert answered == Declined(code=code, advice_code=advice, network_code=network)


def test_radars_never_is_seen_in_the_outcome_of_the_charge_alone(sandbox, bound):
    answered = charge(sandbox, request("blocked", bound("pm_sandbox_previously_declined_do_not_retry")))
    assert answered.code == "previously_declined_do_not_retry"
    answered = charge(sandbox, request("risky", bound("pm_card_radarBlock")))
    assert consequence_of(answered.code) is Consequence.NEVER


def radar(wanted, **judged):
    outcome = {"type": "blocked", "reason": "previously_declined_do_not_retry"} | judged
    made = {"id": "ch_1", "livemode": False, "created": 1, "amount": 990, "currency": "eur", "payment_intent": "pi_1"}
    return made | {"outcome": outcome}


def declined_with(wanted, code, **fields):
    failed = intent(wanted, "requires_payment_method", latest_charge="ch_1")
    return answer(402, {"error": {"type": "card_error", "code": code, "payment_intent": failed} | fields})


def test_a_generic_decline_is_looked_at_closely(wire):
    wanted = request("generic", "cus_1/pm_1")
    wire.says(declined_with(wanted, "card_declined", decline_code="generic_decline"), answer(200, radar(wanted)))
    assert charge(wire.url, wanted) == Declined(code="previously_declined_do_not_retry")
    assert wire.asked[1][:2] == ("GET", "/v1/charges/ch_1")


@pytest.mark.parametrize(
    "looked_at",
    [
        answer(500, {}),
        answer(200, b"null"),
        answer(200, radar(None, reason="rule")),
        answer(200, radar(None, type="x")),
    ],
)
def test_and_stays_generic_where_nothing_more_is_found(wire, looked_at):
    wanted = request("generic", "cus_1/pm_1")
    wire.says(declined_with(wanted, "card_declined", decline_code="generic_decline"), looked_at)
    assert charge(wire.url, wanted) == Declined(code="generic_decline")


def test_a_vague_code_gives_way_to_the_decline_code(wire):
    wanted = request("vague", "cus_1/pm_1")
    wire.says(declined_with(wanted, "payment_method_provider_decline", decline_code="insufficient_funds"))
    assert charge(wire.url, wanted) == Declined(code="insufficient_funds")


def test_what_needs_the_holder_is_declined_and_says_so(sandbox, bound):
    answered = charge(sandbox, request("3ds", bound("pm_sandbox_authentication")))
    assert answered.code == "authentication_required"
    assert consequence_of(answered.code) is Consequence.HOLDER_PRESENT


def test_what_waits_for_the_holder_is_canceled_before_it_counts_as_declined(wire):
    wanted = request("waits", "cus_1/pm_1")
    canceled = intent(wanted, "canceled", cancellation_reason="abandoned")
    wire.says(answer(200, intent(wanted, "requires_action")), answer(200, canceled))
    assert charge(wire.url, wanted) == Declined(code="authentication_required")
    assert [asked[:2] for asked in wire.asked] == [
        ("POST", "/v1/payment_intents"),
        ("POST", "/v1/payment_intents/pi_1/cancel"),
    ]
    assert [headers["Idempotency-Key"] for headers in wire.headers] == [
        str(wanted.attempt_id),
        f"{wanted.attempt_id}:cancel",
    ]


@pytest.mark.parametrize(
    ("canceled", "now", "answered"),
    [
        (answer(400, {"error": {"type": "invalid_request_error"}}), "succeeded", Charged),
        (answer(400, {"error": {"type": "invalid_request_error"}}), "processing", Pending),
        (answer(500, {}), "requires_action", Unclear),
        (answer(200, b"null"), None, Unclear),
    ],
)
def test_where_it_cannot_be_canceled_its_state_counts(wire, canceled, now, answered):
    wanted = request("late", "cus_1/pm_1")
    state = answer(200, intent(wanted, now or "requires_action"))
    wire.says(answer(200, intent(wanted, "requires_action")), canceled, state)
    assert isinstance(charge(wire.url, wanted), answered)


def test_a_charge_that_is_processing_is_pending_and_found_by_its_id(sandbox, bound):
    wanted = request("slow", bound("pm_sandbox_processing"))
    pending = charge(sandbox, wanted)
    assert isinstance(pending, Pending)
    assert charge(sandbox, wanted) == pending
    by_id = request("slow", wanted.token, gateway_ref=pending.gateway_ref)
    assert look_up(sandbox, by_id) == look_up(sandbox, wanted) == pending


def test_an_old_answer_that_was_not_final_is_replaced_by_the_state_now(wire):
    wanted = request("replayed", "cus_1/pm_1")
    replayed = answer(200, intent(wanted, "processing"), **{"Idempotent-Replayed": "true"})
    wire.says(replayed, answer(200, intent(wanted)))
    assert isinstance(charge(wire.url, wanted), Charged)
    assert wire.asked[1][:2] == ("GET", "/v1/payment_intents/pi_1")


def test_an_error_of_the_server_that_is_given_again_and_again_is_looked_up(wire):
    wanted = request("500 for a day", "cus_1/pm_1")
    broken = answer(500, {"error": {"type": "api_error"}}, **{"Idempotent-Replayed": "true"})
    found = {"object": "list", "data": [intent(wanted)], "has_more": False}
    wire.says(broken, answer(200, found))
    assert isinstance(charge(wire.url, wanted), Charged)
    wire.says(broken, answer(200, found | {"data": []}))
    assert charge(wire.url, wanted) == Unclear(reason="server_error")


def test_a_detached_method_needs_a_new_one(sandbox, bound):
    token = bound("pm_card_visa")
    post(sandbox, f"/v1/payment_methods/{token.split('/')[1]}/detach")
    answered = charge(sandbox, request("detached", token))
    assert consequence_of(answered.code) is Consequence.NEW_METHOD


@pytest.mark.parametrize("token", ["cus_unknown/pm_card_visa", "{customer}/pm_unknown"])
def test_an_unknown_method_or_customer_needs_a_new_one(sandbox, bound, token):
    token = token.replace("{customer}", bound("pm_card_visa").split("/")[0])
    answered = charge(sandbox, request(f"unknown {token}", token))
    assert answered == Declined(code="resource_missing")
    assert consequence_of(answered.code) is Consequence.NEW_METHOD


@pytest.mark.parametrize(
    ("method", "code"),
    [
        (answer(200, {"id": "pm_1", "object": "payment_method", "livemode": False, "type": "card"}), "new"),
        (answer(404, {"error": {"type": "invalid_request_error"}}), "new"),
        (answer(200, METHOD), "request_invalid"),
        (answer(500, {}), None),
    ],
)
def test_where_stripe_does_not_say_what_is_wrong_with_a_request_the_method_is_looked_at(wire, method, code):
    wire.says(answer(400, {"error": {"type": "invalid_request_error"}}), method)
    answered = charge(wire.url, request("wrong", "cus_1/pm_1"))
    code = "payment_method_unexpected_state" if code == "new" else code
    assert answered == (Declined(code=code) if code else Unclear(reason="server_error"))


def test_an_amount_below_stripes_least_raises_the_alarm(sandbox, bound):
    answered = charge(sandbox, request("tiny", bound("pm_card_visa"), minor=1))
    assert answered == Declined(code="amount_too_small")
    assert consequence_of(answered.code) is Consequence.ALARM


@pytest.mark.parametrize(
    "token",
    ["", "sim:good:1", "cus_1", "pm_1", "cus_1/pm_1/cash", "cus_1/pm_1\x00", "cus_1/alipay", "cus_1/pm_" + "42" * 8],
)
def test_a_token_that_is_not_to_be_charged_parks_the_card_and_is_not_repeated(wire, token):
    with pytest.raises(GatewayMisuseError) as misuse:
        charge(wire.url, request("foreign", token))
    assert token == "" or token not in str(misuse.value)
    assert wire.asked == []


# Look-ups


def test_an_attempt_that_was_never_sent_is_not_found(sandbox, bound):
    assert look_up(sandbox, request("never sent", bound("pm_card_visa"))) == NotFound()


def test_a_charge_is_found_among_those_of_its_customer_on_any_page(sandbox, bound):
    token = bound("pm_card_visa")

    async def many(gateway):
        return [await gateway.charge(request(f"one of many {number}", token), NOW) for number in range(105)]

    charged = asked(sandbox, many, budget=BUDGET_OF_MANY)
    assert look_up(sandbox, request("one of many 0", token)) == charged[0]


BUDGET_OF_MANY = NOW - NOW.replace(year=NOW.year - 1)


def test_of_several_charges_of_one_attempt_the_one_that_took_money_counts(wire):
    wanted = request("twice", "cus_1/pm_1")
    failed = intent(wanted, "requires_payment_method", last_payment_error={"code": "expired_card"})
    data = [failed, intent(wanted, id="pi_2")]
    wire.says(answer(200, {"object": "list", "data": data, "has_more": False}))
    assert look_up(wire.url, wanted).gateway_ref == "pi_2"


def test_a_charge_whose_attempt_bears_a_time_of_a_clock_that_was_ahead_is_found(sandbox, bound):
    ahead = request("by a clock that was ahead", bound("pm_card_visa"), at=NOW + timedelta(days=12))
    answer = charge(sandbox, ahead)
    assert isinstance(answer, Charged)
    assert look_up(sandbox, ahead) == answer


def test_a_look_up_by_an_id_that_stripe_does_not_know_finds_nothing(sandbox, bound):
    wanted = request("gone", bound("pm_card_visa"), gateway_ref="pi_unknown")
    assert look_up(sandbox, wanted) == NotFound()
