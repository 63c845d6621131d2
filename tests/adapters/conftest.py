"""A broker without streams, a migrated database, and cards on it."""

import asyncio
from datetime import timedelta

import nats
import psycopg
import pytest

from adapters.schema import migrate
from tests.adapters.cards import cards_of
from tests.engine.databases import application_url


@pytest.fixture
def run():
    """Runs coroutines on one event loop, so that a connection to the broker lives as long as its test."""
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture
def connection(database_url):
    """As the owner, who may do to the tables what a test wants; the cards are the application's."""
    migrate(database_url, application_url(database_url))
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
    run(connected.close())


async def remove_streams(client):
    jetstream = client.jetstream()
    for stream in await jetstream.streams_info():
        await jetstream.delete_stream(stream.config.name)
