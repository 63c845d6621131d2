"""Idempotency keys as Stripe keeps them."""

import threading

import pytest

from adapters.gateways.sandbox.faults import Fault
from adapters.gateways.sandbox.server import Options
from tests.adapters.gateways.sandbox.api import payment

DAY_S = 24 * 3600


def test_the_first_answer_is_given_again_and_nothing_happens_twice(api):
    method, customer = api.method("pm_card_visa")
    first = api.post("payment_intents", payment(method, customer), key="k1")
    again = api.post("payment_intents", payment(method, customer), key="k1")
    assert (again.status, again.raw) == (first.status, first.raw)
    assert (first.headers.get("idempotent-replayed"), again.headers["idempotent-replayed"]) == (None, "true")
    assert len(api.found("charges")["data"]) == 1


def test_the_stored_answer_stays_what_it_was(api):
    method, customer = api.method("pm_sandbox_processing")
    first = api.post("payment_intents", payment(method, customer), key="k1")
    api.control(f"settle/{first.body['id']}", {})
    assert api.found(f"payment_intents/{first.body['id']}")["status"] == "succeeded"
    assert api.post("payment_intents", payment(method, customer), key="k1").body["status"] == "processing"


def test_a_decline_is_given_again(api):
    method, customer = api.method("pm_sandbox_do_not_honor")
    first = api.post("payment_intents", payment(method, customer), key="k1")
    again = api.post("payment_intents", payment(method, customer), key="k1")
    assert (again.status, again.raw) == (402, first.raw)
    assert len(api.found("charges")["data"]) == 1


def test_other_parameters_under_the_same_key_are_refused(api):
    method, customer = api.method("pm_card_visa")
    api.post("payment_intents", payment(method, customer), key="k1")
    other = api.post("payment_intents", payment(method, customer, 2000), key="k1")
    assert (other.status, other.error["type"]) == (400, "idempotency_error")
    elsewhere = api.post("customers", {}, key="k1")
    assert (elsewhere.status, elsewhere.error["type"]) == (400, "idempotency_error")
    assert "same endpoint" in elsewhere.error["message"]


def test_the_order_of_parameters_does_not_matter(api):
    form = {"email": "a@example.com", "name": "Jenny"}
    first = api.post("customers", form, key="k1")
    assert api.post("customers", dict(reversed(form.items())), key="k1").raw == first.raw


def test_nothing_is_kept_of_parameters_that_were_refused(api):
    assert api.post("customers", {"colour": "red"}, key="k1").status == 400
    assert api.post("customers", {"name": "Jenny"}, key="k1").status == 200


def test_a_key_is_known_for_a_day(api):
    api.control("clock", {"now": 1_800_000_000})
    first = api.post("customers", {}, key="k1")
    api.control("clock", {"forward_s": DAY_S})
    assert api.post("customers", {}, key="k1").raw == first.raw
    api.control("clock", {"forward_s": 1})
    assert api.post("customers", {}, key="k1").raw != first.raw


@pytest.mark.parametrize(("kind", "charges"), [("error_before", 0), ("error_after", 1)])
def test_an_error_of_the_server_is_given_again_too(started, kind, charges):
    api = started(Options(faults=(Fault(kind, path="payment_intents", times=1),)))
    method, customer = api.method("pm_card_visa")
    first = api.post("payment_intents", payment(method, customer), key="k1")
    again = api.post("payment_intents", payment(method, customer), key="k1")
    assert (first.status, again.status, again.raw) == (500, 500, first.raw)
    assert len(api.found("charges")["data"]) == charges
    assert api.post("payment_intents", payment(method, customer), key="k2").status == 200


def test_while_the_first_is_under_way_the_key_is_in_use(started):
    api = started(Options(faults=(Fault("stall_then_commit", path="payment_intents", times=1, seconds=1),)))
    method, customer = api.method("pm_card_visa")
    answers = []
    both = [
        threading.Thread(
            target=lambda: answers.append(api.post("payment_intents", payment(method, customer), key="k1"))
        )
        for _ in range(2)
    ]
    for one in both:
        one.start()
    for one in both:
        one.join()
    busy, first = answers  # the one that waits is answered last
    assert (busy.status, busy.error["code"]) == (409, "idempotency_key_in_use")
    assert busy.headers["stripe-should-retry"] == "true"
    assert first.status == 200
    assert api.post("payment_intents", payment(method, customer), key="k1").raw == first.raw
    assert len(api.found("charges")["data"]) == 1
