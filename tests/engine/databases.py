"""Databases for the tests: each test has its own, with every table in it, copied from one that was made once."""

import os
from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from engine.store.recorder import CardRecorder, datastore
from engine.store.streams import Store
from projections.follow import FOLLOWERS_TABLE
from projections.live import create_tables
from projections.parked_cards import PARKED_CARDS_TABLE

_numbers = count(1)


def at_database(postgres_url: str, name: str) -> str:
    return postgres_url.replace("/baohao?", f"/{name}?")


def application_url(owner_url: str) -> str:
    """The same database for the application's role."""
    return owner_url.replace("//baohao@", "//baohao_app@", 1)


@cache
def template(postgres_url: str) -> str:
    """The name of a database with all tables and no rows."""
    name = f"cards_template_{os.getpid()}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = at_database(postgres_url, name)
    with datastore(url, pool_size=1) as pool:
        CardRecorder(pool).create_table()
    with psycopg.connect(url) as connection:
        connection.execute(FOLLOWERS_TABLE)
        connection.execute(PARKED_CARDS_TABLE)
        create_tables(connection)
    return name


@pytest.fixture
def cards_url(postgres_url) -> Iterator[str]:
    """A database with all tables and no rows, dropped after the test."""
    name = f"cards_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template(postgres_url)}")
        connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")  # no test crashes the server
        yield at_database(postgres_url, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def new_recorder(cards_url) -> Iterator[Callable[..., CardRecorder]]:
    """Makes recorders with connections of their own, of whatever kind."""
    pools = []

    def make(kind: type[CardRecorder] = CardRecorder, pool_size: int = 1) -> CardRecorder:
        pools.append(datastore(cards_url, pool_size))
        return kind(pools[-1])

    yield make
    for pool in pools:
        pool.close()


@pytest.fixture
def recorder(new_recorder) -> CardRecorder:
    return new_recorder()


@pytest.fixture
def store(recorder) -> Store:
    return Store(recorder)


@pytest.fixture
def copied_attempts(connection) -> None:
    """Cards may be copies of one history, ids of attempts included."""
    connection.execute("DROP INDEX card_events_attempts")


@pytest.fixture
def connect(cards_url) -> Iterator[Callable[[], Connection[Any]]]:
    """Makes connections in autocommit mode."""
    opened = []

    def make() -> Connection[Any]:
        opened.append(psycopg.connect(cards_url, autocommit=True))
        return opened[-1]

    yield make
    for connection in opened:
        connection.close()


@pytest.fixture
def connection(connect) -> Connection[Any]:
    return connect()
