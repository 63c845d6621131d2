"""The publisher publishes every public fact in order and once, whatever the broker loses and whichever process dies."""

import asyncio
import json
import shutil
import tempfile
from pathlib import Path

import nats
import psycopg
import pytest

from adapters import embedded
from adapters.broker.contract import message_of
from adapters.broker.events import EVENTS_STREAM
from adapters.broker.sending import NotStoredError, send
from adapters.broker.streams import ensure_events_stream
from adapters.roles.publisher import PUBLISHER, publish, resume
from adapters.settings import load_settings
from engine.commands import OrderPaymentMethods
from engine.store.log import head
from projections.follow import lock_position, positions, save_position
from tests.adapters.stored import CELL, LIMIT, public_messages, publish_all, stored, stored_ids


class BreaksBeforeCommit(psycopg.Connection):
    """A database connection that is lost after sending and before the commit."""

    def commit(self):
        self.close()
        super().commit()


def test_every_public_fact_becomes_one_message_in_order(run, cards, connection, client):
    cards.register(1, 2, 3)
    assert run(publish_all(connection, client)) == len(cards.public_ids()) == 9
    assert run(stored_ids(client)) == cards.public_ids()


def test_a_message_says_what_happened_to_which_card_and_when(run, cards, connection, client):
    [card_id] = cards.register(1)
    run(publish_all(connection, client))
    enabled = run(stored(client))[-1]
    fact = cards.log()[-1]
    assert enabled.subject == f"baohao.v1.card.{card_id}.auto_renew_enabled"
    assert {name: value for name, value in enabled.headers.items() if name.startswith("ce-")} == {
        "ce-specversion": "1.0",
        "ce-id": str(fact.event_id),
        "ce-source": "/baohao/main",
        "ce-type": "baohao.auto_renew_enabled.v1",
        "ce-subject": str(card_id),
        "ce-time": "2027-01-01T00:00:00Z",
        "ce-datacontenttype": "application/json",
        "ce-epoch": "1",
        "ce-position": str(fact.position),
        "ce-cardversion": "3",
        "ce-actorkind": "operator",
        "ce-correlationid": "enable-1",
    }
    price = {"minor": 270, "currency": "EUR"}
    assert json.loads(enabled.data) == {"months": 1, "price": price, "reactivation_fee": None}


def test_internal_facts_are_skipped_and_not_read_again(run, cards, connection, client):
    [card_id] = cards.register(1)
    order = {"method_ids": ("pm-1",), "balance_first": True}
    cards.give(OrderPaymentMethods(command_id="order", card_id=card_id, **order))
    assert message_of(cards.log()[-1].fact) is None
    run(publish_all(connection, client))
    assert positions(connection)[PUBLISHER] == head(connection)
    assert run(resume(connection, client, load_settings())).position == head(connection)


def test_a_partly_stored_batch_is_completed(run, cards, connection, client):
    cards.register(1, 2)
    run(ensure_events_stream(client.jetstream(), load_settings()))
    run(send(client, public_messages(cards)[:2], 0))
    assert run(publish_all(connection, client)) == len(cards.public_ids()) - 2
    assert run(stored_ids(client)) == cards.public_ids()


def test_a_publisher_that_dies_between_sending_and_committing_stores_nothing_twice(
    run, cards, connection, client, database_url
):
    cards.register(1)
    run(resume(connection, client, load_settings()))
    with BreaksBeforeCommit.connect(database_url, autocommit=True) as dying, pytest.raises(psycopg.OperationalError):
        run(publish(dying, client, CELL.name, 0, LIMIT))
    assert run(stored_ids(client)) == cards.public_ids()
    assert positions(connection)[PUBLISHER] == 0
    assert run(publish_all(connection, client)) == 0
    assert run(stored_ids(client)) == cards.public_ids()


def test_a_publisher_waits_while_another_one_sends_and_continues_after_it(
    run, cards, connection, client, database_url, eventually
):
    cards.register(1)
    published = public_messages(cards)[:2]
    waits = "SELECT FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"

    async def scenario(other):
        other.execute("BEGIN")
        lock_position(other, PUBLISHER)
        waiting = asyncio.create_task(publish(connection, client, CELL.name, len(published), LIMIT))
        with psycopg.connect(database_url, autocommit=True) as watcher:
            pid = connection.info.backend_pid
            await asyncio.to_thread(eventually, lambda: watcher.execute(waits, (pid,)).rowcount)
        await send(client, published, 0)
        save_position(other, PUBLISHER, int(published[1].headers["ce-position"]))
        other.commit()
        return await waiting

    run(resume(connection, client, load_settings()))
    with psycopg.connect(database_url, autocommit=True) as other:
        assert run(scenario(other)).messages == 1
    assert run(stored_ids(client)) == cards.public_ids()


def test_two_concurrent_publishers_publish_everything_in_order_and_once(run, cards, connection, client, database_url):
    cards.register(*range(1, 9))

    async def one(own_connection):
        last, ahead = 0, None
        while positions(own_connection).get(PUBLISHER, 0) < head(own_connection):
            try:
                _, last, _, ahead = await publish(own_connection, client, CELL.name, last, LIMIT, ahead)
            except NotStoredError:
                last = (await resume(own_connection, client, load_settings())).last_sequence

    async def both(other):
        await resume(connection, client, load_settings())
        await asyncio.gather(one(connection), one(other))

    with psycopg.connect(database_url, autocommit=True) as other:
        run(both(other))
    assert run(stored_ids(client)) == cards.public_ids()


def test_what_was_read_ahead_is_not_told_where_another_one_has_gone_on(run, cards, connection, client):
    cards.register(1, 2, 3)
    run(resume(connection, client, load_settings()))
    first = run(publish(connection, client, CELL.name, 0, LIMIT))
    assert first.ahead.after == LIMIT
    second = run(publish(connection, client, CELL.name, first.last_sequence, 1))
    assert run(publish(connection, client, CELL.name, second.last_sequence, LIMIT, first.ahead)).messages == LIMIT
    assert run(stored_ids(client)) == cards.public_ids()


def test_a_new_stream_is_filled_from_the_start_of_the_log(run, cards, connection, client):
    cards.register(1, 2)
    run(publish_all(connection, client))
    run(client.jetstream().delete_stream(EVENTS_STREAM))
    cards.register(3)
    run(publish_all(connection, client))
    assert run(stored_ids(client)) == cards.public_ids()


def test_a_stream_emptied_by_retention_has_lost_nothing(run, cards, connection, client):
    cards.register(1, 2)
    run(publish_all(connection, client))
    run(client.jetstream().purge_stream(EVENTS_STREAM))  # leaves what retention leaves: no message, the same sequence
    assert run(resume(connection, client, load_settings())) == (head(connection), len(cards.public_ids()))
    assert run(publish_all(connection, client)) == 0
    published = len(cards.public_ids())
    cards.register(3)
    run(publish_all(connection, client))
    assert run(stored_ids(client)) == cards.public_ids()[published:]


def test_after_a_lost_commit_a_stream_emptied_at_once_gets_that_step_when_the_broker_has_forgotten_it(
    run, cards, connection, client, database_url
):
    cards.register(1)
    run(publish_all(connection, client))
    cards.register(2)
    with BreaksBeforeCommit.connect(database_url, autocommit=True) as dying, pytest.raises(psycopg.OperationalError):
        run(publish(dying, client, CELL.name, 3, LIMIT))
    run(client.jetstream().purge_stream(EVENTS_STREAM))
    with pytest.raises(NotStoredError, match="duplicate of an earlier one; it forgets those after two minutes"):
        run(publish_all(connection, client))
    assert positions(connection)[PUBLISHER] == int(public_messages(cards)[2].headers["ce-position"])


def test_messages_removed_by_hand_stay_removed_and_stop_nothing(run, cards, connection, client):
    cards.register(1, 2)
    run(publish_all(connection, client))
    run(client.jetstream().delete_msg(EVENTS_STREAM, len(cards.public_ids())))
    assert run(publish_all(connection, client)) == 0
    cards.register(3)
    run(publish_all(connection, client))
    kept = cards.public_ids()
    del kept[5]
    assert run(stored_ids(client)) == kept


@pytest.fixture
def own_home():
    """The home of a broker of its own."""
    folder = Path(tempfile.mkdtemp(prefix="baohao-test-"))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("kept", [0, 1], ids=["everything", "the_last_messages"])
def test_what_the_broker_lost_in_a_crash_is_sent_again(run, cards, connection, own_home, kept):
    async def publish_to(url):
        client = await nats.connect(url)
        try:
            return await publish_all(connection, client), await stored_ids(client)
        finally:
            await client.close()

    with embedded.nats(own_home) as url:
        cards.register(*range(kept))
        run(publish_to(url))
    shutil.copytree(own_home / "nats", own_home / "as of now")
    with embedded.nats(own_home) as url:
        cards.register(5, 6)
        _, ids = run(publish_to(url))
        assert ids == cards.public_ids()
    shutil.rmtree(own_home / "nats")
    (own_home / "as of now").rename(own_home / "nats")
    with embedded.nats(own_home) as url:
        sent, ids = run(publish_to(url))
    assert sent == 6
    assert ids == cards.public_ids()
