"""A holder adds a payment method while a payment is due: what is charged at once, and what came of it, is said."""

import asyncio
import re
from datetime import timedelta
from urllib.parse import unquote

import psycopg
import pytest

from adapters.clock import recorded_now
from adapters.directory.accounts import NewAccount, create_account
from adapters.directory.sessions import open_session
from adapters.directory.visit import Visit
from engine.commands import RemovePaymentMethod, SwitchOffAutoRenew
from engine.ports import Declined
from tests.adapters.cards import FAR
from tests.adapters.gateways.stripe.asking import get
from tests.adapters.gateways.stripe.test_stripe_pages import submit
from tests.adapters.web.pages.client import Client
from tests.engine.databases import application_url

ANNOUNCED = "€2.70 is due and is charged at once to the method that you add."
NUMBER = 1


@pytest.fixture
def unpaid(served, database_url):
    """A card whose renewal was declined: its id, and its holder's browser."""
    holder = f"holder-{NUMBER}"
    card_id, question = served.charging(NUMBER, holder=holder)
    served.record(question, Declined(code="insufficient_funds"))

    async def sign_in():
        async with await psycopg.AsyncConnection.connect(application_url(database_url), autocommit=True) as connection:
            visit = Visit(recorded_now(), "192.0.2.1", "Firefox, Linux")
            await create_account(
                connection, NewAccount(email="lin@example.com", holder_id=holder, language="en"), visit
            )
            return (await open_session(connection, holder, visit)).token

    return card_id, Client(served.address, asyncio.run(sign_in()))


def come_back_with(lin, card_id, method):
    """To the provider's page, and back with a method; returns where the holder lands."""
    page = lin.post(f"/cards/{card_id}/methods/new", {"to": "methods"}).to
    back = submit(page, method=method)
    landed = lin.get(f"/{back.split('/', 3)[3]}").to
    assert landed.startswith(f"/cards/{card_id}/methods?since=")
    return landed


def test_the_charge_is_announced_before_and_its_outcome_told_after(served, unpaid):
    card_id, lin = unpaid
    announcing = lin.get(f"/cards/{card_id}/methods")
    assert announcing.text.index(ANNOUNCED) < announcing.text.index("Add a payment method")
    landed = come_back_with(lin, card_id, "card")
    page = lin.get(landed)
    assert "€2.70 is being charged. This page shows what came of it" in page.text
    assert "refresh" in page.html
    assert ANNOUNCED not in page.text
    served.cards.now = FAR + timedelta(seconds=1)
    [question] = served.cards.engine.wake({card_id: "due"}, *served.cards.rules()).questions
    served.record(question, served.send(question))
    page = lin.get(landed)
    assert "Paid €2.70, Visa ending 4242. Receipt" in page.text
    assert "refresh" not in page.html


def test_where_nothing_is_due_nothing_is_announced(served, unpaid):
    card_id, lin = unpaid
    come_back_with(lin, card_id, "card")
    served.cards.now = FAR + timedelta(seconds=1)
    [question] = served.cards.engine.wake({card_id: "due"}, *served.cards.rules()).questions
    served.record(question, served.send(question))
    assert "is charged at once" not in lin.get(f"/cards/{card_id}/methods").text


def test_without_a_method_to_add_one_is_the_way_on(served, unpaid):
    card_id, lin = unpaid
    lin.post(f"/cards/{card_id}/renewal/period", {"months": "1"})
    button = '<button class="btn{}">Add a payment method</button>'
    assert button.format(" plain") in lin.get(f"/cards/{card_id}/renewal/payment").html
    [card] = served.cards.engine.cards([card_id])
    [method] = card.methods.bound
    served.cards.give(
        SwitchOffAutoRenew(command_id="off", card_id=card_id),
        RemovePaymentMethod(command_id="remove", card_id=card_id, method_id=method.method_id),
    )
    page = lin.get(f"/cards/{card_id}/renewal/payment")
    assert button.format("") in page.html
    assert "Continue" not in page.text


def test_a_double_click_opens_one_page(served, unpaid):
    card_id, lin = unpaid
    lin.post(f"/cards/{card_id}/renewal/period", {"months": "1"})
    for path, to in (("methods", "methods"), ("renewal/payment", "payment")):
        ids = re.findall(r'name="command_id" value="([^"]*)"', lin.get(f"/cards/{card_id}/{path}").html)
        form = {"to": to, "command_id": ids[-1]}
        first, second = (lin.post(f"/cards/{card_id}/methods/new", form).to for _ in range(2))
        assert first == second
    assert served.connection.execute("SELECT count(*) FROM bindings").fetchone() == (2,)


def test_nobody_makes_us_open_pages_without_end(served, unpaid):
    card_id, lin = unpaid
    answers = (lin.post(f"/cards/{card_id}/methods/new", {"to": "methods"}) for _ in range(400))  # slow ones fit in
    refused = next(one for one in answers if one.status == 429)
    assert refused.headers["retry-after"] == "1"
    assert "Try again in 1 second." in refused.text
    asked = len(get(served.sandbox, "/v1/checkout/sessions?limit=100")["data"])
    assert served.connection.execute("SELECT count(*) FROM bindings").fetchone() == (asked,)


@pytest.mark.parametrize(("to", "back"), [("methods", "/methods"), ("payment", "/renewal/payment")])
def test_who_did_not_prove_of_late_to_be_the_holder_does_that_first_and_comes_back(served, unpaid, to, back):
    card_id, lin = unpaid
    served.connection.execute("UPDATE sessions SET confirmed_at = now() - interval '11 minutes'")
    asked = lin.post(f"/cards/{card_id}/methods/new", {"to": to}).to
    assert unquote(asked) == f"/account/confirm?next=/cards/{card_id}{back}"
    assert get(served.sandbox, "/v1/checkout/sessions")["data"] == []
