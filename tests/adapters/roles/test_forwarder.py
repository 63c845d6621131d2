"""What is published on NATS is told on RabbitMQ too, in order and valid, whatever is killed, lost or restored."""

import asyncio
import json
import os
import signal
import socket
from contextlib import asynccontextmanager
from pathlib import Path

import aio_pika
import jsonschema_rs
import psycopg
import pytest
from structlog.testing import capture_logs

from adapters.broker.outlets import rabbitmq as outlet_module
from adapters.broker.outlets.rabbitmq import EXCHANGE, STREAM, connected
from adapters.broker.sending import NotStoredError
from adapters.roles import forwarder
from adapters.roles.forwarder import FORWARDER, forward, resume
from adapters.roles.publisher import start_epoch
from adapters.settings import SettingsError, load_settings
from engine.errors import StandstillError
from engine.store.log import head
from projections.follow import positions
from tests import rabbitmq
from tests.adapters.stored import CELL, LIMIT, publish_all, stored
from tests.engine.databases import application_url

SCHEMAS = Path(outlet_module.__file__).parent.parent / "schemas"
END = "end"
"""Routing key of a message after which nothing follows."""


class BreaksBeforeCommit(psycopg.Connection):
    """A database connection that is lost after sending and before the commit."""

    def commit(self):
        self.close()
        super().commit()


@pytest.fixture(scope="session")
def server():
    yield from rabbitmq.running()


@pytest.fixture
def amqp(run, server):
    """A connection of somebody else, to a broker without exchange and queue."""
    connection = run(aio_pika.connect(server.url))
    run(wipe(connection))
    yield connection
    run(connection.close())


@pytest.fixture
def outlet(run, amqp, server):
    opened = connected(server.url)
    yield run(opened.__aenter__())
    run(opened.__aexit__(None, None, None))


async def wipe(amqp):
    async with amqp.channel() as channel:
        await channel.queue_delete(STREAM)
        await channel.exchange_delete(EXCHANGE)


async def forward_all(connection, outlet):
    """Forward as the role does until nothing is left, and return how many messages were sent."""
    await resume(connection, outlet)
    sent, more = 0, True
    while more:
        messages, more = await forward(connection, outlet, CELL.name, LIMIT)
        sent += messages
    return sent


async def told(amqp):
    """All messages that the stream keeps, in order."""
    found, ended = [], asyncio.Event()

    async def read(message):
        await message.ack()
        if message.routing_key == END:
            ended.set()
        else:
            found.append(message)

    async with amqp.channel() as channel:
        exchange = await channel.get_exchange(EXCHANGE)
        await exchange.publish(aio_pika.Message(b""), END)
        await channel.set_qos(100)
        stream = await channel.get_queue(STREAM)
        await stream.consume(read, arguments={"x-stream-offset": "first"})
        async with asyncio.timeout(10):
            await ended.wait()
    return found


def ids(messages):
    return [message.message_id for message in messages]


@asynccontextmanager
async def running_role(server_url, database_url):
    """The role, as the application."""
    stop = asyncio.Event()
    settings = load_settings(events_url=server_url, clock="virtual", poll_ms=20)
    role = asyncio.create_task(forwarder.main(settings, application_url(database_url), "", stop))

    async def until(holds):
        async with asyncio.timeout(30):
            while not holds():
                done, _ = await asyncio.wait({role}, timeout=0.02)
                assert not done, role.result()

    yield until
    stop.set()
    await role


def is_told(connection):
    return lambda: positions(connection).get(FORWARDER) == head(connection)


def test_every_public_fact_is_told_in_order_with_the_same_attributes_and_a_valid_body(
    run, cards, connection, client, outlet, amqp
):
    cards.register(1, 2, 3)
    published = run(publish_all(connection, client))
    assert run(forward_all(connection, outlet)) == published == 9
    messages = run(told(amqp))
    assert ids(messages) == cards.public_ids()
    for place, (message, on_nats) in enumerate(zip(messages, run(stored(client)), strict=True)):
        attributes = {name: value for name, value in on_nats.headers.items() if name.startswith("ce-")}
        assert message.content_type == attributes.pop("ce-datacontenttype")
        assert message.headers.pop("x-stream-offset") == place  # the reader's, from the broker
        assert message.headers == {f"cloudEvents_{name[3:]}": value for name, value in attributes.items()}
        assert f"baohao.v1.{message.routing_key}" == on_nats.subject
        assert message.body == on_nats.data
        assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
        schema = SCHEMAS / f"{message.headers['cloudEvents_type'].removeprefix('baohao.')}.json"
        jsonschema_rs.validator_for(json.loads(schema.read_bytes())).validate(json.loads(message.body))


def test_nothing_is_told_that_the_publisher_has_not_published(run, cards, connection, client, outlet):
    cards.register(1)
    assert run(forward_all(connection, outlet)) == 0
    run(publish_all(connection, client))
    cards.register(2)
    assert run(forward_all(connection, outlet)) == 3


def test_one_killed_between_confirm_and_save_sends_that_batch_again(
    run, cards, connection, client, outlet, amqp, database_url
):
    cards.register(1, 2)
    run(publish_all(connection, client))
    run(resume(connection, outlet))
    with BreaksBeforeCommit.connect(database_url, autocommit=True) as dying, pytest.raises(psycopg.OperationalError):
        run(forward(dying, outlet, CELL.name, LIMIT))
    run(forward_all(connection, outlet))
    everything = cards.public_ids()
    assert ids(run(told(amqp))) == everything[:LIMIT] + everything


def test_a_broker_that_was_wiped_is_told_all_of_the_log_again(run, cards, connection, client, outlet, amqp):
    cards.register(1, 2)
    run(publish_all(connection, client))
    run(forward_all(connection, outlet))
    run(wipe(amqp))
    with capture_logs() as lines:
        assert run(forward_all(connection, outlet)) == 6
        assert run(forward_all(connection, outlet)) == 0
    assert [line for line in lines if line["event"] == "forwarder.from_the_start"] == [
        {"event": "forwarder.from_the_start", "log_level": "warning", "position": head(connection)}
    ]
    assert ids(run(told(amqp))) == cards.public_ids()


def test_a_stream_without_its_binding_or_exchange_loses_nothing(run, cards, connection, client, outlet, amqp):
    async def remove_exchange():
        async with amqp.channel() as channel:
            await channel.exchange_delete(EXCHANGE)

    async def remove_binding():
        async with amqp.channel() as channel:
            await (await channel.get_queue(STREAM)).unbind(EXCHANGE, "#")

    cards.register(1)
    run(publish_all(connection, client))
    run(resume(connection, outlet))
    for remove, what in ((remove_binding, "has no queue for an event"), (remove_exchange, "NOT_FOUND - no exchange")):
        run(remove())
        with pytest.raises(NotStoredError, match=what):
            run(forward(connection, outlet, CELL.name, LIMIT))
        run(resume(connection, outlet))
    run(forward_all(connection, outlet))
    assert ids(run(told(amqp))) == cards.public_ids()


def test_an_epoch_is_told_of_before_its_facts(run, cards, connection, client, outlet, amqp):
    cards.register(1)
    run(publish_all(connection, client))
    run(forward_all(connection, outlet))
    connection.execute("UPDATE followers SET position = position - 1")  # as of the backup
    epoch = run(start_epoch(connection, client, load_settings()))
    run(publish_all(connection, client))
    assert run(forward_all(connection, outlet)) == 2
    cards.register(2)
    run(publish_all(connection, client))
    assert run(forward_all(connection, outlet)) == 3  # it is told of once
    *first, begins, again = run(told(amqp))[:5]
    assert ids(first) == cards.public_ids()[:3]
    assert (begins.routing_key, begins.headers["cloudEvents_epoch"]) == ("stream.epoch_started", "2")
    assert json.loads(begins.body) == {"position": epoch.position}
    assert begins.message_id == run(stored(client))[3].headers["ce-id"]
    assert (again.message_id, again.headers["cloudEvents_epoch"]) == (f"{first[-1].message_id}.2", "2")


def test_a_new_broker_hears_of_the_epoch_first(run, cards, connection, client, outlet, amqp):
    cards.register(1)
    run(publish_all(connection, client))
    run(start_epoch(connection, client, load_settings()))
    assert run(forward_all(connection, outlet)) == 4
    begins, *others = run(told(amqp))
    assert (begins.routing_key, json.loads(begins.body)) == ("stream.epoch_started", {"position": 0})
    assert ids(others) == [f"{event_id}.2" for event_id in cards.public_ids()]


def test_a_fact_that_cannot_be_read_is_named_and_passed_over(run, cards, connection, client, outlet, amqp):
    [first] = cards.register(1)
    run(publish_all(connection, client))
    spoiled = "UPDATE card_events SET state = '{}' WHERE originator_id = %s AND originator_version = 2"
    connection.execute("ALTER TABLE card_events DISABLE TRIGGER ALL")
    connection.execute(spoiled, (first,))
    with capture_logs() as lines:
        assert run(forward_all(connection, outlet)) == 2
    [line] = [line for line in lines if line["event"] == "role.fact_skipped"]
    assert (line["role"], line["position"], line["card_id"]) == (FORWARDER, 2, str(first))


def test_it_goes_on_by_itself_after_the_broker_was_killed(run, cards, connection, client, server, amqp, database_url):
    async def scenario():
        async with running_role(server.url, database_url) as until:
            cards.register(1)
            await publish_all(connection, client)
            await until(is_told(connection))
            server.kill()
            cards.register(2)
            await publish_all(connection, client)
            await until(lambda: any(line["event"] == "role.fault" for line in lines))
            server.start()
            await asyncio.to_thread(server.await_start)
            await until(is_told(connection))
        async with await aio_pika.connect(server.url) as again:
            return ids(await told(again))

    with capture_logs() as lines:
        assert list(dict.fromkeys(run(scenario()))) == cards.public_ids()
    assert "role.recovered" in [line["event"] for line in lines]
    assert rabbitmq.PASSWORD not in repr(lines)


def test_a_broker_that_hangs_is_a_fault_within_a_bounded_time(
    run, cards, connection, client, server, outlet, monkeypatch
):
    cards.register(1)
    run(publish_all(connection, client))
    run(resume(connection, outlet))
    monkeypatch.setattr(outlet_module, "WITHIN_S", 0.5)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        with pytest.raises(NotStoredError, match=r"does not answer within 0\.5 s; it may be blocked"):
            run(forward(connection, outlet, CELL.name, LIMIT))
    finally:
        os.kill(server.pid, signal.SIGCONT)


def test_one_that_never_answers_or_is_not_there_is_a_fault(run, monkeypatch):
    async def connect(port):
        async with connected(f"amqp://baohao:secret@127.0.0.1:{port}"):
            pass

    monkeypatch.setattr(outlet_module, "WITHIN_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        with pytest.raises(ConnectionError, match=rf"RabbitMQ at 127\.0\.0\.1:{port} does not answer within 0\.2 s"):
            run(connect(port))
    with pytest.raises(ConnectionError, match=rf"RabbitMQ at 127\.0\.0\.1:{port} cannot be reached"):
        run(connect(port))


def test_a_wrong_password_ends_the_role(run, amqp, connection, server, database_url):
    async def scenario():
        async with running_role(server.url.replace(rabbitmq.PASSWORD, "wrong"), database_url) as until:
            await until(lambda: False)

    with pytest.raises(SettingsError, match="refuses the user, the password or the virtual host of BAOHAO_EVENTS_URL"):
        run(scenario())


def test_a_queue_of_that_name_with_other_settings_stops_it(run, connection, outlet, amqp):
    async def declare():
        async with amqp.channel() as channel:
            await channel.declare_queue(STREAM, durable=True)

    run(declare())
    with pytest.raises(StandstillError, match="that Baohao has not made: .*; delete it"):
        run(resume(connection, outlet))


def test_without_the_setting_it_says_what_is_missing(run, database_url):
    with pytest.raises(SettingsError, match="BAOHAO_EVENTS_URL is not set"):
        run(forwarder.main(load_settings(), database_url, "", asyncio.Event()))
