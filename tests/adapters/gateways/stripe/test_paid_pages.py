"""Paying once by a wallet that cannot be saved, on the hosted page; and what became of such a page."""

from datetime import UTC, datetime, timedelta
from urllib.request import Request, urlopen

import pytest
from msgspec import json

from adapters.gateways.pages import ReturnAddresses
from adapters.gateways.stripe_transport import Unanswered
from engine.errors import GatewayMisuseError
from engine.ports import Charged, Declined, NotFound, Pending, Unclear
from tests.adapters.gateways.stripe.asking import error, look_up, request
from tests.adapters.gateways.stripe.test_stripe_pages import BACK, agree_if_asked, at_pages, submit
from tests.adapters.gateways.stripe.wire import answer


def pay_now(sandbox, name, wallet="alipay"):
    token = at_pages(sandbox, lambda pages: pages.pay_now_token(f"h-{name}", wallet))
    wanted = request(name, token, currency="CNY")
    return wanted, begin_payment(sandbox, wanted)


def begin_payment(url, wanted, until=None):
    until = until or datetime.now(UTC) + timedelta(minutes=35)
    return at_pages(url, lambda pages: pages.begin_payment(wanted, "3 months", until, BACK))


@pytest.mark.parametrize("wallet", ["alipay", "wechat_pay"])
def test_a_holder_pays_once_by_a_wallet_that_cannot_be_saved(sandbox, wallet):
    wanted, page = pay_now(sandbox, f"pays by {wallet}", wallet)
    assert look_up(sandbox, wanted) == Pending(attempt_id=wanted.attempt_id, gateway_ref=page.session_id)
    submit(page.address, method=wallet)
    assert isinstance(look_up(sandbox, wanted), Pending)
    assert agree_if_asked(page)
    charged = look_up(sandbox, wanted)
    assert charged == Charged(attempt_id=wanted.attempt_id, amount=wanted.amount, gateway_ref=charged.gateway_ref)


def test_a_method_that_can_be_saved_is_not_paid_on_a_page(wire):
    wanted = request("saved", "cus_1/pm_1")
    with pytest.raises(GatewayMisuseError):
        begin_payment(wire.url, wanted)
    with pytest.raises(GatewayMisuseError):
        at_pages(wire.url, lambda pages: pages.pay_now_token("h-1", "paypal"))
    assert wire.asked == []


def test_a_page_that_was_never_made_is_not_found(sandbox):
    token = at_pages(sandbox, lambda pages: pages.pay_now_token("h-never", "alipay"))
    assert look_up(sandbox, request("never", token, currency="CNY")) == NotFound()


def test_the_same_attempt_is_the_same_page_and_none_that_would_be_too_short_is_made(sandbox):
    until = datetime.now(UTC) + timedelta(minutes=35)
    token = at_pages(sandbox, lambda pages: pages.pay_now_token("h-again", "alipay"))
    wanted = request("again", token, currency="CNY")
    assert begin_payment(sandbox, wanted, until) == begin_payment(sandbox, wanted, until)
    late = request("too late", token, currency="CNY")
    with pytest.raises(GatewayMisuseError):
        begin_payment(sandbox, late, datetime.now(UTC) + timedelta(minutes=20))
    assert look_up(sandbox, late) == NotFound()


def test_a_page_that_was_asked_for_with_another_way_back_is_the_same_page(sandbox):
    wanted, page = pay_now(sandbox, "from elsewhere")
    until, other = (
        datetime.now(UTC) + timedelta(minutes=35),
        ReturnAddresses("https://shop.example", "https://shop.example"),
    )
    assert at_pages(sandbox, lambda pages: pages.begin_payment(wanted, "3 months", until, other)) == page
    end_payment(sandbox, wanted)
    with pytest.raises(GatewayMisuseError):
        at_pages(sandbox, lambda pages: pages.begin_payment(wanted, "3 months", until, other))


def end_payment(url, wanted):
    at_pages(url, lambda pages: pages.end_payment(wanted))


@pytest.mark.parametrize("tried", [False, True])
def test_what_the_holder_left_is_closed_and_was_not_paid(sandbox, tried):
    wanted, page = pay_now(sandbox, f"left {tried}")
    if tried:
        submit(page.address, method="alipay")
    end_payment(sandbox, wanted)
    end_payment(sandbox, wanted)
    assert look_up(sandbox, wanted) == Declined(code="page_closed")


def test_what_is_paid_stays_paid_when_the_page_is_to_be_closed(sandbox):
    wanted, page = pay_now(sandbox, "paid already")
    submit(page.address, method="alipay")
    agree_if_asked(page)
    end_payment(sandbox, wanted)
    assert isinstance(look_up(sandbox, wanted), Charged)


def test_a_wallet_that_pays_after_its_page_was_closed_is_found(sandbox):
    wanted, page = pay_now(sandbox, "late")
    submit(page.address, method="alipay")
    asks = submit(page.address)
    end_payment(sandbox, wanted)
    assert look_up(sandbox, wanted) == Declined(code="page_closed")
    submit(asks, answer="agree")
    assert isinstance(look_up(sandbox, wanted), Charged)


def faulty(url, kind):
    body = json.encode({"faults": [{"kind": kind, "method": "POST", "path": "checkout/sessions", "times": 1}]})
    with urlopen(Request(f"{url}/_sandbox/faults", body), timeout=60):
        return


def test_an_error_that_is_answered_again_for_a_day_is_the_page_that_was_made_or_none(sandbox):
    until = datetime.now(UTC) + timedelta(minutes=35)
    token = at_pages(sandbox, lambda pages: pages.pay_now_token("h-500", "alipay"))
    for kind, name in (("error_after", "made"), ("error_before", "not made")):
        wanted = request(name, token, currency="CNY")
        faulty(sandbox, kind)
        with pytest.raises(Unanswered):
            begin_payment(sandbox, wanted, until)
        if name == "made":
            submit(begin_payment(sandbox, wanted, until).address, method="alipay")
            assert isinstance(look_up(sandbox, wanted), Pending)
        else:
            with pytest.raises(GatewayMisuseError, match="made no page"):
                begin_payment(sandbox, wanted, until)
            assert look_up(sandbox, wanted) == NotFound()


@pytest.mark.parametrize("code", ["idempotency_key_in_use", "rate_limit", "lock_timeout"])
def test_a_page_that_may_be_made_by_another_request_is_not_called_unmade(wire, code):
    wire.says(answer(409, error("invalid_request_error", code=code)))
    with pytest.raises(Unanswered):
        begin_payment(wire.url, WANTED)


# What Stripe may answer


def paid_session(wanted, **fields):
    """A session of the attempt, as the list shows it."""
    names = {"attempt": str(wanted.attempt_id)}
    session = {"id": "cs_1", "object": "checkout.session", "livemode": False, "mode": "payment", "metadata": names}
    return {**session, "payment_intent": None, **fields}


def intent_of(wanted, status, **fields):
    about = {"amount": 990, "amount_received": 990, "currency": "cny", "created": 1}
    names = {"attempt": str(wanted.attempt_id)}
    return {"id": "pi_1", "object": "payment_intent", "livemode": False, "status": status, "metadata": names} | {
        **about,
        **fields,
    }


WANTED = request("on the page", "cus_1/alipay", currency="CNY")
OPEN = Pending(attempt_id=WANTED.attempt_id, gateway_ref="cs_1")
UNDERSTOOD = Unclear(reason="not_understood")


@pytest.mark.parametrize(
    ("fields", "meant"),
    [
        ({"status": "open"}, OPEN),
        ({"status": "open", "payment_intent": intent_of(WANTED, "requires_action")}, OPEN),
        ({"status": "open", "payment_intent": intent_of(WANTED, "requires_payment_method")}, OPEN),
        ({"status": "expired"}, Declined(code="page_closed")),
        ({"status": "expired", "payment_intent": intent_of(WANTED, "requires_action")}, Declined(code="page_closed")),
        (
            {"status": "complete", "payment_intent": intent_of(WANTED, "requires_payment_method")},
            Declined(code="page_closed"),
        ),
        (
            {"status": "expired", "payment_intent": intent_of(WANTED, "canceled")},
            Declined(code="payment_intent_canceled"),
        ),
        ({"status": "complete", "payment_intent": intent_of(WANTED, "processing")}, "pi_1"),
        ({"status": "complete", "payment_intent": intent_of(WANTED, "succeeded")}, "charged"),
        ({"status": "expired", "payment_intent": intent_of(WANTED, "succeeded")}, "charged"),
        (
            {"status": "complete", "payment_intent": intent_of(WANTED, "succeeded", amount=1)},
            Unclear(reason="answer_is_not_ours"),
        ),
        (
            {"status": "complete", "payment_intent": intent_of(WANTED, "succeeded", livemode=True)},
            Unclear(reason="wrong_mode"),
        ),
        ({"status": "open", "livemode": True}, Unclear(reason="wrong_mode")),
        ({"status": "complete"}, UNDERSTOOD),
        ({"status": None}, UNDERSTOOD),
        ({"status": "complete", "payment_intent": "pi_1"}, UNDERSTOOD),
        ({"status": "open", "metadata": {"attempt": "another"}}, NotFound()),
        ({"status": "open", "metadata": None}, NotFound()),
    ],
)
def test_each_state_of_a_page_has_its_meaning(wire, fields, meant):
    wire.says(answer(200, {"object": "list", "has_more": False, "data": [paid_session(WANTED, **fields)]}))
    found = look_up(wire.url, WANTED)
    if meant == "charged":
        meant = Charged(attempt_id=WANTED.attempt_id, amount=WANTED.amount, gateway_ref="pi_1")
    if meant == "pi_1":
        meant = Pending(attempt_id=WANTED.attempt_id, gateway_ref="pi_1")
    assert found == meant


def test_of_two_pages_of_an_attempt_the_one_that_was_paid_counts(wire):
    paid = paid_session(WANTED, status="complete", payment_intent=intent_of(WANTED, "succeeded"))
    data = [paid_session(WANTED, id="cs_2", status="open"), paid]
    wire.says(answer(200, {"object": "list", "has_more": False, "data": data}))
    assert isinstance(look_up(wire.url, WANTED), Charged)
