"""Settings and databases of the engine's tests."""

import pytest
from hypothesis import settings

from engine.application import Engine
from tests.engine.databases import (
    cards_url,
    connect,
    connection,
    copied_attempts,
    databases,
    new_recorder,
    recorder,
    store,
)
from tests.engine.limit_books import happens
from tests.engine.recorded_history import CONSUMER

__all__ = [
    "cards_url",
    "connect",
    "connection",
    "copied_attempts",
    "databases",
    "happens",
    "new_recorder",
    "recorder",
    "store",
]

settings.register_profile("engine", deadline=None)
settings.load_profile("engine")


@pytest.fixture
def engine(store) -> Engine:
    return Engine(store, CONSUMER)
