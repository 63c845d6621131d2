"""What is parked keeps its first reason until a person retries it."""

from uuid import UUID

import psycopg
import pytest

from adapters import parked as module
from adapters.parked import HEADER_KEPT, HEADERS_KEPT, MESSAGE_KEPT, Retried, drop_parked, list_parked, retry_parked
from projections.parked_cards import REASON_KEPT
from tests.adapters.parking import park

ONE, OTHER = UUID(int=1), UUID(int=2)


@pytest.fixture(autouse=True)
def _in_the_log(connection):
    """Both cards have a fact."""
    for card_id in (ONE, OTHER):
        connection.execute(
            "INSERT INTO card_events (originator_id, originator_version, topic, state) VALUES (%s, 1, 'x.v1', '{}')",
            (card_id,),
        )


def reasons(connection):
    return [(parked.card_id, parked.reason) for parked in list_parked(connection)]


def leases_over(connection):
    query = "SELECT card_id FROM due_sent WHERE lease_until <= clock_timestamp()"
    return {card_id for (card_id,) in connection.execute(query)}


def test_the_oldest_is_listed_first_with_message_and_reason(connection):
    park(connection, [(OTHER, b"second", "one reason")])
    park(connection, [(ONE, b"\xff", "another")])
    assert [(parked.card_id, parked.message, parked.reason) for parked in list_parked(connection)] == [
        (OTHER, b"second", "one reason"),
        (ONE, b"\xff", "another"),
    ]


def test_how_a_message_came_is_kept_without_what_must_not_be_and_within_bounds(connection):
    headers = {"Nats-Msg-Id": "4242 4242 4242 4242", "x" * 999: "y" * 999, "c": "\x1b[31m"}
    headers |= {f"h{number}": "" for number in range(99)}
    park(connection, [(ONE, b"", "a reason")], subject="baohao.due", headers=headers, tries=5)
    [parked] = list_parked(connection)
    assert (parked.subject, parked.tries, len(parked.headers)) == ("baohao.due", 5, HEADERS_KEPT)
    assert parked.headers["Nats-Msg-Id"].endswith("4242")
    assert "4242 4242" not in parked.headers["Nats-Msg-Id"]
    assert parked.headers["x" * HEADER_KEPT] == "y" * HEADER_KEPT
    assert parked.headers["c"] == "?[31m"


def test_a_card_is_parked_once_and_keeps_its_first_reason(connection):
    park(connection, [(ONE, b"", "the first")])
    park(connection, [(ONE, b"", "the second"), (OTHER, b"", "its own")])
    assert reasons(connection) == [(ONE, "the first"), (OTHER, "its own")]


def test_messages_that_name_no_card_are_all_kept(connection):
    park(connection, [(None, b"a", "malformed"), (None, b"b", "malformed")])
    assert [parked.message for parked in list_parked(connection)] == [b"a", b"b"]


def test_messages_that_name_no_card_of_the_log_are_kept_up_to_a_number(connection, monkeypatch):
    monkeypatch.setattr(module, "FOREIGN_KEPT", 3)
    park(connection, [(UUID(int=n), b"", f"unknown card {n}") for n in range(10, 20)])
    park(connection, [(None, b"", "malformed"), (ONE, b"", "its own")])
    assert reasons(connection) == [*((None, f"unknown card {n}") for n in (10, 11, 12)), (ONE, "its own")]


def test_of_a_long_message_and_a_long_reason_the_beginning_is_kept(connection):
    park(connection, [(ONE, bytes(100_000), "long " * 50_000)])
    [parked] = list_parked(connection)
    assert parked.message == bytes(MESSAGE_KEPT)
    assert len(parked.reason) == REASON_KEPT
    assert parked.reason.startswith("long long")


def test_what_is_no_text_in_a_reason_is_replaced(connection):
    park(connection, [(ONE, b"\x00", "found `\0`, \x1b[31m, \udcff and 保号")])
    assert reasons(connection) == [(ONE, "found `?`, ?[31m, ? and 保号")]


def test_of_card_numbers_and_tokens_only_the_end_is_kept(connection):
    park(connection, [(ONE, b'{"token": "tok-1"} 4242424242424242 \xff', "token='tok-1' of 4242 4242 4242 4242")])
    [parked] = list_parked(connection)
    assert parked.message == b'{"token": "\xe2\x80\xa6"} ************4242 \xff'
    assert parked.reason == 'token="…" of ***************4242'


def test_one_that_cannot_be_stored_keeps_no_other_from_it(connection):
    connection.execute("ALTER TABLE parked ADD CONSTRAINT refused CHECK (reason <> 'refused')")
    with pytest.raises(psycopg.IntegrityError):
        park(connection, [(None, b"", "first"), (ONE, b"", "refused"), (OTHER, b"", "last")])
    assert reasons(connection) == [(None, "first"), (OTHER, "last")]


def test_the_given_ones_are_retried_and_the_others_stay(connection):
    park(connection, [(ONE, b"", "a"), (OTHER, b"", "b"), (None, b"", "c")])
    first, _, third = [parked.parked_id for parked in list_parked(connection)]
    assert retry_parked(connection, [first, third, 999]) == Retried([first], [999], [third])
    assert reasons(connection) == [(OTHER, "b"), (None, "c")]


def test_all_cards_are_retried_when_none_is_given(connection):
    park(connection, [(ONE, b"", "a"), (None, b"", "b")])
    first, message = [parked.parked_id for parked in list_parked(connection)]
    assert retry_parked(connection, None) == Retried([first], [], [message])
    assert retry_parked(connection, None) == Retried([], [], [message])


def test_a_message_without_a_card_is_dropped_and_a_card_never(connection):
    park(connection, [(ONE, b"", "a"), (None, b"", "b")])
    first, message = [parked.parked_id for parked in list_parked(connection)]
    assert drop_parked(connection, [first, message, 999]) == [message]
    assert reasons(connection) == [(ONE, "a")]


def test_an_empty_list_retries_none(connection):
    park(connection, [(ONE, b"", "a")])
    assert retry_parked(connection, []) == Retried([], [], [])
    assert reasons(connection) == [(ONE, "a")]


def test_only_the_leases_of_retried_cards_end(connection):
    leases = "INSERT INTO due_sent VALUES (%s, 1, 1, clock_timestamp() + interval '1 hour')"
    for card_id in (ONE, OTHER):
        connection.execute(leases, (card_id,))
    park(connection, [(ONE, b"", "a"), (OTHER, b"", "b")])
    retry_parked(connection, [list_parked(connection)[0].parked_id])
    assert leases_over(connection) == {ONE}
