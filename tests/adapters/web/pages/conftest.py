"""The web role on a database with two holders, whose cards stand in every way a card can."""

from datetime import timedelta

import psycopg
import pytest

from adapters.schema import migrate
from adapters.settings import load_settings
from tests.adapters.cards import cards_of
from tests.adapters.poolers import free_port
from tests.adapters.web.conftest import _answers, role
from tests.adapters.web.pages.client import Client
from tests.adapters.web.pages.holders import HOLDER, OTHER, World
from tests.engine.databases import application_url
from tests.lent_databases import LentDatabases


@pytest.fixture(scope="session")
def holders_databases(postgres_url):
    """Databases with the holders in them, and the tokens of their sessions."""
    tokens = {}

    def make(url):
        migrate(url, application_url(url))
        with world_at(url) as world:
            world.tokens = tokens
            world.populate()

    databases = LentDatabases(postgres_url, "holders", make)
    databases.tokens = tokens
    yield databases
    databases.close()


class world_at:  # noqa: N801 (reads as the verb it stands for)
    """The world of a database, as long as a block lasts."""

    def __init__(self, url):
        self._url = url

    def __enter__(self):
        self._connection = psycopg.connect(self._url, autocommit=True)
        cards, self._pool = cards_of(self._connection, application_url(self._url), timedelta(seconds=1))
        return World(cards, application_url(self._url), self._connection)

    def __exit__(self, *_):
        self._pool.close()
        self._connection.close()


@pytest.fixture
def world(holders_databases):
    with holders_databases.lent() as url, world_at(url) as found:
        found.tokens = holders_databases.tokens
        yield found


@pytest.fixture
def served(world, eventually):
    """The address of the pages."""
    settings = load_settings(clock="virtual", web_port=free_port())
    address = f"http://localhost:{settings.web_port}"
    with role(settings, world.database_url):
        eventually(lambda: _answers(address))
        yield address


@pytest.fixture
def lin(served, world):
    """The holder's browser."""
    return Client(served, world.tokens[HOLDER])


@pytest.fixture
def other(served, world):
    """Another holder's browser, in Chinese."""
    return Client(served, world.tokens[OTHER], "zh-CN")


@pytest.fixture
def stranger(served):
    """The browser of nobody that we know."""
    return Client(served)
