"""Databases for the tests: each test has one for itself, with every table and no rows in it."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from engine.store.recorder import CardRecorder, datastore
from engine.store.streams import Store
from projections.audit.seals import SEALS_TABLE
from projections.follow import FOLLOWERS_TABLE
from projections.live import create_tables
from projections.parked_cards import PARKED_CARDS_TABLE, SKIPPED_FACTS_TABLE
from tests.engine.random_histories import RECORDED_AT
from tests.lent_databases import LentDatabases


def application_url(owner_url: str) -> str:
    """The same database for the application's role."""
    return owner_url.replace("//baohao@", "//baohao_app@", 1)


def with_tables(url: str) -> None:
    with datastore(url, pool_size=1) as pool:
        CardRecorder(pool).create_table()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(FOLLOWERS_TABLE)
        connection.execute(PARKED_CARDS_TABLE)
        connection.execute(SKIPPED_FACTS_TABLE)
        connection.execute(SEALS_TABLE)
        create_tables(connection)
        # No test crashes the server.
        connection.execute(f"ALTER DATABASE {connection.info.dbname} SET synchronous_commit = off")


def with_copied_attempts(url: str) -> None:
    with_tables(url)
    with psycopg.connect(url) as connection:
        connection.execute("DROP INDEX card_events_attempts")


@pytest.fixture(scope="session")
def databases(postgres_url) -> Iterator[dict[str, LentDatabases]]:
    """Databases with all tables, and such without the index over attempts."""
    found = {
        "cards": LentDatabases(postgres_url, "cards", with_tables),
        "copied_attempts": LentDatabases(postgres_url, "copied_attempts", with_copied_attempts),
    }
    yield found
    for kind in found.values():
        kind.close()


@pytest.fixture
def cards_url(databases, request) -> Iterator[str]:
    """A database with all tables and no rows."""
    kind = "copied_attempts" if "copied_attempts" in request.fixturenames else "cards"
    with databases[kind].lent() as url:
        yield url


@pytest.fixture
def new_recorder(cards_url) -> Iterator[Callable[..., CardRecorder]]:
    """Makes recorders with connections of their own, of whatever kind."""
    pools = []

    def make(kind: type[CardRecorder] = CardRecorder, pool_size: int = 1) -> CardRecorder:
        pools.append(datastore(cards_url, pool_size))
        return kind(pools[-1], recorded_now=lambda: RECORDED_AT)

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
def copied_attempts() -> None:
    """In this test's database, cards may be copies of one history, ids of attempts included."""


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
