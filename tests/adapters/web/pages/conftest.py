"""The web role on a database with two holders, whose cards stand in every way a card can."""

from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

import psycopg
import pytest

from adapters.schema import migrate
from adapters.settings import load_settings
from tests.adapters.cards import cards_of
from tests.adapters.web.conftest import role
from tests.adapters.web.pages.client import Client
from tests.adapters.web.pages.holders import HOLDER, OTHER, World
from tests.chromium import launched
from tests.engine.databases import application_url
from tests.lent_databases import LentDatabases
from tests.ports import free_port


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


@pytest.fixture(scope="session")
def holders(postgres_url):
    """One web role on one database for all tests of the pages: its address, and the database as it was made."""
    tokens = {}

    def make(url):
        migrate(url, application_url(url))
        with world_at(url) as world:
            world.populate()
            tokens.update(world.tokens)

    databases = LentDatabases(postgres_url, "holders", make)
    settings = load_settings(clock="virtual", web_port=free_port(), support="+1 212 555 0100")
    address = f"http://localhost:{settings.web_port}"
    with databases.lent_for_long() as (url, renew), role(settings, application_url(url)):
        yield Holders(url, renew, address, tokens)
    databases.close()


class Holders(NamedTuple):
    """The server that all tests of the pages share."""

    url: str
    renew: Callable[[], None]
    """Brings back the rows that the world was made with."""
    address: str
    tokens: dict[str, str]


@pytest.fixture
def world(holders):
    with world_at(holders.url) as found:
        found.tokens = holders.tokens
        found.connection.execute("UPDATE sessions SET confirmed_at = now(), seen_at = now()")
        yield found
    holders.renew()


@pytest.fixture
def served(holders, world):
    """The address of the pages."""
    return holders.address


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


@pytest.fixture(scope="module")
def browser(holders):
    """It keeps an event loop running in this thread, so it comes last and ends with its module."""
    yield from launched()
