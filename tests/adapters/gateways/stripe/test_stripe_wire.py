"""What goes wrong on the way to Stripe: never a decline, never a success, and nothing of it is told."""

import asyncio
import logging
import time
from datetime import timedelta

import pytest
from stripe import _util as library_internals
from structlog.testing import capture_logs

from adapters.settings import SettingsError
from engine.ports import Unclear
from tests.adapters.gateways.stripe.asking import (
    KEY,
    NOW,
    asked,
    charge,
    error,
    intent,
    look_up,
    look_up_refund,
    refund,
    refund_of,
    request,
)
from tests.adapters.gateways.stripe.wire import (
    answer,
    closed,
    cut_short,
    oversized,
    silent,
    stalled,
    trickling,
)

WANTED = request("on the wire", "cus_1/pm_1secret")
SHORT = timedelta(seconds=0.4)
GOOD = intent(WANTED)


def changed(**fields):
    return answer(200, GOOD | fields)


def failed(**fields):
    return intent(WANTED, "requires_payment_method") | fields


FAULTS = {
    "cut short": (cut_short, "connection_lost"),
    "stalled": (stalled, "timeout"),
    "trickling": (trickling, "timeout"),
    "silent": (silent, "timeout"),
    "closed": (closed, "connection_lost"),
    "oversized": (oversized, "too_large"),
    "null": (answer(200, b"null"), "not_understood"),
    "a list": (answer(200, [GOOD]), "not_understood"),
    "nothing": (answer(200, b""), "not_understood"),
    "no text": (answer(200, b'{"id": "\xff"}'), "not_understood"),
    "html": (answer(502, b"<html>the body</html>"), "server_error"),
    "html as if all was well": (answer(200, b"<html>the body</html>"), "not_understood"),
    "compressed": (answer(200, b"\x1f\x8b\x08", **{"Content-Encoding": "gzip"}), "not_understood"),
    "nested deeply": (answer(200, b"[" * 100_000), "not_understood"),
    "a redirect": (answer(307, b"", Location="/v1/elsewhere"), "unexpected_status"),
    "created": (answer(201, GOOD), "unexpected_status"),
    "an error of the server": (answer(500, error("api_error")), "server_error"),
    "unavailable": (answer(503, error("api_error")), "server_error"),
    "another amount": (changed(amount=991, amount_received=991), "answer_is_not_ours"),
    "less than was asked for": (changed(amount_received=1), "answer_is_not_ours"),
    "another currency": (changed(currency="usd"), "answer_is_not_ours"),
    "another attempt": (changed(metadata={}), "answer_is_not_ours"),
    "another object": (changed(object="charge"), "not_understood"),
    "another kind of id": (changed(id="ch_1"), "answer_is_not_ours"),
    "live": (changed(livemode=True), "wrong_mode"),
    "live and another": (changed(livemode=True, amount=1, metadata={}), "wrong_mode"),
    "an amount in words": (changed(amount="990"), "not_understood"),
    "a truth as amount": (changed(amount=True), "not_understood"),
    "a new status": (changed(status="requires_prayer"), "not_understood"),
    "to be captured": (changed(status="requires_capture"), "not_understood"),
    "a NUL": (changed(id="pi_\x00"), "not_understood"),
    "a decline without its payment": (answer(402, error(code="expired_card")), "not_understood"),
    "a decline of another": (
        answer(402, error(code="expired_card", payment_intent=failed(metadata={}))),
        "answer_is_not_ours",
    ),
    "a live decline": (answer(402, error(code="expired_card", payment_intent=failed(livemode=True))), "wrong_mode"),
    "a decline of no kind": (
        answer(402, error("oauth", code="expired_card", payment_intent=failed())),
        "not_understood",
    ),
    "a decline that is none": (answer(402, b"{}"), "not_understood"),
    "a key in use": (answer(409, error("invalid_request_error", code="idempotency_key_in_use")), "key_in_use"),
    "a lock": (answer(429, error("invalid_request_error", code="lock_timeout")), "lock_timeout"),
    "too fast": (answer(429, error("invalid_request_error", code="rate_limit")), "rate_limited"),
    "too fast as it was": (answer(400, error("invalid_request_error", code="rate_limit")), "rate_limited"),
    "a key of other parameters": (answer(400, error("idempotency_error")), "idempotency_error"),
    "400 of no kind": (answer(400, b"{}"), "not_understood"),
    "400 of another kind": (answer(400, error("api_error")), "not_understood"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_leaves_the_outcome_unclear(wire, fault):
    give, reason = FAULTS[fault]
    wire.says(give)
    budget = SHORT if reason == "timeout" else timedelta(seconds=5)
    began = time.monotonic()
    assert charge(wire.url, WANTED, budget=budget) == Unclear(reason=reason)
    assert time.monotonic() - began < budget.total_seconds() + 10
    assert len(wire.asked) == 1  # nothing is sent twice, and no redirect is followed


NOT_FOR_LOOK_UPS = {
    *("a key in use", "a lock", "too fast", "too fast as it was", "a key of other parameters"),
    *("400 of no kind", "400 of another kind"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_leaves_a_look_up_unclear(wire, fault):
    wire.says(FAULTS[fault][0])
    by_id = request("on the wire", "cus_1/pm_1", gateway_ref="pi_1")
    for wanted in (WANTED, by_id):
        assert isinstance(look_up(wire.url, wanted, budget=SHORT), Unclear)


REFUND_FAULTS = [
    name for name in FAULTS if name.startswith(("cut", "html", "null", "a list", "an error", "a redirect"))
]


@pytest.mark.parametrize("fault", REFUND_FAULTS)
@pytest.mark.parametrize("ask", [refund, look_up_refund])
def test_a_fault_leaves_a_refund_unclear_and_unmade(wire, ask, fault):
    wire.says(FAULTS[fault][0])
    charged = asked_of(WANTED)
    assert isinstance(ask(wire.url, refund_of(charged)), Unclear)
    assert [method for method, *_ in wire.asked] == ["GET"]


def asked_of(wanted):
    class Charged:
        gateway_ref, attempt_id, amount = "pi_1", wanted.attempt_id, wanted.amount

    return Charged


def test_a_server_that_is_not_there_is_unreachable():
    assert charge("http://127.0.0.1:1", WANTED) == Unclear(reason="unreachable")


@pytest.mark.parametrize("status", [401, 403])
def test_who_is_not_let_in_stops_the_worker_with_a_sentence(wire, status):
    wire.says(answer(status, error("invalid_request_error")))
    with pytest.raises(SettingsError, match=r"BAOHAO_STRIPE_KEY.*then start again"):
        charge(wire.url, WANTED)


def test_no_error_and_no_log_holds_key_token_or_body(wire, caplog, monkeypatch, capfd):
    monkeypatch.setattr(library_internals, "STRIPE_LOG", "debug")
    caplog.set_level(logging.DEBUG)
    with capture_logs() as lines:
        for give, _ in FAULTS.values():
            wire.says(give)
            charge(wire.url, WANTED, budget=SHORT)
        wire.says(answer(401, error("the body")))
        with pytest.raises(SettingsError) as refusal:
            charge(wire.url, WANTED)
    output = capfd.readouterr()
    told = f"{lines} {caplog.text} {refusal.value} {refusal.value.__cause__} {output.out} {output.err}"
    assert [secret for secret in (KEY, "pm_1secret", "the body", "sentence for people", "990") if secret in told] == []


def test_what_is_sent_tells_nothing_of_this_machine(wire, monkeypatch):
    monkeypatch.setenv("CLAUDE" + "CODE", "1")  # by which the library names who drives it
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    wire.says(answer(200, GOOD))
    charge(wire.url, WANTED)
    headers = wire.headers[0]
    assert set(headers) <= {
        *("Host", "Authorization", "Idempotency-Key", "Content-Type", "Stripe-Version", "User-Agent"),
        *("Accept-Encoding", "Accept", "Content-Length"),
    }
    assert headers["User-Agent"].startswith("Baohao ")
    assert "AIAgent" not in headers["User-Agent"]
    assert headers["Stripe-Version"] == "2026-05-27.dahlia"
    assert headers["Idempotency-Key"] == str(WANTED.attempt_id)


def test_nothing_is_written_into_the_home_folder(wire, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    wire.says(answer(200, GOOD))
    charge(wire.url, WANTED)
    assert list(tmp_path.iterdir()) == []


def test_an_attempt_is_sent_with_the_same_parameters_for_ever(wire):
    wire.says(answer(500, {}))
    charge(wire.url, WANTED)
    charge(wire.url, request("on the wire", "cus_1/pm_1secret", at=NOW + timedelta(hours=3), gateway_ref="pi_1"))
    assert wire.asked[0] == wire.asked[1]


def test_calls_that_are_canceled_leave_the_connections_usable(wire, eventually):
    async def canceled_then_asked(gateway):
        wire.says(silent)
        slow = asyncio.ensure_future(gateway.charge(WANTED, NOW))
        await asyncio.to_thread(eventually, lambda: wire.asked)
        slow.cancel()
        wire.says(answer(200, GOOD))
        return await gateway.charge(WANTED, NOW)

    assert asked(wire.url, canceled_then_asked).gateway_ref == "pi_1"
