"""A batch is stored in order, up to the first message that is lost."""

import pytest

from adapters.broker.sending import NotStoredError, send
from adapters.broker.streams import ensure_events_stream
from adapters.settings import load_settings
from tests.adapters.stored import messages, stored, stored_ids


def test_nothing_is_stored_behind_a_hole(run, client):
    run(ensure_events_stream(client.jetstream(), load_settings()))
    first, lost, *others = messages("1", "2", "3", "4")
    lost = lost._replace(subject="no.stream.keeps.this")
    with pytest.raises(NotStoredError):
        run(send(client, [first, lost, *others], 0))
    assert run(stored_ids(client)) == ["1"]


def test_a_batch_is_refused_that_does_not_follow_what_is_stored(run, client):
    run(ensure_events_stream(client.jetstream(), load_settings()))
    run(send(client, messages("1", "2"), 0))
    with pytest.raises(NotStoredError):
        run(send(client, messages("3", "4"), 1))
    assert run(stored_ids(client)) == ["1", "2"]


def test_each_message_of_a_batch_arrives_with_its_headers(run, client):
    run(ensure_events_stream(client.jetstream(), load_settings()))
    given = [{"ce-type": f"a.b {number}", "X": "50%: b"} for number in range(4)]
    numbered = zip(messages("1", "2", "3", "4"), given, strict=True)
    run(send(client, [message._replace(headers=headers) for message, headers in numbered], 0))
    found = [message.headers for message in run(stored(client))]
    assert [{name: one[name] for name in headers} for one, headers in zip(found, given, strict=True)] == given
    assert [one["Nats-Msg-Id"] for one in found] == ["1", "2", "3", "4"]


@pytest.mark.parametrize("value", ["a\r\nNats-Rollup: all", "a\nb", "a\rb"])
def test_a_header_that_would_begin_another_one_is_never_sent(run, client, value):
    run(ensure_events_stream(client.jetstream(), load_settings()))
    first, second, third = messages("1", "2", "3")
    with pytest.raises(ValueError, match="a line break in the headers"):
        run(send(client, [first, second._replace(headers={"X": value}), third], 0))
    assert run(stored_ids(client)) == ["1"]


def test_without_a_stream_nothing_counts_as_stored(run, client):
    with pytest.raises(NotStoredError):
        run(send(client, messages("1"), 0))
