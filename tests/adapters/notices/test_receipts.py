"""Receipts of SMS: only signed ones count, in whatever order; a dead address is left alone."""

import hmac
from base64 import b64encode
from urllib.parse import urlencode

import pytest
from psycopg_pool import AsyncConnectionPool

from adapters.notices.outbox import told_holder
from adapters.notices.receipts import address_of, key_in
from adapters.web.app import Guarded, application
from adapters.web.receipts import receipts
from tests.adapters.notices.post import HOLDER, WEB
from tests.adapters.notices.requests import asked

TOKEN = "token"


def signature_of(address, form):
    """As Twilio's documents say."""
    text = address + "".join(name + form[name] for name in sorted(form))
    return b64encode(hmac.digest(TOKEN.encode(), text.encode(), "sha1")).decode()


@pytest.fixture
def twilio(post):
    """Posts receipts as Twilio does; returns the status."""

    async def send(path, body, headers):
        async with AsyncConnectionPool(post.url, min_size=1, max_size=1, open=False) as pool:
            app = application([receipts(pool, WEB, TOKEN)], guard=Guarded(WEB, ()))
            return (await asked(app, "POST", path, body=body, headers=headers))[0]

    def receipt(key, status, *, signature=None, **more):
        form = {"MessageSid": "SM1", "MessageStatus": status, **more}
        address = address_of(WEB, key)
        headers = [("x-twilio-signature", signature or signature_of(address, form)), ("host", "elsewhere")]
        return post.run(send(address.removeprefix(WEB), urlencode(form).encode(), headers))

    return receipt


@pytest.fixture
def sms(post):
    """An SMS that was accepted, where no e-mail could go; its key."""
    post.account(email=None)
    post.wake(post.card())
    post.tell()
    assert post.states()[1] == ("sms", "accepted", None)
    return post.rows()[1]["key"]


def test_a_receipt_comes_to_the_row_of_its_sms(post, twilio, sms):
    assert key_in(address_of(WEB, sms).rpartition("/")[2]) == sms
    assert twilio(sms, "delivered") == 204
    assert post.states()[1] == ("sms", "delivered", None)


def test_receipts_come_twice_and_out_of_order_and_the_state_moves_forward_only(post, twilio, sms):
    for status in ("sent", "delivered", "undelivered", "queued", "delivered", "failed"):
        assert twilio(sms, status) == 204
    assert post.states()[1] == ("sms", "delivered", None)


def test_a_receipt_that_comes_before_its_answer_counts(post, twilio, sms):
    post.connection.execute("UPDATE outbox SET state = 'sending', sent_at = NULL WHERE channel = 'sms'")
    assert twilio(sms, "delivered") == 204
    assert post.states()[1] == ("sms", "delivered", None)


@pytest.fixture
def doubtful(post):
    """An SMS whose provider has not answered; its key."""
    post.account(email=None)
    post.receiver.answers = [(500, {}), (500, {})]
    post.wake(post.card())
    post.tell()
    assert post.states()[1] == ("sms", "pending", "http_500")
    return post.rows()[1]["key"]


def test_an_sms_that_arrived_after_all_is_not_sent_again(post, twilio, doubtful):
    assert twilio(doubtful, "delivered") == 204
    post.pass_by(minutes=2)
    post.send()
    assert post.states()[1] == ("sms", "delivered", None)
    assert len(post.receiver.forms) == 1
    assert post.asks(told_holder, HOLDER)


def test_an_sms_that_arrived_after_it_was_given_up_was_told(post, twilio, doubtful):
    post.pass_by(minutes=2)
    post.send()
    assert post.states()[1] == ("sms", "dropped", "may_have_arrived: http_500")
    assert twilio(doubtful, "delivered") == 204
    assert post.states()[1] == ("sms", "delivered", None)
    assert twilio(doubtful, "undelivered") == 204
    assert post.states()[1] == ("sms", "delivered", None)


def test_nothing_arrives_that_was_never_handed_over(post, twilio):
    post.account(email=None)
    post.wake(post.card())
    post.tell("email")
    assert twilio(post.rows()[1]["key"], "delivered") == 204
    assert post.states()[1] == ("sms", "pending", None)


def test_what_was_lost_says_why_and_its_number_is_left_alone(post, twilio, sms):
    assert twilio(sms, "undelivered", ErrorCode="30003") == 204
    assert post.states()[1] == ("sms", "bounced", "twilio_30003")
    post.connection.execute(
        """
        INSERT INTO outbox (key, channel, holder_id, card_id, kind, caused_at, content, not_before, expires_at)
        SELECT key || ' again', channel, holder_id, card_id, kind, caused_at, content, not_before, expires_at
        FROM outbox WHERE channel = 'sms'
        """
    )
    post.send()
    assert ("sms", "dropped", "address_bounced") in post.states()


def test_what_was_lost_goes_by_email_where_there_is_one(post, twilio, sms):
    post.connection.execute("DELETE FROM outbox WHERE channel = 'email'")
    post.connection.execute("UPDATE accounts SET email = 'lin@example.org'")
    twilio(sms, "failed")
    post.send()
    assert len(post.mailbox.raw) == 1


@pytest.mark.parametrize("signature", ["", "AAAA", "ä"])
def test_what_twilio_has_not_signed_is_refused(post, twilio, sms, signature):
    assert twilio(sms, "delivered", signature=signature or "none") == 403
    assert post.states()[1] == ("sms", "accepted", None)


@pytest.mark.parametrize("name", ["", "%", "a", "____"])
def test_an_address_that_names_no_sms_is_none(name):
    assert key_in(name) is None or key_in(name) == ""
