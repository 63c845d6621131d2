"""A holder may do without what is optional, by one click in a mail program or on a page, and without nothing else."""

from datetime import date

import pytest
from psycopg_pool import AsyncConnectionPool

from adapters.web.app import Guarded, application
from adapters.web.unsubscribing import unsubscribing
from engine.card.methods import PaymentMethod
from engine.commands import BindPaymentMethod, RemovePaymentMethod
from tests.adapters.notices.requests import asked


@pytest.fixture
def expiring(post):
    """A card that is renewed again, whose method expires before that."""
    post.account()
    card_id = post.card()
    method = PaymentMethod(
        method_id="old", kind="credit_card", token="tok-old", fingerprint="fp-old", expires_on=date(2026, 4, 30)
    )
    post.give(
        BindPaymentMethod(command_id="old", card_id=card_id, method=method),
        RemovePaymentMethod(command_id="visa", card_id=card_id, method_id="visa"),
    )
    post.wake(card_id)
    return card_id


@pytest.fixture
def letter(post, expiring):
    """The reminder that it expires."""
    post.pass_by(days=21)
    post.wake(expiring)
    post.wake(expiring)
    post.tell()
    (found,) = [one for one in post.mailbox.letters if "expires" in one["Subject"]]
    return found


@pytest.fixture
def pages(post):
    """The web application of the link, behind its guard."""

    async def ask(method, path, **options):
        async with AsyncConnectionPool(post.url, min_size=1, max_size=1, open=False) as pool:
            app = application([unsubscribing(pool)], guard=Guarded("https://baohao.example", ()))
            return await asked(app, method, path, **options)

    return lambda *words, **options: post.run(ask(*words, **options))


def path_in(letter):
    return letter["List-Unsubscribe"].strip(" <>").removeprefix("https://baohao.example")


def test_what_is_optional_can_be_ended_by_one_click_and_what_is_not_cannot(post, letter):
    assert letter["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    others = [one for one in post.mailbox.letters if one["Subject"] != letter["Subject"]]
    assert others
    assert not [one for one in others if one["List-Unsubscribe"]]


def test_a_mail_program_ends_them_and_looking_at_the_page_does_not(post, letter, pages):
    status, html = pages("GET", path_in(letter), headers=[("accept-language", "zh")])
    assert (status, "不再接收这类提醒" in html) == (200, True)
    again(post)
    assert len([one for one in post.mailbox.letters if "expires" in one["Subject"]]) == 2
    status, html = pages("POST", path_in(letter), body=b"List-Unsubscribe=One-Click")
    assert (status, "any more" in html) == (200, True)
    again(post)
    assert ("email", "dropped", "unsubscribed") in post.states("method_expires")


def again(post):
    """The same notice once more."""
    post.connection.execute(
        """
        INSERT INTO outbox (key, channel, holder_id, card_id, kind, caused_at, content, not_before, expires_at)
        SELECT key || gen_random_uuid(), 'email', holder_id, card_id, kind, caused_at, content, not_before, expires_at
        FROM outbox WHERE kind = 'method_expires' LIMIT 1
        """
    )
    post.send()


def test_an_unknown_link_ends_nothing(letter, pages):
    del letter
    assert pages("POST", "/unsubscribe/none")[0] == pages("GET", "/unsubscribe/none")[0] == 404
