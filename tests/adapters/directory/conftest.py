"""The directory of a migrated database, as the application's role works with it."""

import threading

import psycopg
import pytest

from adapters.directory.passwords import _THREADS
from tests.adapters.authenticator import Authenticator
from tests.adapters.directory.desk import Desk
from tests.adapters.directory.passkey_desk import SITE
from tests.engine.databases import application_url


@pytest.fixture
def desk(run, migrated_url):
    """The directory, at a time that the test sets."""
    connected = run(psycopg.AsyncConnection.connect(application_url(migrated_url), autocommit=True))
    yield Desk(run, connected, application_url(migrated_url))
    run(connected.close())


@pytest.fixture
def hashing_is_busy():
    """No password is hashed before the test is over."""
    over = threading.Event()
    for _ in range(_THREADS._max_workers):
        _THREADS.submit(over.wait)
    yield
    over.set()


@pytest.fixture
def key():
    """An authenticator of somebody who looks at our pages."""
    return Authenticator(SITE.origin)
