"""The hosted pages, as a holder passes them: binding a way to pay."""

import asyncio
from contextlib import closing
from datetime import date
from http.client import HTTPConnection
from urllib.parse import urlencode

import pytest

from adapters.gateways.pace import at_once
from adapters.gateways.pages import BindingRefused, Bound, ReturnAddresses, Waiting
from adapters.gateways.stripe_api import StripeApi
from adapters.gateways.stripe_pages import StripePages
from adapters.gateways.stripe_transport import Unanswered
from adapters.settings import SettingsError
from engine.errors import GatewayMisuseError
from engine.ports import Charged
from tests.adapters.gateways.stripe.asking import KEY, charge, error, post, request
from tests.adapters.gateways.stripe.wire import answer

BACK = ReturnAddresses("http://127.0.0.1:1/back?from=page", "http://127.0.0.1:1/canceled")


def at_pages(url, ask):
    async def one():
        api = StripeApi(KEY, url, at_once, livemode=False)
        try:
            return await ask(StripePages(api))
        finally:
            await api.close()

    return asyncio.run(one())


def begin(url, holder="h-1", key="b-1", **options):
    return at_pages(url, lambda pages: pages.begin_binding(holder, "EUR", BACK, key, **options))


def binding(url, page, holder="h-1"):
    return at_pages(url, lambda pages: pages.binding(page.session_id, holder))


def submit(address, **form):
    """Send a page's form as a browser does, or read the page if there is none; returns where it leads, if it does."""
    host, _, path = address.removeprefix("http://").partition("/")
    browser = HTTPConnection(host, timeout=60)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    with closing(browser):
        browser.request("POST" if form else "GET", f"/{path}", urlencode(form), headers)
        location = browser.getresponse().headers["Location"]
    return f"http://{host}{location}" if location and location.startswith("/") else location


def agree_if_asked(page):
    """What the payer's bank or wallet asks is agreed to; whether it was asked."""
    asks = submit(page.address)
    if asks is None or "/authenticate/" not in asks:
        return False
    submit(asks, answer="agree")
    return True


def test_a_holder_binds_a_card_which_can_then_be_charged(sandbox):
    page = begin(sandbox, "h-card", "bind a card")
    assert binding(sandbox, page, "h-card") == Waiting()
    back = submit(page.address, method="debit")
    assert back == f"{BACK.done}&session_id={page.session_id}"
    bound = binding(sandbox, page, "h-card")
    assert (bound.kind, bound.brand) == ("debit_card", "visa")
    assert bound.expires_on > date(2027, 1, 1)
    assert bound.fingerprint
    assert isinstance(charge(sandbox, request("after binding", bound.token)), Charged)


@pytest.mark.parametrize(("wallet", "kind"), [("paypal", "paypal"), ("link", "e_wallet")])
def test_a_holder_binds_a_wallet(sandbox, wallet, kind):
    page = begin(sandbox, f"h-{wallet}", f"bind {wallet}")
    submit(page.address, method=wallet)
    agree_if_asked(page)
    bound = binding(sandbox, page, f"h-{wallet}")
    assert isinstance(bound, Bound)
    assert (bound.kind, bound.brand, bound.fingerprint) == (kind, wallet, None)
    assert bound.token.endswith(f"/{wallet}")
    assert isinstance(charge(sandbox, request(f"after binding {wallet}", bound.token)), Charged)


def test_beginning_twice_is_one_page(sandbox):
    assert begin(sandbox, "h-twice", "twice") == begin(sandbox, "h-twice", "twice")


def test_a_bank_that_asks_is_answered_on_its_page(sandbox):
    page = begin(sandbox, "h-3ds", "bind with 3-D Secure")
    submit(page.address, method="card_3ds")
    assert binding(sandbox, page, "h-3ds") == Waiting()
    assert agree_if_asked(page)
    assert isinstance(charge(sandbox, request("after 3ds", binding(sandbox, page, "h-3ds").token)), Charged)


def test_a_card_that_is_refused_leaves_the_page_open(sandbox):
    page = begin(sandbox, "h-refused", "refused")
    submit(page.address, method="card_refused")
    assert binding(sandbox, page, "h-refused") == Waiting()


def test_what_another_holder_has_begun_is_refused(sandbox):
    page = begin(sandbox, "h-mine", "mine")
    submit(page.address, method="card")
    assert binding(sandbox, page, "h-thief") == BindingRefused("other_holder")


def test_a_visit_that_expired_binds_nothing(sandbox):
    page = begin(sandbox, "h-late", "late")
    post(sandbox, f"/v1/checkout/sessions/{page.session_id}/expire")
    assert binding(sandbox, page, "h-late") == BindingRefused("expired")


def test_a_visit_that_stripe_does_not_know_is_unclear(sandbox):
    with pytest.raises(Unanswered, match="not_listed"):
        at_pages(sandbox, lambda pages: pages.binding("cs_unknown", "h-1"))


# What Stripe may answer


CUSTOMER = {"id": "cus_1", "object": "customer", "livemode": False, "metadata": {"holder": "h-1"}}
CARD = {"brand": "visa", "last4": "4242", "exp_month": 2, "exp_year": 2028, "funding": "credit", "fingerprint": "fp"}
METHOD = {
    "id": "pm_1",
    "object": "payment_method",
    "livemode": False,
    "type": "card",
    "customer": "cus_1",
    "card": CARD,
}
SETUP = {
    "id": "seti_1",
    "object": "setup_intent",
    "livemode": False,
    "status": "succeeded",
    "customer": "cus_1",
    "payment_method": METHOD,
}
SESSION = {
    "id": "cs_1",
    "object": "checkout.session",
    "livemode": False,
    "mode": "setup",
    "status": "complete",
    "url": "https://checkout.stripe.com/c/cs_1",
    "customer": CUSTOMER,
    "setup_intent": SETUP,
}


UNCLEAR = "not_understood"


def came_of(wire, session):
    wire.says(answer(200, session))
    try:
        return at_pages(wire.url, lambda pages: pages.binding("cs_1", "h-1"))
    except Unanswered as error:
        return error.reason


@pytest.mark.parametrize(
    ("session", "meant"),
    [
        (SESSION, Bound("cus_1/pm_1", "credit_card", "visa", "4242", date(2028, 2, 29), "fp")),
        (SESSION | {"livemode": True}, "wrong_mode"),
        (SESSION | {"id": "cs_2"}, "answer_is_not_ours"),
        (SESSION | {"mode": "payment"}, "answer_is_not_ours"),
        (SESSION | {"status": "open"}, Waiting()),
        (SESSION | {"status": None}, "not_understood"),
        (SESSION | {"customer": "cus_1"}, BindingRefused("other_holder")),
        (SESSION | {"customer": CUSTOMER | {"metadata": {}}}, BindingRefused("other_holder")),
        (SESSION | {"setup_intent": "seti_1"}, "not_understood"),
        (SESSION | {"setup_intent": SETUP | {"livemode": True}}, "wrong_mode"),
        (SESSION | {"setup_intent": SETUP | {"status": "processing"}}, Waiting()),
        (SESSION | {"setup_intent": SETUP | {"status": "canceled"}}, BindingRefused("generic_decline")),
        (
            SESSION | {"setup_intent": SETUP | {"status": "x", "last_setup_error": {"decline_code": "lost_card"}}},
            BindingRefused("lost_card"),
        ),
        (SESSION | {"setup_intent": SETUP | {"payment_method": METHOD | {"livemode": True}}}, "wrong_mode"),
        (
            SESSION | {"setup_intent": SETUP | {"customer": "cus_2", "payment_method": METHOD | {"customer": None}}},
            BindingRefused("not_usable"),
        ),
        (SESSION | {"setup_intent": SETUP | {"payment_method": METHOD | {"card": CARD | {"exp_month": 13}}}}, UNCLEAR),
        (SESSION | {"setup_intent": SETUP | {"payment_method": METHOD | {"card": CARD | {"exp_year": 0}}}}, UNCLEAR),
        (
            SESSION | {"setup_intent": SETUP | {"payment_method": METHOD | {"type": "ideal"}}},
            BindingRefused("not_usable"),
        ),
    ],
)
def test_each_end_of_a_visit_has_its_meaning(wire, session, meant):
    assert came_of(wire, session) == meant


@pytest.mark.parametrize("url", [None, "http://checkout.example/c", "javascript:alert(1)", "https:evil"])
def test_a_holder_is_sent_nowhere_but_to_a_secure_address(wire, url):
    wire.says(answer(200, CUSTOMER), answer(200, SESSION | {"status": "open", "url": url}))
    with pytest.raises(Unanswered, match="not_understood"):
        begin(wire.url)


@pytest.mark.parametrize(
    ("status", "raised"), [(400, GatewayMisuseError), (401, SettingsError), (500, Unanswered), (307, Unanswered)]
)
def test_a_page_that_cannot_be_begun_is_an_error_that_tells_nothing(wire, status, raised):
    wire.says(answer(status, error("invalid_request_error", param="currency")))
    with pytest.raises(raised) as refusal:
        begin(wire.url)
    assert "sentence for people" not in str(refusal.value)


def test_a_customer_of_another_holder_is_not_used(wire):
    wire.says(answer(200, CUSTOMER | {"metadata": {"holder": "h-2"}}))
    with pytest.raises(Unanswered, match="answer_is_not_ours"):
        begin(wire.url)
