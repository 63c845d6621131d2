"""Notifications: stored once before they are accepted; what is forged, old or huge is refused, and never logged."""

import asyncio
from datetime import timedelta

import pytest
from msgspec import json

from adapters.gateways.stripe_notifications import BODY_MAX
from adapters.roles import web
from adapters.settings import SettingsError
from tests.adapters.cards import FAR

MARK = "mark-of-the-body"


def event(name="evt_1", kind="customer.updated", **about):
    subject = {"id": "cus_1", "object": "customer", "name": MARK, **about}
    body = {"id": name, "object": "event", "type": kind, "livemode": False, "created": 1_700_000_000}
    return json.encode({**body, "data": {"object": subject}})


def test_a_notification_is_stored_once_however_often_it_is_delivered(served, eventually):
    assert [served.notify(event()) for _ in range(3)] == [200, 200, 200]
    eventually(lambda: served.inbox() == [("evt_1", True)])
    assert served.notify(event()) == 200
    assert served.inbox() == [("evt_1", True)]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"secret": "whsec_other"}, 400),
        ({"header": ""}, 400),
        ({"header": "t=1,v1=00"}, 400),
        ({"at": FAR - timedelta(minutes=6)}, 400),
        ({"at": FAR + timedelta(minutes=6)}, 400),
        ({"endpoint": "../../etc"}, 404),
        ({"endpoint": "UPPER"}, 422),
    ],
    ids=["forged", "unsigned", "malformed", "old", "of the future", "elsewhere", "strange name"],
)
def test_what_is_not_to_be_believed_is_refused_and_nothing_is_stored(served, sent, status):
    assert served.notify(event(), **sent) == status
    assert served.inbox() == []
    assert MARK not in repr(served.lines)
    assert "whsec" not in repr(served.lines)


@pytest.mark.parametrize("body", [b"", b"null", b"\xff\xfe", b"[" * 60_000, event(kind="x" * 10)[:-1]], ids=len)
def test_what_is_signed_and_cannot_be_understood_is_refused(served, body):
    assert served.notify(body) == 400
    assert served.inbox() == []


def test_a_huge_body_is_refused_before_it_is_read(served):
    assert served.notify(event(name="evt_" + "x" * BODY_MAX)) == 413
    assert served.inbox() == []


def test_a_notification_of_live_mode_is_refused_in_test_mode(served):
    assert served.notify(event().replace(b'"livemode":false', b'"livemode":true')) == 400


def test_a_port_that_is_taken_ends_the_role_with_a_sentence(served, database_url):
    work = web.main(served.settings, database_url, "", asyncio.Event())
    with pytest.raises(
        SettingsError, match=rf"cannot listen on 127\.0\.0\.1:{served.settings.web_port}.*BAOHAO_WEB_PORT"
    ):
        asyncio.run(work)
