"""Trouble with RabbitMQ is said in a sentence, within a bounded time, and loses nothing."""

import os
import signal
import socket
import sys
from contextlib import contextmanager

import pytest

from adapters.broker.outlets import outlet as port
from adapters.broker.outlets import rabbitmq as outlet_module
from adapters.broker.outlets.rabbitmq import EXCHANGE, STREAM, connected
from adapters.broker.sending import NotStoredError
from adapters.settings import SettingsError
from engine.errors import StandstillError
from tests.adapters.rabbitmq_reader import ids


async def remove_binding(channel):
    await (await channel.get_queue(STREAM)).unbind(EXCHANGE, "#")


async def remove_exchange(channel):
    await channel.exchange_delete(EXCHANGE)


@pytest.mark.parametrize(
    ("remove", "what"),
    [(remove_binding, "has no queue for an event"), (remove_exchange, "NOT_FOUND - no exchange")],
    ids=["binding", "exchange"],
)
def test_a_stream_that_nothing_reaches_any_more_loses_nothing(cards, telling, reader, rabbitmq_server, remove, what):
    cards.register(1)
    telling.publish()
    telling.resume()
    reader.do(remove)
    with pytest.raises(NotStoredError, match=what):
        telling.step()
    anew = connected(rabbitmq_server.url)  # as the role does after a fault
    telling.forward(telling.run(anew.__aenter__()))
    telling.run(anew.__aexit__(None, None, None))
    assert ids(reader.told()) == cards.public_ids()


def test_a_queue_of_that_name_with_other_settings_stops_it(telling, reader):
    reader.do(lambda channel: channel.declare_queue(STREAM, durable=True))
    with pytest.raises(StandstillError, match=r"that Baohao has not made: .*; delete it"):
        telling.resume()


@contextmanager
def hanging(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_broker_that_hangs_is_a_fault_within_a_bounded_time(cards, telling, rabbitmq_server, monkeypatch):
    cards.register(1)
    telling.publish()
    telling.resume()
    monkeypatch.setattr(outlet_module, "WITHIN_S", 0.5)
    with (
        hanging(rabbitmq_server.pid),
        pytest.raises(NotStoredError, match=r"does not answer within 0\.5 s; it may be blocked"),
    ):
        telling.step()


@contextmanager
def blocked(server):
    server.control("set_vm_memory_high_watermark", "0.00001")
    try:
        yield
    finally:
        server.control("set_vm_memory_high_watermark", "0.4")


def test_a_broker_that_takes_no_more_for_want_of_memory_is_a_fault_until_it_does(
    cards, telling, reader, rabbitmq_server, monkeypatch
):
    cards.register(1)
    telling.publish()
    telling.resume()
    with monkeypatch.context() as patience, blocked(rabbitmq_server):
        patience.setattr(outlet_module, "WITHIN_S", 0.5)
        with pytest.raises(NotStoredError, match="it may be blocked, for want of memory or disk"):
            telling.step()
    telling.forward()
    assert list(dict.fromkeys(ids(reader.told()))) == cards.public_ids()


def test_one_that_never_answers_or_is_not_there_is_a_fault(run, monkeypatch):
    async def connect(number):
        async with connected(f"amqp://baohao:secret@127.0.0.1:{number}"):
            pass

    monkeypatch.setattr(outlet_module, "WITHIN_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        number = mute.getsockname()[1]
        with pytest.raises(ConnectionError, match=rf"^RabbitMQ at 127\.0\.0\.1:{number} does not answer within 0\.2 s"):
            run(connect(number))
    with pytest.raises(ConnectionError, match=rf"^RabbitMQ at 127\.0\.0\.1:{number} cannot be reached"):
        run(connect(number))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda url: f"{url}missing", "refuses the virtual host of BAOHAO_EVENTS_URL"),
        (lambda url: url.replace("amqp://", "amqps://"), "does not speak TLS as amqps:// wants it"),
        (lambda url: url.replace("amqp://", "amqps://") + "?cafile=/no/ca.pem", "cannot be read"),
    ],
    ids=["virtual host", "no TLS", "no authority"],
)
def test_what_another_try_does_not_help_is_said_once(run, rabbitmq_server, change, sentence):
    async def connect():
        async with connected(change(rabbitmq_server.url)):
            pass

    with pytest.raises(SettingsError, match=sentence):
        run(connect())


def test_without_the_library_it_says_what_to_install(monkeypatch):
    for name in ("rabbitmq", "kafka"):
        monkeypatch.delitem(sys.modules, f"adapters.broker.outlets.{name}", raising=False)
    for library, url, extra in (("aio_pika", "amqp://mq", "rabbitmq"), ("aiokafka", "kafka://k", "kafka")):
        monkeypatch.setitem(sys.modules, library, None)
        with pytest.raises(SettingsError, match=rf"library is not installed: pip install 'baohao\[{extra}\]'"):
            port.connected(url)
