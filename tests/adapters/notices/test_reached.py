"""An address is left alone after a bounce, or after its mailbox took none of five messages in a week."""

import pytest

from adapters.notices.reached import bounced
from tests.adapters.notices.post import EMAIL
from tests.adapters.web.bounces import settled

FULL, TEMPORARY = "mailbox_552", "given_up: mailbox_450"
DAY = 24 * 60


def test_a_mailbox_that_took_none_of_five_messages_is_left_alone_until_one_arrives(post):
    for number in range(4):
        settled(post.connection, EMAIL, "dropped", reason=TEMPORARY, minutes_ago=DAY + number)
    assert bounced(post.connection, [EMAIL]) == set()
    settled(post.connection, EMAIL, "dropped", reason=FULL, minutes_ago=60)
    assert bounced(post.connection, [EMAIL, "other@example.org"]) == {EMAIL}
    settled(post.connection, EMAIL, "accepted", minutes_ago=30)
    assert bounced(post.connection, [EMAIL]) == set()


@pytest.mark.parametrize(
    ("reason", "minutes_ago"),
    [(TEMPORARY, 8 * DAY), ("given_up: smtp_451", 0), ("given_up: SMTPConnectError", 0), ("smtp_554", 0)],
)
def test_what_is_long_ago_or_our_own_servers_trouble_says_nothing_of_an_address(post, reason, minutes_ago):
    for _ in range(9):
        settled(post.connection, EMAIL, "dropped", reason=reason, minutes_ago=minutes_ago)
    assert bounced(post.connection, [EMAIL]) == set()
