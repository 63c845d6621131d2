"""The publisher's position can be looked at, and set back so that events are told again."""

from datetime import timedelta

import pytest

from adapters.broker.sending import NotStoredError
from adapters.roles.rewinding import rewind_to, told
from engine.errors import BaohaoError
from engine.store.log import head
from tests.adapters.stored import publish_all, stored, stored_ids


def test_before_there_is_a_stream_nothing_is_told(run, cards, connection, client):
    cards.register(1)
    found = run(told(connection, client))
    assert (found.published_upto, found.head, found.behind, found.epoch) == (0, 3, 3, 1)
    assert (found.messages, found.bytes, found.last_sequence, found.oldest_at) == (None, None, None, None)


def test_how_far_events_are_told_and_what_the_stream_keeps(run, cards, connection, client):
    cards.register(1)
    run(publish_all(connection, client))
    cards.register(2)
    found = run(told(connection, client))
    assert (found.published_upto, found.head, found.behind) == (3, 6, 3)
    assert (found.messages, found.last_sequence) == (3, 3)
    assert found.oldest_at == run(stored(client))[0].time


def test_after_a_rewind_events_are_told_again_under_their_ids(run, cards, connection, client, eventually, monkeypatch):
    monkeypatch.setattr("adapters.broker.streams.DUPLICATE_WINDOW", timedelta(milliseconds=100))
    cards.register(1, 2)
    run(publish_all(connection, client))
    ids = cards.public_ids()
    assert rewind_to(connection, 4) == head(connection) == 6

    def told_again():
        try:
            return run(publish_all(connection, client))
        except NotStoredError:  # also where the broker has forgotten the one id, but not yet the other
            return 0

    eventually(told_again)
    assert run(stored_ids(client)) == [*ids, *ids[4:]]


@pytest.mark.parametrize("position", [4, 10**15])
def test_what_is_not_told_yet_cannot_be_told_again(run, cards, connection, client, position):
    cards.register(1)
    run(publish_all(connection, client))
    with pytest.raises(BaohaoError, match=f"up to position 3 only, so nothing after {position} can be told again"):
        rewind_to(connection, position)
    assert run(publish_all(connection, client)) == 0
