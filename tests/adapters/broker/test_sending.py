"""A batch is stored in order, up to the first message that is lost."""

import pytest

from adapters.broker.sending import NotStoredError, send
from adapters.broker.streams import ensure_events_stream
from adapters.settings import load_settings
from tests.adapters.stored import messages, stored_ids


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


def test_without_a_stream_nothing_counts_as_stored(run, client):
    with pytest.raises(NotStoredError):
        run(send(client, messages("1"), 0))
