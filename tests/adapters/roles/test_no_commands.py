"""What is no command is refused by both doors, with the reason, and leaves nothing in the log."""

import pytest

from adapters.broker.commands import COMMAND_MAX_BYTES
from tests.adapters.cards import card_id_of
from tests.adapters.roles.senders import answered, registration

BAD = {
    "an unknown command": ("make_tea", {"command_id": "1"}, "unknown_command", None),
    "an unknown field": ("register_card", registration(1, colour="red"), "malformed", "colour"),
    "an actor in the body": ("register_card", registration(1, actor="operator:boss"), "malformed", "actor"),
    "a missing field": ("close_card", {"card_id": str(card_id_of(1))}, "malformed", "command_id"),
    "a long id": ("register_card", registration(1, command_id="x" * 101), "malformed", "command_id"),
    "no JSON": ("register_card", b"\xff\x00", "malformed", None),
    "nothing": ("register_card", b"", "malformed", None),
    "a deep one": ("register_card", b"[" * 20_000, "malformed", None),
    "a NUL": ("register_card", registration(1, command_id="\x00"), "malformed", "command_id"),
    "a card number": ("register_card", registration(1, command_id="4242424242424242"), "malformed", "command_id"),
    "an address": ("register_card", registration(1, command_id="a@example.org"), "malformed", "command_id"),
    "an address as holder": ("register_card", registration(1, holder_id="a@example.org"), "malformed", "holder_id"),
}


@pytest.mark.parametrize(("name", "body", "code", "field"), BAD.values(), ids=BAD)
def test_what_is_no_command_is_refused_by_both_doors(executing, cards, name, body, code, field):
    async def scenario(broker):
        asked = await answered(broker, name, body)
        await broker.queue(name, body)
        return [asked, *await broker.settled()]

    answers = executing(scenario)
    assert len(answers) == 3  # the reply, and on the stream both
    for kind, answer in answers:
        assert (kind, answer["code"]) == ("command_refused", code)
        if field is not None:
            assert answer["field"] == field
        assert "4242424242424242" not in str(answer)
    assert cards.log() == []


def test_a_request_that_is_too_long_is_refused(executing):
    async def scenario(broker):
        return await answered(broker, "close_card", b" " * (COMMAND_MAX_BYTES + 1))

    assert executing(scenario)[1]["code"] == "malformed"


def test_an_unknown_sender_is_refused_and_leaves_nothing_on_the_stream(executing, cards):
    async def scenario(broker):
        asked = await answered(broker, "register_card", registration(1), "stranger")
        await broker.queue("register_card", registration(2), "stranger")
        return asked, await broker.settled()

    (kind, answer), on_stream = executing(scenario)
    assert (kind, answer["code"]) == ("command_refused", "unknown_sender")
    assert on_stream == []
    assert cards.log() == []
