"""The support removes passkeys that a holder has lost: in two steps, on record, and the holder is told."""

from uuid import uuid4

import pytest

from tests.adapters.web.console.test_acting import PLUS, done
from tests.adapters.web.pages.client import Client
from tests.adapters.web.pages.holders import HOLDER, OTHER

PATH = f"/cards/{PLUS}/passkeys"


@pytest.fixture
def passkeys(world):
    """Two of the holder's, one of another's; whose there are."""
    for holder in (HOLDER, HOLDER, OTHER):
        row = (uuid4(), holder, uuid4().bytes, b"key", 0, "a phone")
        world.connection.execute("INSERT INTO passkeys VALUES (%s, %s, %s, %s, %s, %s, now())", row)
    return lambda: [one for (one,) in world.connection.execute("SELECT holder_id FROM passkeys ORDER BY 1")]


def test_they_are_removed_after_it_was_shown_and_the_holder_is_told(desk, site, world, record, passkeys):
    support = desk("support")
    assert f'href="{PATH}"' in support.get(f"/cards/{PLUS}").html
    form = support.get(PATH)
    shown = support.post(PATH, {"command_id": form.field("command_id"), "reason": "asked by phone", "step": "ask"})
    assert "2 passkeys of the holder h-lin removed, never used." in shown.text
    assert passkeys() == [HOLDER, HOLDER, OTHER]
    fields = {"command_id": shown.field("command_id"), "reason": "asked by phone", "step": "do"}
    assert support.post(PATH, fields).status == 422, "without the second factor"
    answers = [support.post(PATH, {**fields, "code": support.code}) for _ in range(2)]
    assert {one.to for one in answers} == {f"/cards/{PLUS}?done={fields['command_id']}"}
    assert "The passkeys are removed, and the holder is told." in support.get(answers[0].to).text
    assert passkeys() == [OTHER]
    assert done(record) == [("remove_passkeys", PLUS, None, "asked by phone", "done")]
    assert Client(site.address, site.holders[HOLDER]).get("/cards").status == 303, "the holder is signed out"
    events = world.connection.execute("SELECT what, ip_prefix FROM account_events ORDER BY at").fetchall()
    assert events[-1] == ("passkeys_removed", None)


def test_where_there_are_none_nothing_is_offered_and_nothing_done(desk, record, world):
    support = desk("support")
    assert PATH not in support.get(f"/cards/{PLUS}").html
    assert support.do(PATH, reason="asked by phone").status == 303
    assert done(record)[0][-1] == "done: it was so already"


def test_a_reason_is_asked_for_and_a_reader_may_not(desk, passkeys):
    assert "Fill this in." in desk("support").post(PATH, {"step": "ask"}).text
    assert desk("read").post(PATH, {"reason": "x", "step": "do"}).status == 403
    assert PATH not in desk("read").get(f"/cards/{PLUS}").html
