"""Faults on demand: what the caller sees, and what really happened."""

from http.client import HTTPException, IncompleteRead, RemoteDisconnected

import pytest

from adapters.gateways.sandbox.faults import Fault, Faults
from adapters.gateways.sandbox.server import Options
from tests.adapters.gateways.sandbox.api import Api, payment


@pytest.fixture
def tried(api):
    """Tries a payment under a fault, for a second at most; returns the answer, or what the connection raised."""

    def try_it(kind, **more):
        method, customer = api.method("pm_card_visa")
        api.control(
            "faults", {"faults": [{"kind": kind, "path": "payment_intents", "times": 1, "method": "POST"} | more]}
        )
        try:
            return Api(api.address, timeout_s=1).post("payment_intents", payment(method, customer), key="k1")
        except (HTTPException, OSError) as error:
            return error

    return try_it


def money_moved(api):
    return bool(api.found("payment_intents")["data"])


@pytest.mark.parametrize(
    ("kind", "status", "moved"),
    [
        ("rate_limit", 429, False),
        ("lock_timeout", 429, False),
        ("error_before", 500, False),
        ("error_after", 500, True),
        ("gateway_before", 502, False),
        ("gateway_after", 502, True),
        ("not_json", 200, True),
    ],
)
def test_an_answer_that_tells_nothing(api, tried, kind, status, moved):
    answer = tried(kind)
    assert (answer.status, money_moved(api)) == (status, moved)
    if status == 429:
        assert answer.error["code"] == kind
    if kind in ("gateway_after", "not_json"):
        assert answer.raw.startswith(b"<html>")


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("commit_then_stall", TimeoutError),
        ("dropped", RemoteDisconnected),
        ("cut", IncompleteRead),
        ("stalled", TimeoutError),
    ],
)
def test_an_answer_that_never_comes_whole_although_the_money_moved(api, tried, kind, error):
    assert isinstance(tried(kind), error | ConnectionError)
    assert money_moved(api)


def test_a_request_that_is_carried_out_after_the_caller_has_gone(api, tried, eventually):
    assert isinstance(tried("stall_then_commit", seconds=1.5), TimeoutError)
    assert not money_moved(api)
    eventually(lambda: money_moved(api))


def test_an_answer_that_comes_drop_by_drop(api, tried):
    assert isinstance(tried("trickling", seconds=0.5), IncompleteRead | ConnectionError)
    assert money_moved(api)


def test_an_answer_among_megabytes_of_blanks(tried):
    answer = tried("oversized")
    assert (answer.status, len(answer.raw) > 32 << 20, answer.body["status"]) == (200, True, "succeeded")


def test_an_answer_that_comes_late(tried):
    assert tried("delay", seconds=0.3).body["status"] == "succeeded"


def test_a_wrong_amount_is_in_the_answer_alone(api, tried):
    wrong = tried("wrong_amount").body
    assert (wrong["amount"], wrong["amount_received"]) == (1001, 1001)
    assert api.found(f"payment_intents/{wrong['id']}")["amount"] == 1000


def test_a_fault_ends_after_its_times_and_spares_what_does_not_fit(started):
    api = started(Options(faults=(Fault("rate_limit", path="customers*", method="GET", times=2),)))
    assert [api.get("customers").status for _ in range(3)] == [429, 429, 200]
    assert api.post("customers").status == 200
    assert api.get("charges").status == 200


def test_a_share_of_the_requests_has_the_fault_the_same_for_the_same_seed():
    def drawn(seed):
        faults = Faults(seed, (Fault("cut", share=0.05), Fault("delay", share=0.05)))
        found = [faults.of_request("POST", "payment_intents", f"key{number}") for number in range(2000)]
        return [fault and fault.kind for fault in found]

    assert 60 < drawn(1).count("cut") < 140
    assert 60 < drawn(1).count("delay") < 140
    assert drawn(1) == drawn(1) != drawn(2)


def test_a_repeated_request_may_have_better_luck():
    faults = Faults(1, (Fault("cut", share=0.5),))
    assert len({faults.of_request("POST", "x", "key") for _ in range(20)}) == 2


def test_a_fault_that_cannot_be_understood_is_refused(api):
    for text in (
        '{"faults": [{"kind": "colour"}]}',
        '{"faults": [{}]}',
        "x",
        '{"faults": [{"kind": "cut", "who": 1}]}',
    ):
        assert api.send("POST", "/_sandbox/faults", text).status == 400
    assert api.control("faults") == {"faults": []}


def test_the_controls_are_for_this_machine_alone(api):
    assert api.send("GET", "/_sandbox/clock", headers={"Host": "shop.example"}).status == 403
    assert api.send("GET", "/_sandbox/clock", headers={"Origin": "http://shop.example"}).status == 403
    assert api.send("GET", "/_sandbox/colour").status == 404
    assert api.send("POST", "/_sandbox/charges/ch_none/dispute", "{}").status == 404


def test_the_clock_is_set_moved_and_real_again(api):
    assert api.control("clock")["real"]
    assert api.control("clock", {"now": "2027-01-01T00:00:00Z"}) == {"now": 1_798_761_600.0, "real": False}
    assert api.control("clock", {"forward_s": 60})["now"] == 1_798_761_660.0
    assert api.made("customers")["created"] == 1_798_761_660
    assert api.control("clock", {})["real"]


def test_totals_say_what_moved_and_what_moved_twice(api):
    method, customer = api.method("pm_card_visa")
    for key, amount, purpose in (("a", 500, "renewal:1"), ("b", 700, "renewal:1"), ("c", 900, "renewal:2")):
        form = payment(method, customer, amount) | {"metadata": {"card": "c", "purpose": purpose}}
        intent = api.post("payment_intents", form, key=key).body
    assert api.control("totals") == {"net": {"usd": 2100}, "charges": 3, "charged_twice": 1}
    api.made("refunds", {"payment_intent": intent["id"], "amount": 400})
    assert api.control("totals")["net"] == {"usd": 1700}
