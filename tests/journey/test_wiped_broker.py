"""The broker is stopped, emptied and restarted under a running system: nothing is lost, nothing is charged twice."""

import asyncio
import os
import shutil
import signal
from contextlib import ExitStack
from datetime import timedelta

import nats
import psycopg
import pytest
from nats.js.errors import NotFoundError

from adapters import embedded
from adapters.broker.due import DUE_STREAM
from adapters.broker.events import EVENTS_STREAM
from adapters.broker.streams import CHARGING
from adapters.cli.serving import all_roles
from adapters.control import move_clock
from adapters.gateways.simulated import double_charges, totals
from adapters.settings import load_settings
from projections.ledger import gateway_totals
from tests.adapters.cards import BEGIN, PRICE, RENEWED, card_id_of, cards_of
from tests.adapters.stored import public_messages, stored
from tests.engine.databases import application_url
from tests.journey.patience import until

EXTRAS = ("deadlines_moved", "reminder_due")


class OwnBroker:
    """A NATS server that can be stopped, emptied and restarted on its port."""

    def __init__(self, home):
        self.home, self.port, self.running = home, -1, ExitStack()

    def start(self):
        url = self.running.enter_context(embedded.nats(self.home, port=self.port))
        self.port = int(url.rpartition(":")[2])
        return url

    def stop_and_wipe(self):
        self.running.close()
        shutil.rmtree(self.home / "nats")


@pytest.fixture
def broker(tmp_path):
    own = OwnBroker(tmp_path)
    with own.running:
        yield own


@pytest.fixture
def settings(broker, database_url):
    return load_settings(
        home=broker.home,
        database_url=application_url(database_url),
        owner_database_url=database_url,
        nats_url=broker.start(),
        clock="virtual",
        gateway_budget_s=0.5,
        ack_wait_s=1,
        fetch_ms=5,
        poll_ms=200,
    )


@pytest.fixture
def supervisor(settings):
    with all_roles(settings) as (_, watching):
        yield watching


@pytest.fixture
def cards(supervisor, settings):
    """Cards; the nth comes due on the nth day."""
    budget = timedelta(seconds=settings.gateway_budget_s)
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        found, pool = cards_of(connection, settings.database_url, budget)
        found.register(*range(1, 10))
        yield found
        pool.close()


def advance(cards, day):
    move_clock(cards.connection, BEGIN + timedelta(days=day, hours=12))


def all_renewed(cards, *numbers):
    """Whether each was renewed once; some were reminded before, or had their deadlines moved when woken days late."""
    found = ([name for name in cards.names(card_id_of(n))[3:] if name not in EXTRAS] for n in numbers)
    return all(names == RENEWED for names in found)


def messages_on(stream, settings):
    """The bodies of all messages on a stream, in its order."""

    async def read():
        client = await nats.connect(settings.nats_url)
        try:
            return [message.data for message in await stored(client, stream)]
        except NotFoundError:
            return []
        finally:
            await client.close()

    return asyncio.run(read())


def public_events(cards):
    """What the stream should hold."""
    return [message.body for message in public_messages(cards)]


async def charging_consumer(settings):
    """What the broker knows of it; None where a wiped one has none yet."""
    client = await nats.connect(settings.nats_url)
    try:
        return await client.jetstream().consumer_info(DUE_STREAM, CHARGING)
    except NotFoundError:
        return None
    finally:
        await client.close()


def test_a_broker_that_loses_everything_costs_only_time(broker, settings, supervisor, cards):
    advance(cards, day=3)
    until(lambda: all_renewed(cards, 1, 2, 3))
    until(lambda: messages_on(EVENTS_STREAM, settings) == public_events(cards))

    # Messages about due cards are lost, with the broker and with the consumer that had fetched them.
    [consumer] = supervisor.pids()["consumer"]
    os.kill(consumer, signal.SIGSTOP)
    advance(cards, day=6)
    until(lambda: len(messages_on(DUE_STREAM, settings)) == 3)
    broker.stop_and_wipe()
    os.kill(consumer, signal.SIGKILL)
    broker.start()
    until(lambda: all_renewed(cards, 4, 5, 6))
    until(lambda: messages_on(EVENTS_STREAM, settings) == public_events(cards))

    # Cards come due while there is no broker.
    before = supervisor.pids()
    broker.stop_and_wipe()
    advance(cards, day=9)
    broker.start()
    until(lambda: all_renewed(cards, *range(1, 10)))
    until(lambda: messages_on(EVENTS_STREAM, settings) == public_events(cards))

    # Without new facts, the new stream still gets all events from the start.
    broker.stop_and_wipe()
    broker.start()
    until(lambda: messages_on(EVENTS_STREAM, settings) == public_events(cards))

    assert supervisor.pids() == before, "no role ended because the broker was missing"
    until(lambda: messages_on(DUE_STREAM, settings) == [])
    until(lambda: asyncio.run(charging_consumer(settings)) is not None)
    assert asyncio.run(charging_consumer(settings)).config.ack_wait == settings.ack_wait_s
    assert double_charges(settings.gateway_record) == 0
    assert totals(settings.gateway_record) == gateway_totals(cards.connection) == {"EUR": 9 * PRICE}
