"""The scheduler sends each due card once per version and lease, the oldest first, within its window."""

import asyncio
import json
from datetime import timedelta

import pytest

from adapters.broker.due import DUE_STREAM, DUE_SUBJECT
from adapters.broker.sending import NotStoredError
from adapters.broker.streams import CHARGING, ensure_due_stream
from adapters.parked import retry_parked
from adapters.roles import scheduler
from adapters.roles.scheduler import schedule, somebody_consumes
from adapters.settings import load_settings
from tests.adapters.cards import FAR, card_id_of
from tests.adapters.parking import park
from tests.adapters.stored import stored, stored_ids

LONG, OVER = timedelta(hours=1), timedelta(0)
"""Leases: one that outlives the test, one that ends at once."""


@pytest.fixture
def run_pass(run, cards, connection, client):
    """One pass of the scheduler at `now`; returns how many messages it sent."""
    run(ensure_due_stream(client.jetstream(), load_settings()))

    def one_pass(now=FAR, limit=100, lease_time=LONG, *, again=True):
        cards.project()
        return run(schedule(connection, client, now, limit, lease_time, again=again))

    return one_pass


@pytest.fixture
def queue(run, client):
    """Ids of the messages in the queue, oldest first."""
    return lambda: run(stored_ids(client, DUE_STREAM))


def message_id(number, version=3, lease=1):
    return f"{card_id_of(number)}.{version}.{lease}"


def test_a_card_is_sent_when_it_is_due_and_not_before(cards, run_pass, queue):
    cards.register(1)
    [due] = [fact.wake_at for fact in cards.log() if fact.version == 3]
    assert run_pass(now=due - timedelta(seconds=1)) == 0
    assert run_pass(now=due) == 1
    assert queue() == [message_id(1)]


def test_a_message_holds_only_the_card_id(run, cards, client, run_pass):
    cards.register(1)
    run_pass()
    [message] = run(stored(client, DUE_STREAM))
    assert json.loads(message.data) == {"card_id": str(card_id_of(1))}


def test_a_card_in_flight_is_not_sent_again(cards, run_pass, queue):
    cards.register(1, 2)
    assert (run_pass(), run_pass()) == (2, 0)
    assert len(queue()) == 2


def test_a_lost_message_is_sent_again_with_another_id(cards, run_pass, queue):
    cards.register(1)
    run_pass(lease_time=OVER)
    run_pass(lease_time=OVER)
    run_pass(lease_time=LONG)
    assert run_pass() == 0
    assert queue() == [message_id(1, lease=lease) for lease in (1, 2, 3)]


def test_without_a_consumer_a_card_is_sent_once_per_version_and_new_ones_still_are(cards, run_pass, queue):
    [card_id] = cards.register(1)
    assert run_pass(lease_time=OVER, again=False) == 1
    assert run_pass(lease_time=OVER, again=False) == 0
    cards.bind(card_id, "pm-2")
    cards.register(2)
    assert run_pass(lease_time=OVER, again=False) == 2
    assert queue() == [message_id(1), message_id(1, version=4), message_id(2)]


def test_somebody_consumes_who_waits_for_messages_or_handles_some(run, client, eventually):
    jetstream = client.jetstream()
    run(ensure_due_stream(jetstream, load_settings()))
    assert run(somebody_consumes(client)) is False
    subscription = run(jetstream.pull_subscribe(DUE_SUBJECT, CHARGING, DUE_STREAM))

    async def begin():
        return asyncio.create_task(subscription.fetch(1, timeout=60))

    fetch = run(begin())
    eventually(lambda: run(somebody_consumes(client)))
    run(jetstream.publish(DUE_SUBJECT, b"{}"))
    [message] = run(asyncio.wait_for(fetch, 60))
    assert run(somebody_consumes(client)) is True, "it is not acknowledged"
    run(message.ack_sync())
    assert run(somebody_consumes(client)) is False


def test_a_changed_card_is_sent_again_at_once(cards, run_pass, queue):
    [card_id] = cards.register(1)
    run_pass()
    cards.bind(card_id, "pm-2")
    assert run_pass() == 1
    assert queue() == [message_id(1), message_id(1, version=4)]


def test_an_unmarked_pass_is_repeated_with_the_same_ids(run, cards, connection, run_pass, queue):
    cards.register(1, 2)
    run_pass()
    connection.execute("TRUNCATE due_sent")  # as if the scheduler had died before it marked them
    assert run_pass() == 2
    assert queue() == [message_id(1), message_id(2)]


def test_nothing_is_marked_that_the_broker_did_not_store(run, cards, connection, client, run_pass, queue):
    cards.register(1)
    run(client.jetstream().delete_stream(DUE_STREAM))
    with pytest.raises(NotStoredError):
        run_pass()
    run(ensure_due_stream(client.jetstream(), load_settings()))
    assert run_pass() == 1
    assert queue() == [message_id(1)]


def test_a_parked_card_is_sent_only_when_it_is_retried(cards, connection, run_pass, queue):
    parked, _ = cards.register(1, 2)
    park(cards.connection, [(parked, b"", "a reason")])
    run_pass()
    assert queue() == [message_id(2)]
    retry_parked(connection, None)
    run_pass()
    assert queue() == [message_id(2), message_id(1)]


def test_a_card_parked_while_in_flight_is_sent_as_soon_as_it_is_retried(cards, connection, run_pass, queue):
    [card_id] = cards.register(1)
    run_pass()
    park(cards.connection, [(card_id, b"", "a reason")])
    assert run_pass(lease_time=OVER) == 0
    retry_parked(connection, None)
    assert run_pass() == 1
    assert queue() == [message_id(1), message_id(1, lease=2)]


def test_the_oldest_due_cards_are_sent_first(cards, run_pass, queue):
    cards.register(3, 1, 2)
    assert run_pass(limit=2) == 2
    assert run_pass(limit=2) == 1
    assert queue() == [message_id(1), message_id(2), message_id(3)]


def test_no_more_than_a_window_of_the_oldest_is_in_flight(cards, connection, run_pass, queue, monkeypatch):
    monkeypatch.setattr(scheduler, "WINDOW", 2)
    for plan in ("indexscan", "bitmapscan"):  # whose order could be right by accident
        connection.execute(f"SET enable_{plan} = off")
    cards.register(3, 1, 2)
    assert (run_pass(), run_pass()) == (2, 0)
    assert queue() == [message_id(1), message_id(2)]
    connection.execute("DELETE FROM due WHERE card_id = %s", (card_id_of(1),))  # it was handled
    assert run_pass() == 1
    assert queue()[-1] == message_id(3)
