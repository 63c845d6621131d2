"""The directory of a migrated database, as the application's role works with it."""

import psycopg
import pytest

from tests.adapters.directory.desk import Desk
from tests.engine.databases import application_url


@pytest.fixture
def desk(run, migrated_url):
    """The directory, at a time that the test sets."""
    connected = run(psycopg.AsyncConnection.connect(application_url(migrated_url), autocommit=True))
    yield Desk(run, connected, application_url(migrated_url))
    run(connected.close())
