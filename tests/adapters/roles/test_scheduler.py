"""The scheduler sends each due card once per version and lease, the oldest first, and no more than may be under way."""

import json
from datetime import timedelta

import pytest

from adapters.broker.due import DUE_STREAM
from adapters.broker.sending import NotStoredError
from adapters.broker.streams import ensure_due_stream
from adapters.parked import retry_parked
from adapters.roles import scheduler
from adapters.roles.scheduler import schedule
from adapters.settings import load_settings
from tests.adapters.cards import FAR, card_id_of
from tests.adapters.stored import stored, stored_ids

LONG, OVER = timedelta(hours=1), timedelta(0)
"""Leases: one that outlives the test, one that is over at once."""


@pytest.fixture
def look(run, cards, connection, client):
    """One look of the scheduler at the time `now`; answers how many messages it sent."""
    run(ensure_due_stream(client.jetstream(), load_settings()))

    def one_look(now=FAR, limit=100, lease_time=LONG):
        cards.project()
        return run(schedule(connection, client, now, limit, lease_time))

    return one_look


@pytest.fixture
def queue(run, client):
    """Ids of the messages in the queue, oldest first."""
    return lambda: run(stored_ids(client, DUE_STREAM))


def message_id(number, version=3, lease=1):
    return f"{card_id_of(number)}.{version}.{lease}"


def test_a_card_is_sent_when_it_is_due_and_not_before(cards, look, queue):
    cards.register(1)
    [due] = [fact.wake_at for fact in cards.log() if fact.version == 3]
    assert look(now=due - timedelta(seconds=1)) == 0
    assert look(now=due) == 1
    assert queue() == [message_id(1)]


def test_a_message_names_the_card_and_nothing_else(run, cards, client, look):
    cards.register(1)
    look()
    [message] = run(stored(client, DUE_STREAM))
    assert json.loads(message.data) == {"card_id": str(card_id_of(1))}


def test_a_card_under_way_is_not_sent_again(cards, look, queue):
    cards.register(1, 2)
    assert (look(), look()) == (2, 0)
    assert len(queue()) == 2


def test_a_message_believed_lost_is_sent_again_under_another_id(cards, look, queue):
    cards.register(1)
    look(lease_time=OVER)
    look(lease_time=OVER)
    look(lease_time=LONG)
    assert look() == 0
    assert queue() == [message_id(1, lease=lease) for lease in (1, 2, 3)]


def test_a_card_that_changed_is_sent_anew_at_once(cards, look, queue):
    [card_id] = cards.register(1)
    look()
    cards.bind(card_id, "pm-2")
    assert look() == 1
    assert queue() == [message_id(1), message_id(1, version=4)]


def test_a_look_that_was_not_marked_is_repeated_under_the_same_ids(run, cards, connection, look, queue):
    cards.register(1, 2)
    look()
    connection.execute("TRUNCATE due_sent")  # as if the scheduler had died before it marked them
    assert look() == 2
    assert queue() == [message_id(1), message_id(2)]


def test_nothing_is_marked_that_the_broker_did_not_take(run, cards, connection, client, look, queue):
    cards.register(1)
    run(client.jetstream().delete_stream(DUE_STREAM))
    with pytest.raises(NotStoredError):
        look()
    run(ensure_due_stream(client.jetstream(), load_settings()))
    assert look() == 1
    assert queue() == [message_id(1)]


def test_a_parked_card_is_sent_only_when_it_may_try_again(cards, connection, look, queue):
    parked, _ = cards.register(1, 2)
    cards.park([(parked, b"", "a reason")])
    look()
    assert queue() == [message_id(2)]
    retry_parked(connection, None)
    look()
    assert queue() == [message_id(2), message_id(1)]


def test_a_card_parked_while_under_way_is_sent_as_soon_as_it_may_try_again(cards, connection, look, queue):
    [card_id] = cards.register(1)
    look()
    cards.park([(card_id, b"", "a reason")])
    assert look(lease_time=OVER) == 0
    retry_parked(connection, None)
    assert look() == 1
    assert queue() == [message_id(1), message_id(1, lease=2)]


def test_the_cards_due_longest_are_sent_first(cards, look, queue):
    cards.register(3, 1, 2)
    assert look(limit=2) == 2
    assert look(limit=2) == 1
    assert queue() == [message_id(1), message_id(2), message_id(3)]


def test_no_more_than_a_window_of_the_oldest_is_under_way(cards, connection, look, queue, monkeypatch):
    monkeypatch.setattr(scheduler, "WINDOW", 2)
    for plan in ("indexscan", "bitmapscan"):  # which would give the order by chance
        connection.execute(f"SET enable_{plan} = off")
    cards.register(3, 1, 2)
    assert (look(), look()) == (2, 0)
    assert queue() == [message_id(1), message_id(2)]
    connection.execute("DELETE FROM due WHERE card_id = %s", (card_id_of(1),))  # it has been seen to
    assert look() == 1
    assert queue()[-1] == message_id(3)
