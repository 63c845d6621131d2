"""Notifications: which are believed, and what they hint at."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec import json
from stripe import WebhookSignature

from adapters.gateways.stripe_notifications import (
    BODY_MAX,
    TOLERANCE,
    Hint,
    NotificationError,
    read_notification,
    signature,
)
from tests.adapters.gateways.stripe.asking import intent, request

SECRET = "whsec_" + "of_a_test"
AT = datetime(2027, 3, 1, 12, tzinfo=UTC)
SOME = request("notified", "cus_1/pm_1")


def event(subject, kind="payment_intent.succeeded", **changed):
    whole = {
        "id": "evt_1",
        "object": "event",
        "type": kind,
        "livemode": False,
        "created": int(AT.timestamp()),
        "data": {"object": subject},
    }
    return json.encode(whole | changed)


BODY = event(intent(SOME, latest_charge="ch_1"))


def read(body=BODY, header=None, *, at=AT, signed_at=AT, secret=SECRET):
    headers = {"stripe-signature": signature(body, SECRET, signed_at) if header is None else header}
    return read_notification(headers, body, secret, at, livemode=False)


def test_a_genuine_notification_names_what_it_is_about():
    assert read() == (
        Hint(
            "evt_1",
            "payment_intent.succeeded",
            AT,
            attempt_id=SOME.attempt_id,
            card_id=SOME.card_id,
            payment_intent="pi_1",
            charge="ch_1",
            payment_method="pm_1",
            customer="cus_1",
        ),
    )


@pytest.mark.parametrize(
    ("subject", "named"),
    [
        ({"object": "refund", "id": "re_1", "charge": "ch_1", "payment_intent": "pi_1"}, {"refund": "re_1"}),
        ({"object": "charge", "id": "ch_1", "payment_intent": "pi_1"}, {"charge": "ch_1", "payment_intent": "pi_1"}),
        ({"object": "dispute", "id": "dp_1", "charge": "ch_1"}, {"dispute": "dp_1", "charge": "ch_1"}),
        ({"object": "payment_method", "id": "pm_1", "customer": "cus_1"}, {"payment_method": "pm_1"}),
        (
            {"object": "checkout.session", "id": "cs_1", "setup_intent": "seti_1", "metadata": {"holder": "h-1"}},
            {"checkout_session": "cs_1", "setup_intent": "seti_1", "holder_id": "h-1"},
        ),
        ({"object": "setup_intent", "id": "seti_1", "payment_method": "pm_1"}, {"setup_intent": "seti_1"}),
        ({"object": "refund", "id": "re_1", "metadata": {"refund_id": str(SOME.card_id)}}, {"refund_id": SOME.card_id}),
        ({"object": "refund", "id": "re_1", "metadata": {"refund_id": "not ours"}}, {"refund_id": None}),
    ],
)
def test_each_kind_of_object_is_named(subject, named):
    (hint,) = read(event(subject, "some.kind"))
    assert {name: getattr(hint, name) for name in named} == named


@pytest.mark.parametrize("subject", [None, 7, [], {"object": "price"}, {"object": "charge", "id": 7}])
def test_an_event_about_something_else_hints_at_nothing(subject):
    assert read(event(subject, "price.created")) == (Hint("evt_1", "price.created", AT),)


def test_it_is_signed_as_stripes_library_signs_and_checks():
    header = signature(BODY, SECRET, AT)
    seconds = int(AT.timestamp())
    assert header == WebhookSignature.generate_signature_header(BODY.decode(), SECRET, seconds)
    assert WebhookSignature.verify_header(BODY, header, SECRET)
    assert read(header=WebhookSignature.generate_signature_header(BODY.decode(), SECRET, seconds))


def test_one_of_two_signatures_is_enough_while_the_secret_is_being_changed():
    seconds, right = signature(BODY, SECRET, AT).split(",")
    assert read(header=f"{seconds},v1=00,{right},v0=11")


@pytest.mark.parametrize("by", [TOLERANCE, -TOLERANCE])
def test_clocks_may_differ_by_minutes_both_ways(by):
    assert read(signed_at=AT + by)


@pytest.mark.parametrize(
    "forged",
    [
        {"signed_at": AT - TOLERANCE - timedelta(seconds=1)},
        {"signed_at": AT + TOLERANCE + timedelta(seconds=1)},
        {"header": ""},
        {"header": "t=1"},
        {"header": "v1=00"},
        {"header": f"t={int(AT.timestamp())},v1=00"},
        {"header": f"t={int(AT.timestamp())},v1=ä"},
        {"header": "t=²,v1=00"},
        {"header": "t=" + "9" * 5000 + ",v1=00"},
        {"header": "t=-1,t=1,v1=00"},
        {"header": signature(BODY + b" ", SECRET, AT)},
        {"header": signature(BODY, "whsec_another", AT)},
        {"secret": ""},
        {"body": b" " * (BODY_MAX + 1)},
        {"body": b"\xff"},
        {"body": b"null"},
        {"body": b"[" * 10_000},
        {"body": event({}, livemode=True)},
        {"body": event({}, created=10**30)},
        {"body": event({}, object="v2.core.event")},
    ],
)
def test_what_is_not_to_be_believed_is_refused_and_nothing_of_it_told(forged):
    with pytest.raises(NotificationError) as refusal:
        read(**forged)
    assert refusal.value.__cause__ is None
    assert [part for part in ("pi_1", "cus_1", SECRET, "whsec") if part in str(refusal.value)] == []
    assert len(str(refusal.value)) < 100
