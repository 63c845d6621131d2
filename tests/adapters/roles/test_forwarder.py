"""What is published on NATS is told on RabbitMQ too, in order and valid, whatever is killed, lost or restored."""

import asyncio
import json
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import aio_pika
import jsonschema_rs
import pytest
from structlog.testing import capture_logs

from adapters.health import OK, answers
from adapters.roles import forwarder
from adapters.roles.forwarder import FORWARDER
from adapters.settings import SettingsError, load_settings
from engine.errors import StandstillError
from engine.store.log import head
from projections.follow import positions
from tests import rabbitmq
from tests.adapters.rabbitmq_reader import ids
from tests.adapters.stored import LIMIT, publish_all
from tests.engine.databases import application_url

ROOT = Path(__file__).parents[3]
SCHEMAS = ROOT / "adapters" / "broker" / "schemas"


@asynccontextmanager
async def running_role(server_url, database_url):
    """The role, as the application."""
    stop = asyncio.Event()
    settings = load_settings(events_url=server_url, clock="virtual", poll_ms=20)
    role = asyncio.create_task(forwarder.main(settings, application_url(database_url), "", stop))

    async def until(holds):
        async with asyncio.timeout(60):
            while not holds():
                done, _ = await asyncio.wait({role}, timeout=0.02)
                assert not done, role.result()

    yield until
    stop.set()
    await role


def test_every_public_fact_is_told_in_order_with_the_same_attributes_and_a_valid_body(cards, telling, reader):
    cards.register(1, 2, 3)
    assert telling.publish() == telling.forward() == 9
    messages = reader.told()
    assert ids(messages) == cards.public_ids()
    for place, (message, (on_nats, attributes)) in enumerate(zip(messages, telling.published(), strict=True)):
        assert message.content_type == attributes.pop("datacontenttype")
        assert message.headers.pop("x-stream-offset") == place  # the reader's, from the broker
        assert message.headers == {f"cloudEvents_{name}": value for name, value in attributes.items()}
        assert f"baohao.v1.{message.routing_key}" == on_nats.subject
        assert message.body == on_nats.data
        assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
        schema = SCHEMAS / f"{attributes['type'].removeprefix('baohao.')}.json"
        jsonschema_rs.validator_for(json.loads(schema.read_bytes())).validate(json.loads(message.body))


def test_nothing_is_told_that_the_publisher_has_not_published(cards, telling):
    cards.register(1)
    assert telling.forward() == 0
    telling.publish()
    cards.register(2)
    assert telling.forward() == 3


def test_one_killed_between_confirm_and_save_sends_that_batch_again(cards, telling, reader):
    cards.register(1, 2)
    telling.publish()
    telling.resume()
    telling.killed_before_it_saves()
    telling.forward()
    everything = cards.public_ids()
    assert ids(reader.told()) == everything[:LIMIT] + everything


def test_a_broker_that_was_wiped_is_told_all_of_the_log_again(cards, telling, reader):
    cards.register(1, 2)
    telling.publish()
    telling.forward()
    reader.wipe()
    with capture_logs() as lines:
        assert telling.forward() == 6
        assert telling.forward() == 0
    assert [line for line in lines if line["event"] == "forwarder.from_the_start"] == [
        {"event": "forwarder.from_the_start", "log_level": "warning", "position": head(telling.connection)}
    ]
    assert ids(reader.told()) == cards.public_ids()


def test_an_epoch_is_told_of_once_before_its_facts(cards, telling, reader):
    cards.register(1)
    telling.publish()
    telling.forward()
    telling.connection.execute("UPDATE followers SET position = position - 1")  # as of the backup
    epoch = telling.start_epoch()
    telling.publish()
    assert telling.forward() == 2
    cards.register(2)
    telling.publish()
    assert telling.forward() == 3
    *first, begins, again = reader.told()[:5]
    assert ids(first) == cards.public_ids()[:3]
    assert (begins.routing_key, begins.headers["cloudEvents_epoch"]) == ("stream.epoch_started", "2")
    assert json.loads(begins.body) == {"position": epoch.position}
    assert begins.message_id == telling.published()[3][1]["id"]
    assert (again.message_id, again.headers["cloudEvents_epoch"]) == (f"{first[-1].message_id}.2", "2")


def test_a_broker_that_knows_of_no_epoch_hears_of_it_first(cards, telling, reader):
    cards.register(1)
    telling.publish()
    telling.start_epoch()
    assert telling.forward() == 4
    begins, *others = reader.told()
    assert (begins.routing_key, json.loads(begins.body)) == ("stream.epoch_started", {"position": 0})
    assert ids(others) == [f"{event_id}.2" for event_id in cards.public_ids()]


def spoil(connection, card_id, **changed):
    """Change the card's second fact, past the trigger against it."""
    [(column, value)] = changed.items()
    connection.execute("SET session_replication_role = replica")
    connection.execute(
        f"UPDATE card_events SET {column} = %s WHERE originator_id = %s AND originator_version = 2", (value, card_id)
    )


def test_a_fact_that_cannot_be_read_is_named_and_passed_over(cards, telling):
    [first] = cards.register(1)
    telling.publish()
    spoil(telling.connection, first, state=b"{}")
    with capture_logs() as lines:
        assert telling.forward() == 2
    [line] = [line for line in lines if line["event"] == "role.fact_skipped"]
    assert (line["role"], line["position"], line["card_id"]) == (FORWARDER, 2, str(first))


def test_a_fact_of_a_newer_program_stops_it_before_that(cards, telling, reader):
    [first] = cards.register(1)
    telling.publish()
    readable = cards.public_ids()[:1]
    spoil(telling.connection, first, topic="odd.v9")
    with pytest.raises(StandstillError, match=r"no fact is called 'odd\.v9'.* until this forwarder is upgraded"):
        telling.forward()
    assert ids(reader.told()) == readable


def test_it_goes_on_by_itself_after_the_broker_was_killed(cards, telling, reader, rabbitmq_server, database_url):
    connection, client = telling.connection, telling.client

    def is_told():
        return positions(connection).get(FORWARDER) == head(connection)

    async def scenario():
        async with running_role(rabbitmq_server.url, database_url) as until:
            cards.register(1)
            await publish_all(connection, client)
            await until(is_told)
            await asyncio.sleep(rabbitmq.NAMED_WITHIN_S)
            rabbitmq_server.kill()
            cards.register(2)
            await publish_all(connection, client)
            await until(lambda: any(line["event"] == "role.fault" for line in lines))
            rabbitmq_server.start()
            await asyncio.to_thread(rabbitmq_server.await_start)
            await until(is_told)

    with capture_logs() as lines:
        telling.run(scenario())
    assert list(dict.fromkeys(ids(reader.told()))) == cards.public_ids()
    events = [line["event"] for line in lines]
    assert "role.recovered" in events
    assert "forwarder.from_the_start" not in events  # while the stream's server starts, it is not lost
    assert rabbitmq.PASSWORD not in repr(lines)


def test_a_wrong_password_ends_the_role(run, connection, rabbitmq_server, database_url):
    async def scenario():
        async with running_role(rabbitmq_server.url.replace(rabbitmq.PASSWORD, "wrong"), database_url) as until:
            await until(lambda: False)

    with pytest.raises(SettingsError, match="refuses the user, the password or the virtual host of BAOHAO_EVENTS_URL"):
        run(scenario())


def test_without_the_setting_it_says_what_is_missing(run, database_url):
    with pytest.raises(SettingsError, match="BAOHAO_EVENTS_URL is not set"):
        run(forwarder.main(load_settings(), database_url, "", asyncio.Event()))


def test_the_health_of_the_role_is_that_of_the_other_broker_too(run, rabbitmq_server, database_url, nats_url):
    asked = [
        answers(database_url, nats_url, load_settings(), url) for url in (rabbitmq_server.url, "amqp://127.0.0.1:1")
    ]
    assert run(asked[0])["outlet"] == OK
    assert run(asked[1])["outlet"].startswith("RabbitMQ at 127.0.0.1:1 cannot be reached")


def test_the_example_shows_each_event_once(cards, telling, reader, rabbitmq_server, eventually):
    async def listens(channel):
        queue = await channel.declare_queue("my-system", durable=True)
        return queue.declaration_result.consumer_count

    telling.resume()
    script = ROOT / "scripts" / "examples" / "follow_rabbitmq.py"
    command = [sys.executable, script, rabbitmq_server.url, "my-system"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as example:
        try:
            eventually(lambda: reader.do(listens))
            cards.register(1, 2)
            telling.publish()
            telling.killed_before_it_saves()
            telling.forward()
            shown = [example.stdout.readline().split()[1:3] for _ in range(6)]
        finally:
            example.kill()
    assert shown == [[one["subject"], one["type"]] for _, one in telling.published()]
