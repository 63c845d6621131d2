"""A program binds a way to pay: it sends its holder to the provider's page, and asks what came of it."""

import asyncio
import os
import subprocess
import sys
from datetime import timedelta
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener, urlopen

import psycopg
import pytest

from adapters.clock import recorded_now
from adapters.web.api.tokens import SCOPES, NewToken, create_token
from adapters.web.bindings import DONE
from adapters.web.pace import PROVIDER_BURST
from tests.adapters.cards import card_id_of, commands_for
from tests.adapters.web.api.conftest import Program
from tests.adapters.web.api.test_example_client import CLIENT
from tests.engine.databases import application_url

SHOP = "https://shop.example/cards?from=pay"


@pytest.fixture
def office(served, database_url):
    """A back office, and a card without a method that is registered as number 1."""
    served.cards.give(commands_for(1, "cus_none/pm_none")[0])
    new = NewToken("office", None, SCOPES, timedelta(days=1))

    async def create():
        async with await psycopg.AsyncConnection.connect(application_url(database_url), autocommit=True) as connection:
            return await create_token(connection, new, recorded_now())

    return Program(served.address, asyncio.run(create()))


CARD = f"/cards/{card_id_of(1)}"


def begin(office, body=None, **given):
    answer = office.write("POST", f"{CARD}/bindings", body or {}, **given)
    assert answer.status == 200, answer.body
    return answer.json


def choose(begun, method="card"):
    """What the holder's browser does on the provider's page; where it is sent to then."""
    body = urlencode({"method": method}).encode()

    class Stay(HTTPRedirectHandler):
        def redirect_request(self, *given):
            raise ComesBack(given[-1])

    try:
        with build_opener(Stay).open(Request(begun["url"], body), timeout=60) as answer:
            return answer.url
    except ComesBack as found:
        return found.args[0]


class ComesBack(Exception):  # noqa: N818 (what happens, not what goes wrong)
    """The address that the browser is sent to."""


def state(office, begun):
    return office.get(f"{CARD}/bindings/{begun['binding_id']}").json["state"]


def test_the_holder_is_sent_to_the_page_and_then_the_method_is_there(office):
    begun = begin(office)
    assert begun["state"] == state(office, begun) == "waiting"
    assert urlopen(begun["url"], timeout=60).status == 200
    assert DONE in choose(begun)
    assert state(office, begun) == "bound"
    [method] = office.get(CARD).json["methods"]
    assert (method["kind"], method["brand"], method["last4"]) == ("credit_card", "visa", "4242")


def test_the_holder_comes_back_to_the_program(office, eventually):
    begun = begin(office, {"return_url": SHOP})
    assert choose(begun) == f"{SHOP}&session_id={begun['binding_id']}"
    eventually(lambda: state(office, begun) == "bound")


def test_the_same_key_gives_the_same_page_and_another_address_another(office):
    first = begin(office, key="k")
    assert begin(office, key="k") == first
    assert begin(office, {"return_url": SHOP}, key="k")["binding_id"] != first["binding_id"]
    assert begin(office)["binding_id"] != first["binding_id"]


@pytest.mark.parametrize("address", ["http://shop.example/", "javascript:alert(1)", "https://", "https://a b", "//x"])
def test_an_address_that_is_none_is_refused(office, address):
    answer = office.write("POST", f"{CARD}/bindings", {"return_url": address})
    assert (answer.status, answer.json["fields"][0]["field"]) == (422, "body.return_url")


def test_a_binding_of_another_card_is_none(office, served):
    served.cards.give(commands_for(2, "cus_none/pm_none")[0])
    begun = begin(office)
    for path in (f"/cards/{card_id_of(2)}/bindings/{begun['binding_id']}", f"{CARD}/bindings/cs_nobodys"):
        answer = office.get(path)
        assert (answer.status, answer.code) == (404, "unknown_binding")


def test_the_provider_is_not_asked_too_often(office):
    answers = [office.write("POST", f"{CARD}/bindings", {}, key="k") for _ in range(int(PROVIDER_BURST) * 2)]
    refused = [one for one in answers if one.status != 200]
    assert {(one.status, one.code) for one in refused} == {(429, "too_many_requests")}
    assert int(refused[0].headers["retry-after"]) >= 1


def test_the_example_client_waits_for_what_comes_of_it(office):
    environment = os.environ | {"BAOHAO_TOKEN": office.token}
    command = [sys.executable, CLIENT, office.address, "--bind", str(card_id_of(1))]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as client:
        address = client.stdout.readline().removeprefix("Open ").strip()
        choose({"url": address})
        assert client.communicate(timeout=60)[0] == "bound\n"
