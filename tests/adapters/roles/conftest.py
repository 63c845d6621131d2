"""The queue of due cards, with a consumer and its simulated gateway; other systems, whose commands are executed."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from nats.js import JetStreamContext

from adapters.broker.due import DUE_STREAM, DUE_SUBJECT, CardDue
from adapters.broker.streams import CHARGING, ensure_command_streams, ensure_due_stream
from adapters.control import move_clock
from adapters.gateways.simulated import SimulatedGateway
from adapters.roles import commands as commands_role
from adapters.roles.consumer import Consumer
from adapters.settings import load_settings
from tests.adapters.cards import BEGIN, FAR
from tests.adapters.roles.senders import SETTINGS, Broker
from tests.engine.databases import application_url

BUDGET = timedelta(seconds=1)


@pytest.fixture
def record(tmp_path):
    return tmp_path / "gateway.sqlite3"


@pytest.fixture
def gateway(record):
    with closing(SimulatedGateway(record, 1, BUDGET)) as simulated:
        yield simulated


@pytest.fixture
def consumer(cards, gateway):
    cards.now = FAR
    return Consumer(cards.engine, gateway, cards.rules, cards.park, batches_in_flight=2)


@pytest.fixture
def queue(run, client, consumer, eventually):
    jetstream = client.jetstream()
    run(ensure_due_stream(jetstream, load_settings()))
    subscription = run(jetstream.pull_subscribe(DUE_SUBJECT, CHARGING, DUE_STREAM))
    return Queue(run, jetstream, subscription, consumer, eventually)


@dataclass
class Queue:
    """The queue of due cards, and a consumer to take its messages."""

    run: Callable[..., Any]
    jetstream: JetStreamContext
    subscription: JetStreamContext.PullSubscription
    consumer: Consumer
    eventually: Callable[[Callable[[], object]], None]

    def add(self, *bodies, headers=None):
        """Publish messages for cards (by their ids), or with these bytes."""
        for body in bodies:
            data = body if isinstance(body, bytes) else CardDue(card_id=body).model_dump_json().encode()
            self.run(self.jetstream.publish(DUE_SUBJECT, data, headers=headers))

    def messages(self, count):
        """Fetch so many messages."""
        found = []
        while len(found) < count:
            found += self.run(self.subscription.fetch(count - len(found), timeout=60))
        return found

    def take(self, messages):
        """Let the consumer handle these messages as one batch."""
        self.run(self.consumer.take(messages))
        self.run(self.consumer.drain())

    def handle(self, *bodies):
        """Publish messages and let the consumer handle them as one batch."""
        self.add(*bodies)
        self.take(self.messages(len(bodies)))

    def length(self):
        """How many messages are not acknowledged."""
        return self.run(self.jetstream.stream_info(DUE_STREAM)).state.messages

    def is_emptied(self):
        """Whether every message is eventually acknowledged."""
        self.eventually(lambda: self.length() == 0)
        return True


@pytest.fixture
def begun(connection):
    move_clock(connection, BEGIN)


@pytest.fixture
def executing(run, begun, database_url, client, nats_url):
    """Runs a scenario of another system while the role runs, as the application."""

    async def beside(scenario, processes, settings):
        await ensure_command_streams(client.jetstream(), settings)
        stop, url = asyncio.Event(), application_url(database_url)
        roles = [asyncio.create_task(commands_role.main(settings, url, nats_url, stop)) for _ in range(processes)]
        told = asyncio.create_task(scenario(Broker(client)))
        done, _ = await asyncio.wait({*roles, told}, return_when=asyncio.FIRST_COMPLETED, timeout=60)
        assert done == {told}, [one.result() for one in done]
        stop.set()
        await asyncio.gather(*roles)
        return told.result()

    return lambda scenario, processes=1, settings=SETTINGS: run(beside(scenario, processes, settings))
