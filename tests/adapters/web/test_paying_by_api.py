"""A program lets its holder pay once on the provider's page: the address, once, and what the card says after that."""

import asyncio
from datetime import datetime, timedelta

import psycopg
import pytest

from adapters.clock import recorded_now
from adapters.web.api.tokens import SCOPES, NewToken, create_token
from tests.adapters.cards import FAR, PRICE, card_id_of, commands_for
from tests.adapters.gateways.stripe.asking import get, post
from tests.adapters.gateways.stripe.test_stripe_pages import submit
from tests.adapters.web.api.conftest import Program
from tests.engine.databases import application_url

NUMBER = 30
CARD = f"/cards/{card_id_of(NUMBER)}"
DUE = {"term_number": 1, "amount": {"amount_minor": PRICE, "currency": "EUR"}}
RENEWAL = {"wallet": "alipay", **DUE}
TEN = {"amount_minor": 1000, "currency": "EUR"}
SHOP = "https://shop.example/cards"


@pytest.fixture
def office(served, database_url):
    """A back office, and a card whose renewal opens in ten days."""
    served.cards.give(*commands_for(NUMBER, "cus_none/pm_none"))
    new = NewToken("office", None, SCOPES, timedelta(days=1))

    async def create():
        async with await psycopg.AsyncConnection.connect(application_url(database_url), autocommit=True) as connection:
            return await create_token(connection, new, recorded_now())

    return Program(served.address, asyncio.run(create()))


def begin(office, body=RENEWAL, what="renewals", **given):
    answer = office.write("POST", f"{CARD}/{what}/on-page", body, **given)
    assert answer.status == 200, answer.body
    return answer.json


def close(served):
    """As if the page ran out."""
    [session] = get(served.sandbox, "/v1/checkout/sessions")["data"]
    post(served.sandbox, f"/v1/checkout/sessions/{session['id']}/expire")


def names(served):
    return [one for one in served.cards.names(card_id_of(NUMBER))[3:] if one != "reminder_due"]


def test_the_holder_pays_on_the_page_and_the_card_is_renewed(served, office, eventually):
    begun = begin(office, {**RENEWAL, "return_url": SHOP})
    assert datetime.fromisoformat(begun["open_until"]) == FAR + timedelta(minutes=35)
    assert office.get(CARD).json["standing"] == "paying"
    submit(begun["url"], method="alipay")
    submit(submit(begun["url"]), answer="agree")
    eventually(lambda: names(served)[-2:] == ["charge_succeeded", "card_renewed"])
    [session] = get(served.sandbox, "/v1/checkout/sessions")["data"]
    assert session["success_url"].startswith(SHOP)


def test_the_same_key_is_the_same_page_and_another_one_is_refused(served, office):
    begun = begin(office, key="k-1")
    assert begin(office, key="k-1") == begun
    other = office.write("POST", f"{CARD}/renewals/on-page", {**RENEWAL, "wallet": "wechat_pay"}, key="k-1")
    assert (other.status, other.json["code"]) == (409, "command_id_reused")
    another = office.write("POST", f"{CARD}/renewals/on-page", RENEWAL, key="k-2")
    assert (another.status, another.json["code"]) == (409, "charge_under_way")
    assert names(served).count("charge_attempted") == 1


def test_a_top_up_is_paid_on_the_page(served, office, eventually):
    body = {"wallet": "wechat_pay", "amount": TEN}
    begun = begin(office, body, "top-ups")
    submit(begun["url"], method="wechat_pay")
    submit(submit(begun["url"]), answer="agree")
    eventually(lambda: names(served)[-1] == "balance_credited")
    again = office.write("POST", f"{CARD}/top-ups/on-page", body, key="again")
    assert again.status == 200


@pytest.mark.parametrize("wallet", ["visa", "paypal"])
def test_what_does_not_pay_there_is_refused(served, office, wallet):
    answer = office.write("POST", f"{CARD}/renewals/on-page", {**RENEWAL, "wallet": wallet})
    assert (answer.status, answer.json["code"]) == (409, "not_paid_on_page")
    assert names(served) == []


def test_what_was_paid_already_has_no_page_any_more(served, office, eventually):
    begun = begin(office, key="k-1")
    submit(begun["url"], method="alipay")
    submit(submit(begun["url"]), answer="agree")
    eventually(lambda: names(served)[-1] == "card_renewed")
    answer = office.write("POST", f"{CARD}/renewals/on-page", RENEWAL, key="k-1")
    assert (answer.status, answer.json["code"]) == (409, "page_over")


def test_a_key_whose_page_is_over_is_not_led_to_the_page_of_another_key(served, office, eventually):
    begin(office, {"wallet": "alipay", "amount": TEN}, "top-ups", key="k-1")
    close(served)
    eventually(lambda: names(served)[-1] == "charge_failed")
    other = begin(office, key="k-2")
    answer = office.write("POST", f"{CARD}/top-ups/on-page", {"wallet": "alipay", "amount": TEN}, key="k-1")
    assert (answer.status, answer.json["code"]) == (409, "page_over")
    assert begin(office, key="k-2") == other
