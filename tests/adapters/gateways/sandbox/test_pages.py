"""Checkout Sessions and their hosted pages, as a browser without script uses them."""

import re

import pytest

from adapters.gateways.sandbox.checkout import CHOICES
from adapters.gateways.sandbox.server import Options
from adapters.gateways.sandbox.tokens import method_of
from adapters.gateways.sandbox.words import words_for
from tests.adapters.gateways.sandbox.api import payment

DONE = "http://shop.example/done?session_id={CHECKOUT_SESSION_ID}"


def test_the_cards_that_can_be_saved_are_told_apart_by_their_last_digits():
    saved = [one for one in CHOICES if one.kind == "card" and "setup" in one.modes.split()]
    methods = [found for one in saved if (found := method_of(one.token)) is not None and found.attaches]
    assert len(methods) >= 4
    assert len({one.last4 for one in methods}) == len(methods)


def setup(api, **more):
    customer = api.customer()
    form = {"mode": "setup", "currency": "usd", "customer": customer, "success_url": DONE}
    return api.made("checkout/sessions", form | {"cancel_url": "http://shop.example/no"} | more)


def pay(api, **more):
    item = {
        "price_data": {"currency": "cny", "unit_amount": 1250, "product_data": {"name": "<b>保号</b>"}},
        "quantity": 2,
    }
    form = {"mode": "payment", "line_items": [item], "customer": api.customer(), "success_url": DONE}
    return api.made("checkout/sessions", form | more)


def page_of(session):
    return "/" + session["url"].split("/", 3)[3]


def came_back(session, answer):
    return answer.status == 303 and answer.headers["location"] == DONE.replace("{CHECKOUT_SESSION_ID}", session["id"])


def test_a_card_is_saved(api):
    session = setup(api, metadata={"holder": "h"}, setup_intent_data={"metadata": {"a": "b"}})
    assert (session["status"], session["payment_status"]) == ("open", "no_payment_required")
    assert came_back(session, api.page(page_of(session), {"method": "debit"}))
    now = api.found(f"checkout/sessions/{session['id']}", {"expand": ["setup_intent.payment_method"]})
    assert (now["status"], now["url"]) == ("complete", None)
    method = now["setup_intent"]["payment_method"]
    assert (method["customer"], method["card"]["funding"]) == (session["customer"], "debit")
    assert now["setup_intent"]["metadata"] == {"a": "b"}
    assert api.made("payment_intents", payment(method["id"], session["customer"]))["status"] == "succeeded"


def test_a_declined_card_is_said_on_the_page_and_another_can_be_chosen(api):
    session = setup(api)
    again = api.page(page_of(session), {"method": "card_refused"})
    assert again.status == 402
    assert re.search(r'role="alert".*insufficient_funds', again.raw.decode())
    assert api.found(f"checkout/sessions/{session['id']}")["status"] == "open"
    assert came_back(session, api.page(page_of(session), {"method": "card"}))


def test_the_bank_asks_before_a_card_is_saved(api):
    session = setup(api)
    asked = api.page(page_of(session), {"method": "card_3ds"})
    assert asked.headers["location"] == f"/authenticate/{session['setup_intent']}"
    assert api.page(page_of(session)).headers["location"] == asked.headers["location"]
    refused = api.page(asked.headers["location"], {"answer": "refuse"})
    assert (refused.status, "authentication_failure" in refused.raw.decode()) == (402, True)
    asked = api.page(page_of(session), {"method": "card_3ds"})
    assert came_back(session, api.page(asked.headers["location"], {"answer": "agree"}))
    assert came_back(session, api.page(asked.headers["location"], {"answer": "agree"}))


@pytest.mark.parametrize("kind", ["alipay", "wechat_pay", "paypal"])
def test_a_wallet_pays_once(api, kind):
    session = pay(api, payment_method_types=["card", kind], payment_intent_data={"metadata": {"card": "c"}})
    assert (session["amount_total"], session["currency"]) == (2500, "cny")
    asked = api.page(page_of(session), {"method": kind})
    assert "25.00 CNY" in api.page(asked.headers["location"]).raw.decode()
    assert came_back(session, api.page(asked.headers["location"], {"answer": "agree"}))
    now = api.found(f"checkout/sessions/{session['id']}", {"expand": ["payment_intent", "line_items"]})
    assert (now["status"], now["payment_status"]) == ("complete", "paid")
    assert (now["payment_intent"]["status"], now["payment_intent"]["metadata"]) == ("succeeded", {"card": "c"})
    assert now["line_items"]["data"][0]["quantity"] == 2
    found = api.found("checkout/sessions", {"payment_intent": now["payment_intent"]["id"]})["data"]
    assert [one["id"] for one in found] == [session["id"]]


def test_a_payment_whose_outcome_comes_later_is_unpaid_until_then(api):
    api.control("clock", {"now": 1_800_000_000})
    session = pay(api)
    asked = api.page(page_of(session), {"method": "paypal_pending"})
    assert came_back(session, api.page(asked.headers["location"], {"answer": "agree"}))
    assert api.found(f"checkout/sessions/{session['id']}")["payment_status"] == "unpaid"
    api.control("clock", {"forward_s": 3600})
    assert api.found(f"checkout/sessions/{session['id']}")["payment_status"] == "paid"
    kinds = [one["type"] for one in api.found("events", {"type": "checkout.session.*"})["data"]]
    assert kinds == ["checkout.session.async_payment_succeeded", "checkout.session.completed"]


def test_a_form_that_is_sent_twice_pays_once(api):
    session = pay(api)
    for _ in range(3):
        assert came_back(session, api.page(page_of(session), {"method": "card"}))
    assert len(api.found("charges")["data"]) == 1
    assert len(api.found("payment_intents")["data"]) == 1
    assert "done already" in api.page(page_of(session)).raw.decode()


def test_a_decline_and_a_second_try_are_one_payment(api):
    session = pay(api)
    assert api.page(page_of(session), {"method": "card_expired"}).status == 402
    assert came_back(session, api.page(page_of(session), {"method": "card"}))
    (intent,) = api.found("payment_intents")["data"]
    assert [one["status"] for one in api.found("charges", {"payment_intent": intent["id"]})["data"]] == [
        "succeeded",
        "failed",
    ]


def test_a_session_that_has_expired_can_be_used_no_more(api):
    api.control("clock", {"now": 1_800_000_000})
    session = setup(api, expires_at=1_800_000_000 + 1800)
    api.control("clock", {"forward_s": 1800})
    for form in (None, {"method": "card"}):
        late = api.page(page_of(session), form)
        assert (late.status, "http://shop.example/no" in late.raw.decode()) == (410, True)
    assert api.found(f"checkout/sessions/{session['id']}")["status"] == "expired"
    assert api.found(f"setup_intents/{session['setup_intent']}")["status"] == "canceled"


def test_a_session_is_expired_by_us(api):
    session = pay(api)
    assert api.made(f"checkout/sessions/{session['id']}/expire")["status"] == "expired"
    assert api.post(f"checkout/sessions/{session['id']}/expire").status == 400
    assert api.found("checkout/sessions", {"status": "open"})["data"] == []


def test_a_session_that_cannot_be_is_refused(api):
    base = {"mode": "setup", "success_url": DONE, "currency": "usd"}
    for form, param in (
        (base | {"payment_method_types": ["alipay"]}, "payment_method_types"),
        (base | {"expires_at": 1}, "expires_at"),
        ({"mode": "setup", "currency": "usd"}, "success_url"),
        ({"mode": "payment", "success_url": DONE}, "line_items"),
        ({"mode": "setup", "success_url": DONE}, "currency"),
    ):
        answer = api.post("checkout/sessions", form)
        assert (answer.status, answer.error["param"]) == (400, param)


def test_the_page_speaks_the_readers_language_and_says_what_will_happen(api):
    session = pay(api)
    chinese = api.page(page_of(session), language="fr;q=0.9, zh-CN, en;q=0.5").raw.decode()
    assert '<html lang="zh-Hans">' in chinese
    assert "不会真正扣款" in chinese
    english = api.page(page_of(session), language="de").raw.decode()
    assert '<html lang="en">' in english
    assert "no money moves" in english
    assert 'lang="zh-Hans"' in api.page(page_of(pay(api, locale="zh"))).raw.decode()
    assert words_for("x;q=y, ,")["lang"] == "en"


def test_the_page_is_plain_escaped_and_kept_by_nobody(api):
    page = api.page(page_of(pay(api, cancel_url="javascript:alert(1)")))
    html = page.raw.decode()
    assert "&lt;b&gt;保号&lt;/b&gt; × 2" in html
    assert "<script" not in html
    assert "style=" not in html
    assert "javascript:" not in html
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    assert api.page("/style.css").headers["content-type"].startswith("text/css")


def test_every_control_has_its_label(api):
    html = api.page(page_of(pay(api))).raw.decode()
    controls = set(re.findall(r'<input[^>]* id="(\w+)"', html))
    assert controls == set(re.findall(r'<label for="(\w+)"', html)) != set()
    assert all(re.search(rf'value="{name}" required', html) for name in controls)
    for language in ("en", "zh"):
        assert set(words_for(language)["choices"]) == {one.name for one in CHOICES}


def test_the_page_offers_what_the_session_may_take(api):
    offered = api.page(page_of(pay(api, payment_method_types=["wechat_pay"]))).raw.decode()
    assert re.findall(r'value="(\w+)" required', offered) == ["wechat_pay"]
    session = setup(api)
    assert api.page(page_of(session), {"method": "alipay"}).status == 402
    assert api.page(page_of(session), {"method": "none"}).status == 402


def test_there_is_no_other_page(api):
    for path in ("/", "/pay/cs_none", "/authenticate/pi_none", "/pay/pi/x", "/v1"):
        assert api.page(path).status == 404


def test_a_page_outlives_a_restart(started, tmp_path):
    first = started(Options(record=tmp_path / "money.db"))
    session = setup(first)
    second = started(Options(record=tmp_path / "money.db"))
    assert came_back(session, second.page(page_of(session), {"method": "card"}))
