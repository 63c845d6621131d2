"""A holder binds a way to pay on the hosted page; coming back or the notification completes it, and only once."""

import asyncio
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import psycopg
import pytest

from adapters.bindings import begin_binding
from adapters.executing import Executor
from adapters.gateways.pages import ReturnAddresses
from adapters.gateways.stripe_pages import StripePages
from adapters.web.bindings import CANCELED, DONE
from adapters.wiring import opened_stripe
from engine.card.methods import PaymentMethod
from engine.commands import ChangeHolder
from engine.errors import BaohaoError
from tests.adapters.cards import card_id_of, commands_for
from tests.engine.databases import application_url


@pytest.fixture
def begin(served, database_url):
    """Begin a visit for a new card; returns the card's id and the page."""

    async def once(card, back, key):
        async with (
            opened_stripe(served.settings) as api,
            await psycopg.AsyncConnection.connect(application_url(database_url), autocommit=True) as connection,
        ):
            return await begin_binding(StripePages(api), connection, card, back, key)

    def begun(number=1, key="key"):
        served.cards.give(commands_for(number, "cus_none/pm_none")[0])
        [card] = served.cards.engine.cards([card_id_of(number)])
        back = ReturnAddresses(f"{served.address}{DONE}", f"{served.address}{CANCELED}")
        return card.card_id, asyncio.run(once(card, back, key))

    return begun


def choose(page, method):
    """What the holder's browser does with the page's form; returns the page on which the holder ends up."""
    with urlopen(Request(page.address, urlencode({"method": method}).encode()), timeout=60) as answer:
        return answer.url, answer.read().decode()


def come_back(served, session_id, language="en"):
    address = f"{served.address}{DONE}?session_id={session_id}"
    try:
        with urlopen(Request(address, headers={"Accept-Language": language}), timeout=60) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def methods(served, card_id):
    [card] = served.cards.engine.cards([card_id])
    return card.methods.bound


def test_the_holder_comes_back_with_a_payment_card_bound(served, begin):
    card_id, page = begin()
    address, text = choose(page, "card")
    assert address.startswith(f"{served.address}{DONE}")
    assert "is bound" in text
    [method] = methods(served, card_id)
    assert (method.kind, method.brand, method.last4) == ("credit_card", "visa", "4242")
    assert method.token.startswith("cus_")
    assert isinstance(method, PaymentMethod)


def test_the_notification_alone_completes_it_and_coming_back_changes_nothing(served, begin, eventually):
    card_id, page = begin()
    choose(page, "card")
    eventually(lambda: len(methods(served, card_id)) == 1)
    eventually(lambda: all(settled for _, settled in served.inbox()))
    assert come_back(served, page.session_id)[0] == 200
    assert served.cards.names(card_id).count("payment_method_bound") == 1


def test_a_payment_card_that_is_bound_again_is_there_once_with_its_new_details(served, begin):
    card_id, page = begin()
    choose(page, "card")
    [first] = methods(served, card_id)
    _, again = begin(key="another")
    assert "bound already, and has its new details" in choose(again, "card")[1]
    [renewed] = methods(served, card_id)
    assert (renewed.method_id, renewed.fingerprint) == (first.method_id, first.fingerprint)
    assert renewed.token != first.token
    for session_id in (page.session_id, again.session_id):
        assert come_back(served, session_id)[0] == 200
    assert served.cards.names(card_id)[-2:] == ["payment_method_bound", "payment_method_updated"]


def test_a_visit_that_was_cut_off_before_it_was_noted_binds_no_second_time(served, begin, connection):
    card_id, page = begin()
    choose(page, "card")
    connection.execute("UPDATE bindings SET outcome = NULL, settled_at = NULL")
    assert "is bound" in come_back(served, page.session_id)[1]
    assert served.cards.names(card_id)[-1] == "payment_method_bound"
    assert len(methods(served, card_id)) == 1


def test_before_the_holder_has_chosen_nothing_is_bound(served, begin):
    card_id, page = begin()
    assert "still at it" in come_back(served, page.session_id)[1]
    assert "支付机构" in come_back(served, page.session_id, "zh-CN,zh;q=0.9")[1]
    assert methods(served, card_id) == ()


def test_a_visit_that_another_holder_began_binds_nothing(served, begin, connection):
    card_id, page = begin()
    connection.execute("UPDATE bindings SET holder_id = 'holder-9'")
    assert "Nothing was bound" in choose(page, "card")[1]
    assert methods(served, card_id) == ()
    assert connection.execute("SELECT outcome FROM bindings").fetchone() == ("other_holder",)


@pytest.mark.parametrize("session_id", ["cs_test_nobodys", "../x", "cs_<script>", ""])
def test_a_visit_that_nobody_began_is_said_so_and_echoed_nowhere(served, session_id):
    status, text = come_back(served, session_id)
    assert (status, "no such visit" in text) == (404, True)
    assert not session_id or session_id not in text


def test_a_binding_that_cannot_be_recorded_now_is_completed_later(served, begin, monkeypatch, eventually):
    card_id, page = begin()
    real = Executor.execute

    async def failing(_self, _commands, _by):
        return [BaohaoError("changed by others")]

    monkeypatch.setattr(Executor, "execute", failing)
    assert "still at it" in choose(page, "card")[1]
    monkeypatch.setattr(Executor, "execute", real)
    assert "is bound" in come_back(served, page.session_id)[1]
    eventually(lambda: len(methods(served, card_id)) == 1)


def test_a_visit_of_a_holder_whose_card_went_to_another_meanwhile_binds_nothing(served, begin):
    card_id, page = begin()
    served.cards.give(ChangeHolder(command_id="change", card_id=card_id, holder_id="holder-2"))
    choose(page, "card")
    assert "is bound" not in come_back(served, page.session_id)[1]
    assert methods(served, card_id) == ()
    outcome = served.connection.execute("SELECT outcome FROM bindings").fetchone()
    assert outcome == ("another_holder",)


def test_canceled_means_that_nothing_changed(served, begin):
    card_id, _ = begin()
    with urlopen(f"{served.address}{CANCELED}", timeout=60) as answer:
        assert "nothing was changed" in answer.read().decode()
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert methods(served, card_id) == ()
