"""A log with a gap in its positions, under several seals, and its archive."""

import psycopg
import pytest

from adapters.parquet.archive import add_to_archive
from engine.store.log import head
from projections.audit.heads import SealKey
from projections.audit.sealing import seal_next
from tests.engine.databases import (
    cards_url,
    connect,
    connection,
    databases,
    new_recorder,
    recorder,
    store,
)
from tests.engine.random_histories import random_history, store_all

__all__ = ["cards_url", "connect", "connection", "databases", "new_recorder", "recorder", "store"]

KEY = SealKey.new("baohao.example/archive")


def seal_all(connection):
    while seal_next(connection, KEY, 16) is not None:
        pass


@pytest.fixture
def key():
    return KEY


@pytest.fixture
def keys():
    return [KEY.public]


@pytest.fixture
def sealed(store, connection):
    store_all(store, [random_history(seed, 20) for seed in range(3)])
    connection.execute("SELECT nextval('card_events_notification_id_seq')")
    store_all(store, [random_history(seed, 20) for seed in range(3, 6)])
    seal_all(connection)
    return connection


@pytest.fixture
def archive(sealed, keys, tmp_path):
    """In files of two seals each, the last one perhaps of one."""
    folder = tmp_path / "archive"
    add_to_archive(sealed, keys, folder, head(sealed), 32)
    return folder


@pytest.fixture
def other(databases):
    """An empty store."""
    with databases["cards"].lent() as url, psycopg.connect(url, autocommit=True) as opened:
        yield opened
