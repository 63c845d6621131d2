"""A broker of one test's own, which it may stop and wipe, and settings of a system on it."""

import shutil
from contextlib import ExitStack

import pytest

from adapters import embedded
from tests.engine.databases import application_url


@pytest.fixture
def broker(tmp_path):
    with ExitStack() as running:
        yield running, running.enter_context(embedded.nats(tmp_path))


@pytest.fixture
def wipe(broker, tmp_path):
    """Stops the broker, and starts it on its port without all that it kept."""
    running, url = broker

    def stop_and_start():
        running.close()
        shutil.rmtree(tmp_path / "nats")
        running.enter_context(embedded.nats(tmp_path, port=int(url.rpartition(":")[2])))

    return stop_and_start


@pytest.fixture
def served(broker, database_url, tmp_path):
    """Settings of a system on servers that run: it stands still in virtual time."""
    return {
        "home": tmp_path,
        "database_url": application_url(database_url),
        "owner_database_url": database_url,
        "nats_url": broker[1],
        "clock": "virtual",
    }
