"""Webhooks: signed, repeated until they are taken, durable, and as unreliable as wanted."""

import pytest
from stripe import WebhookSignature

from adapters.gateways.sandbox.faults import Fault
from adapters.gateways.sandbox.server import Options
from adapters.gateways.sandbox.webhooks import Webhook
from tests.adapters.gateways.sandbox.receiver import receiving

SECRET = "whsec_of_tests"
A_PAYMENT = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


@pytest.fixture
def receiver_and_url():
    with receiving() as found:
        yield found


@pytest.fixture
def receiver(receiver_and_url):
    return receiver_and_url[0]


@pytest.fixture
def hooked(started, receiver_and_url):
    """Starts a sandbox that sends to the receiver."""
    webhook = Webhook(receiver_and_url[1], SECRET, retry_s=0.02)
    return lambda *faults, **more: started(Options(webhooks=(webhook,), faults=faults, **more))


def pay(api):
    return api.made(
        "payment_intents", {"amount": 500, "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true"}
    )


def test_each_event_comes_once_and_is_signed(hooked, receiver, judge, eventually):
    intent = pay(hooked())
    eventually(lambda: len(receiver.received) >= 3)
    assert sorted(receiver.kinds) == sorted(A_PAYMENT)
    for headers, body in receiver.received:
        assert WebhookSignature.verify_header(body.decode(), headers["Stripe-Signature"], SECRET, tolerance=60)
    for event in receiver.events:
        judge.judge_event(event)
    (paid,) = [one for one in receiver.events if one["type"] == "payment_intent.succeeded"]
    assert paid["data"]["object"]["id"] == intent["id"]


def test_the_signatures_time_is_of_the_sandboxs_clock(hooked, receiver, eventually):
    api = hooked()
    api.control("clock", {"now": 1_900_000_000})
    pay(api)
    eventually(lambda: receiver.received)
    assert receiver.received[0][0]["Stripe-Signature"].startswith("t=1900000000,")


def test_what_was_not_taken_is_sent_again(hooked, receiver, eventually):
    receiver.statuses = [500, 404, 301]
    api = hooked()
    pay(api)
    eventually(lambda: len(receiver.received) >= 6)
    assert len({event["id"] for event in receiver.events}) == 3
    eventually(lambda: all(one["pending_webhooks"] == 0 for one in api.found("events")["data"]))


def test_what_was_not_sent_is_sent_after_a_restart(started, tmp_path, eventually):
    record = tmp_path / "money.db"
    lost = started(Options(record=record, webhooks=(Webhook("http://127.0.0.1:9/hook", SECRET, retry_s=0.02),)))
    pay(lost)
    with receiving() as (receiver, url):
        started(Options(record=record, webhooks=(Webhook(url, SECRET, retry_s=0.02),)))
        eventually(lambda: sorted(set(receiver.kinds)) == sorted(A_PAYMENT))


def test_a_webhook_is_doubled(hooked, receiver, eventually):
    pay(hooked(Fault("webhook_doubled", path="charge.succeeded")))
    eventually(lambda: receiver.kinds.count("charge.succeeded") == 2)
    eventually(lambda: len(receiver.received) == 4)


def test_a_webhook_is_lost(hooked, receiver, eventually):
    api = hooked(Fault("webhook_lost", path="charge.*"))
    pay(api)
    eventually(lambda: all(one["pending_webhooks"] == 0 for one in api.found("events")["data"]))
    assert "charge.succeeded" not in receiver.kinds


def test_a_webhook_is_delayed(hooked, receiver, eventually):
    pay(hooked(Fault("webhook_delayed", path="payment_intent.created", seconds=0.3)))
    eventually(lambda: len(receiver.received) == 3)
    assert receiver.kinds[-1] == "payment_intent.created"


def test_webhooks_come_in_another_order(hooked, receiver, eventually):
    api = hooked(Fault("webhook_reordered", seconds=0.5))
    for _ in range(3):
        pay(api)
    eventually(lambda: len(receiver.received) == 9)
    sent = [event["id"] for event in receiver.events]
    assert sent != sorted(sent)
