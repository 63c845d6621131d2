"""What the consumer cannot handle is parked with its reason or redelivered; other messages are not affected."""

import pytest

from adapters.gateways.simulated import totals
from adapters.parked import list_parked
from tests.adapters.cards import PRICE, RENEWED, card_id_of
from tests.adapters.parking import park


def reasons(connection):
    return [(parked.card_id, parked.reason) for parked in list_parked(connection)]


def spoil(connection, card_id):
    """Store a fact that this program does not know."""
    statement = "INSERT INTO card_events (originator_id, originator_version, topic, state) VALUES (%s, 4, 'odd.v9', '')"
    connection.execute(statement, (card_id,))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "Invalid JSON"),
        (b"\xff\x00", "Invalid JSON"),
        (b"[]", "should be an object"),
        (b"{}", "Field required"),
        (b'{"card_id": "none"}', "valid UUID"),
        (b'{"card_id":"\\u0000"}', "valid UUID"),
        (b'{"card_id": "%s", "charge": true}' % str(card_id_of(1)).encode(), "Extra inputs"),
    ],
    ids=["empty", "binary", "list", "no_card", "no_id", "nul", "more_than_agreed"],
)
def test_a_malformed_message_is_parked_with_its_reason_and_blocks_no_other(cards, connection, queue, body, reason):
    [card_id] = cards.register(2)
    queue.handle(body, card_id)
    [parked] = list_parked(connection)
    assert (parked.card_id, parked.message) == (None, body)
    assert (parked.subject, parked.tries) == ("baohao.due", 1)
    assert parked.reason.startswith("malformed message: ")
    assert reason in parked.reason
    assert cards.names(card_id)[3:] == RENEWED
    assert queue.is_emptied()


def test_all_malformed_messages_of_a_batch_are_parked(cards, connection, queue):
    [card_id] = cards.register(1)
    bodies = [b'{"card_id":"\\u0000"}', b"{}", b"[]", b'{"card_id":"\\u0000"}']
    queue.handle(*bodies, card_id)
    assert [parked.message for parked in list_parked(connection)] == bodies
    assert cards.names(card_id)[3:] == RENEWED
    assert queue.is_emptied()


def test_a_message_about_an_unknown_card_is_parked_and_blocks_no_other(cards, connection, queue):
    [card_id] = cards.register(1)
    unknown = card_id_of(99)
    queue.handle(unknown, card_id)
    assert reasons(connection) == [(None, f"BaohaoError: there is no card {unknown}")]
    assert cards.names(card_id)[3:] == RENEWED
    assert queue.is_emptied()


def test_a_card_that_cannot_be_read_is_parked_and_the_others_are_charged(cards, connection, queue):
    first, spoiled, last = cards.register(1, 2, 3)
    spoil(connection, spoiled)
    queue.handle(first, spoiled, last)
    [(card_id, reason)] = reasons(connection)
    assert card_id == spoiled
    assert "no fact is called 'odd.v9'" in reason
    assert cards.names(first)[3:] == cards.names(last)[3:] == RENEWED
    assert cards.names(spoiled)[3:] == ["odd"]
    assert queue.is_emptied()


def test_a_card_whose_request_is_invalid_is_parked_and_the_others_are_charged(cards, connection, record, queue):
    [good] = cards.register(1)
    [wrong] = cards.register(2, token="no-such-token-{}")
    queue.handle(good, wrong)
    assert reasons(connection) == [(wrong, "no such payment method: no-such-token-2")]
    assert cards.names(wrong)[3:] == RENEWED[:2], "a person has to find out its outcome"
    assert cards.names(good)[3:] == RENEWED
    assert totals(record) == {"EUR": PRICE}
    assert queue.is_emptied()


def test_a_parked_card_is_parked_once_and_keeps_its_first_reason(cards, connection, queue):
    [card_id] = cards.register(1)
    spoil(connection, card_id)
    park(cards.connection, [(card_id, b"", "the first reason")])
    queue.handle(card_id)
    assert reasons(connection) == [(card_id, "the first reason")]


def test_when_the_database_fails_the_batch_is_redelivered(cards, connection, queue):
    due = cards.register(1, 2)
    connection.execute("ALTER TABLE card_events RENAME TO away")
    queue.handle(*due)
    connection.execute("ALTER TABLE away RENAME TO card_events")
    assert queue.length() == 2
    assert not list_parked(connection)
    again = queue.messages(2)
    assert [message.metadata.num_delivered for message in again] == [2, 2]
    queue.take(again)
    for card_id in due:
        assert cards.names(card_id)[3:] == RENEWED
    assert queue.is_emptied()


def test_when_parking_fails_the_batch_is_redelivered(connection, queue):
    connection.execute("ALTER TABLE parked RENAME TO away")
    queue.handle(b"malformed")
    connection.execute("ALTER TABLE away RENAME TO parked")
    queue.take(queue.messages(1))
    assert [parked.message for parked in list_parked(connection)] == [b"malformed"]
    assert queue.is_emptied()
