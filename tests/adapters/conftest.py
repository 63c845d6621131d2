"""A broker without streams, a migrated database, and cards on it; RabbitMQ, to which events are told too."""

import asyncio
import contextlib
from datetime import timedelta

import nats
import nats.errors
import psycopg
import pytest

from adapters.broker.outlets import rabbitmq as outlet_to_rabbitmq
from adapters.schema import migrate
from tests import rabbitmq
from tests.adapters.cards import cards_of
from tests.adapters.forwarding import Telling
from tests.adapters.rabbitmq_reader import Reader
from tests.engine.databases import application_url
from tests.lent_databases import LentDatabases


@pytest.fixture
def run():
    """Runs coroutines on one event loop, so that a connection to the broker lives as long as its test."""
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture(scope="session")
def migrated_databases(postgres_url):
    databases = LentDatabases(postgres_url, "migrated", lambda url: migrate(url, application_url(url)))
    yield databases
    databases.close()


@pytest.fixture
def migrated_url(migrated_databases):
    """A migrated database for one test."""
    with migrated_databases.lent() as url:
        yield url


@pytest.fixture
def database_url(request):
    """A database for one test: migrated if the test has a connection to it, else empty."""
    return request.getfixturevalue("migrated_url" if "connection" in request.fixturenames else "empty_url")


@pytest.fixture
def connection(database_url):
    """As the owner, who may do to the tables what a test wants; the cards are the application's."""
    with psycopg.connect(database_url, autocommit=True) as open_connection:
        yield open_connection


@pytest.fixture
def cards(connection, database_url):
    found, pool = cards_of(connection, application_url(database_url), gateway_budget=timedelta(seconds=1))
    yield found
    pool.close()


@pytest.fixture
def client(run, nats_url):
    connected = run(nats.connect(nats_url))
    run(remove_streams(connected))
    yield connected
    with contextlib.suppress(nats.errors.Error):  # closed by the test, or its server is gone
        run(connected.flush())  # else what was published last may arrive in the next test's streams
    run(connected.close())


async def remove_streams(client):
    jetstream = client.jetstream()
    for stream in await jetstream.streams_info():
        await jetstream.delete_stream(stream.config.name)


@pytest.fixture(scope="session")
def rabbitmq_server():
    yield from rabbitmq.running()


@pytest.fixture
def reader(run, rabbitmq_server):
    """On a RabbitMQ without exchange and queue."""
    found = Reader(run, rabbitmq_server.url)
    found.wipe()
    return found


@pytest.fixture
def outlet(run, reader, rabbitmq_server):
    opened = outlet_to_rabbitmq.connected(rabbitmq_server.url)
    yield run(opened.__aenter__())
    run(opened.__aexit__(None, None, None))


@pytest.fixture
def telling(run, connection, client, outlet):
    return Telling(run, connection, client, outlet)
