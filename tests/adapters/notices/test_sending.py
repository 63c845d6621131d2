"""Notices go out once for each cause, only while they are true, and at hours at which they are welcome."""

from datetime import timedelta


def test_a_renewal_is_told_once(post):
    post.account()
    card_id = post.card()
    post.wake(card_id)
    post.tell()
    post.tell()
    assert post.mailbox.subjects() == ["Renewed to 1\N{NO-BREAK SPACE}May 2026: card +1 212 555 0142"]
    assert post.states() == [("email", "accepted", None)]
