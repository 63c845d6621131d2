"""The publisher tells every public fact in order and once, whatever the broker forgets and whoever dies."""

import asyncio
import json
import shutil
import tempfile
from pathlib import Path

import nats
import psycopg
import pytest

from adapters import embedded
from adapters.broker.contract import EVENTS_STREAM, EVENTS_SUBJECT, public_event
from adapters.broker.publisher import PUBLISHER, publish, resume
from adapters.broker.sending import Message, NotStoredError, send
from adapters.broker.streams import ensure_events_stream
from engine.store.log import head
from projections.follow import positions, put_position, take_position
from tests.adapters.broker.stored import stored, stored_ids

LIMIT = 4
"""Facts per step, so that a few cards need several."""


async def publish_all(connection, client):
    """What the role does until nothing is left; answers how many messages were sent."""
    last_id, sent = (await resume(connection, client)).last_id, 0
    while True:
        step = await publish(connection, client, last_id, LIMIT)
        last_id, sent = step.last_id, sent + step.messages
        if not step.more:
            return sent


def messages(*message_ids):
    return [Message(f"{EVENTS_SUBJECT}.test", message_id, b"{}") for message_id in message_ids]


class BreaksBeforeCommit(psycopg.Connection):
    """A connection to the database that is lost when the publisher has sent but not yet committed."""

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
    assert enabled.subject == "baohao.events.auto_renew_enabled.v1"
    assert json.loads(enabled.data) == {
        "event_id": str(fact.event_id),
        "position": fact.position,
        "type": "auto_renew_enabled.v1",
        "card_id": str(card_id),
        "card_version": 3,
        "at": "2027-01-01T00:00:00Z",
        "data": {"months": 1, "price": {"minor": 270, "currency": "EUR"}},
    }


def test_facts_that_are_our_own_affair_are_passed_over_and_not_read_again(run, cards, connection, client):
    [card_id] = cards.register(1)
    cards.engine.wake({card_id: "test"}, cards.policy_and_catalogue, cards.log()[-1].wake_at)
    assert public_event(cards.log()[-1]) is None
    run(publish_all(connection, client))
    assert positions(connection)[PUBLISHER] == head(connection)
    assert run(resume(connection, client)).position == head(connection)


def test_nothing_is_stored_behind_a_hole(run, client):
    run(ensure_events_stream(client.jetstream(), 1))
    first, lost, *others = messages("1", "2", "3", "4")
    lost = lost._replace(subject="no.stream.keeps.this")
    with pytest.raises(NotStoredError):
        run(send(client, [first, lost, *others], None, chained=True))
    assert run(stored_ids(client)) == ["1"]


def test_a_batch_is_refused_that_does_not_follow_what_is_stored(run, client):
    run(ensure_events_stream(client.jetstream(), 1))
    run(send(client, messages("1", "2"), None, chained=True))
    with pytest.raises(NotStoredError):
        run(send(client, messages("3", "4"), "1", chained=True))
    assert run(stored_ids(client)) == ["1", "2"]


def test_without_a_stream_nothing_counts_as_stored(run, client):
    with pytest.raises(NotStoredError):
        run(send(client, messages("1"), None, chained=True))


def test_a_batch_of_which_only_the_beginning_arrived_is_completed(run, cards, connection, client):
    cards.register(1, 2)
    run(ensure_events_stream(client.jetstream(), 1))
    run(send(client, messages(*cards.public_ids()[:2]), None, chained=True))
    assert run(publish_all(connection, client)) == len(cards.public_ids()) - 2
    assert run(stored_ids(client)) == cards.public_ids()


def test_a_publisher_that_died_between_sending_and_committing_sent_nothing_twice(
    run, cards, connection, client, database_url
):
    cards.register(1)
    run(resume(connection, client))
    with BreaksBeforeCommit.connect(database_url, autocommit=True) as dying, pytest.raises(psycopg.OperationalError):
        run(publish(dying, client, None, LIMIT))
    assert run(stored_ids(client)) == cards.public_ids()
    assert positions(connection)[PUBLISHER] == 0
    assert run(publish_all(connection, client)) == 0
    assert run(stored_ids(client)) == cards.public_ids()


def test_a_publisher_waits_while_its_twin_is_sending_and_goes_on_behind_it(
    run, cards, connection, client, database_url, eventually
):
    cards.register(1)
    told = cards.public_ids()[:2]
    waits = "SELECT FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"

    async def scenario(twin):
        twin.execute("BEGIN")
        take_position(twin, PUBLISHER)
        other = asyncio.create_task(publish(connection, client, told[-1], LIMIT))
        with psycopg.connect(database_url, autocommit=True) as watcher:
            pid = connection.info.backend_pid
            await asyncio.to_thread(eventually, lambda: watcher.execute(waits, (pid,)).rowcount)
        await send(client, messages(*told), None, chained=True)
        put_position(twin, PUBLISHER, int(told[-1]))
        twin.commit()
        return await other

    run(resume(connection, client))
    with psycopg.connect(database_url, autocommit=True) as twin:
        assert run(scenario(twin)).messages == 1
    assert run(stored_ids(client)) == cards.public_ids()


def test_two_publishers_at_once_tell_everything_in_order_and_once(run, cards, connection, client, database_url):
    cards.register(*range(1, 9))

    async def one(own_connection):
        last_id = None
        while positions(own_connection).get(PUBLISHER, 0) < head(own_connection):
            try:
                last_id = (await publish(own_connection, client, last_id, LIMIT)).last_id
            except NotStoredError:
                last_id = (await resume(own_connection, client)).last_id

    async def both(twin):
        await resume(connection, client)
        await asyncio.gather(one(connection), one(twin))

    with psycopg.connect(database_url, autocommit=True) as twin:
        run(both(twin))
    assert run(stored_ids(client)) == cards.public_ids()


def test_a_new_stream_is_filled_from_the_start_of_the_log(run, cards, connection, client):
    cards.register(1, 2)
    run(publish_all(connection, client))
    run(client.jetstream().delete_stream(EVENTS_STREAM))
    cards.register(3)
    run(publish_all(connection, client))
    assert run(stored_ids(client)) == cards.public_ids()


def test_a_window_that_retention_emptied_is_no_loss(run, cards, connection, client):
    cards.register(1, 2)
    run(publish_all(connection, client))
    run(client.jetstream().purge_stream(EVENTS_STREAM))  # leaves what retention leaves: no message, the same sequence
    assert run(resume(connection, client)) == (head(connection), None)
    assert run(publish_all(connection, client)) == 0
    told = len(cards.public_ids())
    cards.register(3)
    run(publish_all(connection, client))
    assert run(stored_ids(client)) == cards.public_ids()[told:]


def test_a_window_that_retention_emptied_after_a_publisher_died_costs_one_step_and_no_more(
    run, cards, connection, client, database_url
):
    cards.register(1)
    run(publish_all(connection, client))
    cards.register(2)
    with BreaksBeforeCommit.connect(database_url, autocommit=True) as dying, pytest.raises(psycopg.OperationalError):
        run(publish(dying, client, None, LIMIT))
    run(client.jetstream().purge_stream(EVENTS_STREAM))
    assert run(publish_all(connection, client)) == 3, "those of the second card"


def test_messages_taken_out_by_hand_stay_out_and_stop_nothing(run, cards, connection, client):
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
    """For a broker of this test alone."""
    folder = Path(tempfile.mkdtemp(prefix="baohao-test-"))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("remembered", [0, 1], ids=["everything", "the_last_messages"])
def test_what_the_broker_forgot_in_a_crash_is_sent_again(run, cards, connection, own_home, remembered):
    async def publish_to(url):
        client = await nats.connect(url)
        try:
            return await publish_all(connection, client), await stored_ids(client)
        finally:
            await client.close()

    with embedded.nats(own_home) as url:
        cards.register(*range(remembered))
        run(publish_to(url))
    shutil.copytree(own_home / "nats", own_home / "as of now")
    with embedded.nats(own_home) as url:
        cards.register(5, 6)
        _, told = run(publish_to(url))
        assert told == cards.public_ids()
    shutil.rmtree(own_home / "nats")
    (own_home / "as of now").rename(own_home / "nats")
    with embedded.nats(own_home) as url:
        sent, told = run(publish_to(url))
    assert sent == 6
    assert told == cards.public_ids()
