"""A card that comes to another holder: the one before is told of that, and what happened before stays theirs."""

import pytest

from engine.actor import actor
from engine.commands import ChangeHolder, Issued, RemovePaymentMethod, SwitchOffAutoRenew
from tests.adapters.notices.post import EMAIL, HOLDER, PHONE, WEB, parts

NEW = "holder-2"


@pytest.fixture
def moved(post):
    """A card that its holder has left, and another one taken over; both have accounts."""
    post.account()
    post.connection.execute(
        """
        INSERT INTO accounts (holder_id, email, email_confirmed, language, zone, created_at)
        VALUES (%s, 'new@example.org', true, 'en', 'Asia/Shanghai', now())
        """,
        (NEW,),
    )
    card_id = post.card()
    post.give(SwitchOffAutoRenew(command_id="off", card_id=card_id))
    post.give(RemovePaymentMethod(command_id="remove", card_id=card_id, method_id="visa"))
    change = ChangeHolder(command_id="change", card_id=card_id, holder_id=NEW)
    [reply] = post.engine.execute([Issued(change, actor("holder", NEW))], post.rules, post.now)
    assert len(reply) == 1
    return card_id


def test_the_holder_before_is_told_by_e_mail_and_sms(post, moved):
    post.tell()
    rows = post.rows("holder_changed")
    assert [(row["holder_id"], row["channel"], row["state"]) for row in rows] == [
        (HOLDER, "email", "accepted"),
        (HOLDER, "sms", "accepted"),
    ]
    letter = post.mailbox.letters[-1]
    assert letter["To"] == EMAIL
    text = parts(letter)[0]
    assert "was moved to another account" in text
    assert f"{WEB}/cards/" not in text  # the one before sees it no more
    assert post.receiver.forms[-1]["To"] == PHONE


def test_what_happened_before_goes_to_the_holder_before_also_when_it_is_sent_late(post, moved):
    post.tell()
    assert {row["holder_id"] for row in post.rows()} == {HOLDER}
    assert {letter["To"] for letter in post.mailbox.letters} == {EMAIL}
    assert {row["kind"] for row in post.rows()} == {"switched_off", "method_removed", "holder_changed"}


def test_what_happens_from_then_on_goes_to_the_new_holder(post, moved):
    post.follow()
    back = ChangeHolder(command_id="back", card_id=moved, holder_id=HOLDER)
    post.engine.execute([Issued(back, actor("operator", "cli"))], post.rules, post.now)
    post.follow()
    assert sorted(row["holder_id"] for row in post.rows("holder_changed")) == [HOLDER, HOLDER, NEW, NEW]
