"""A holder whom our messages do not reach is told so, with what to do."""

import pytest

from tests.adapters.web.bounces import settled
from tests.adapters.web.pages.holders import EMAIL, HOLDER

PHONE = "+85255500111"


@pytest.mark.parametrize("path", ["/cards", "/account"])
def test_an_address_that_bounced_is_named_until_a_later_message_arrives(lin, other, world, path):
    assert "come back" not in lin.get(path).text
    settled(world.connection, EMAIL, "bounced", minutes_ago=2)
    page = lin.get(path)
    assert f"Our e-mails to {EMAIL} come back." in page.text
    assert 'href="/account/email">Change the e-mail address' in page.html
    assert "退回" not in other.get(path).text
    settled(world.connection, EMAIL, "accepted", minutes_ago=1)
    assert "come back" not in lin.get(path).text


def test_so_is_a_phone_number(lin, world):
    world.connection.execute("UPDATE accounts SET phone = %s WHERE holder_id = %s", (PHONE, HOLDER))
    settled(world.connection, PHONE, "bounced")
    page = lin.get("/cards")
    assert "Our SMS to +852 5550 0111 do not arrive." in page.text
    assert 'href="/account/phone">Change the phone number' in page.html


def test_who_corrects_the_address_is_reached(lin, world):
    settled(world.connection, EMAIL, "bounced")
    world.connection.execute("UPDATE accounts SET email = 'right@example.com' WHERE holder_id = %s", (HOLDER,))
    assert "come back" not in lin.get("/cards").text
