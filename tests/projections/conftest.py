"""Settings and databases of the read models' tests."""

from hypothesis import settings

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

__all__ = ["cards_url", "connect", "connection", "copied_attempts", "databases", "new_recorder", "recorder", "store"]

settings.register_profile("engine", deadline=None)
settings.load_profile("engine")
