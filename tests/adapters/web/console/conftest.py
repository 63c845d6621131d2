"""The web role with the operator's console, on the holders' world; an operator of each role."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

import pytest
from structlog.testing import capture_logs

from adapters.notices.outbox import NewNotice, put_notices
from adapters.schema import migrate
from adapters.settings import load_settings
from engine.ports import Charged
from tests.adapters.parking import park
from tests.adapters.web.conftest import role
from tests.adapters.web.console.operators import OperatorClient, signed_in
from tests.adapters.web.pages.conftest import world_at
from tests.adapters.web.pages.holders import HOLDER, NOW, card_id_of
from tests.chromium import launched
from tests.engine.databases import application_url
from tests.lent_databases import LentDatabases
from tests.ports import free_port


class Site(NamedTuple):
    """The server that all tests of the console share; sessions and holders' tokens as they were made."""

    url: str
    renew: object
    address: str
    origin: str
    sessions: dict[str, str]
    holders: dict[str, str]


@pytest.fixture(scope="session")
def site(postgres_url):
    sessions, holders = {}, {}

    def make(url):
        migrate(url, application_url(url))
        with world_at(url) as world:
            world.populate()
            holders.update(world.tokens)
            _charged(world)
            _told(world)
            sessions.update(asyncio.run(signed_in(application_url(url))))
            park(world.cards.connection, [(card_id_of("short"), b"{}", "a reason"), (None, b"{", "no card")])

    databases = LentDatabases(postgres_url, "console", make)
    port = free_port()
    origin = f"http://console.localhost:{port}"
    settings = load_settings(clock="virtual", web_port=port, console_url=origin)
    address = f"http://localhost:{port}"
    with databases.lent_for_long() as (url, renew), role(settings, application_url(url)):
        yield Site(url, renew, address, origin, sessions, holders)
    databases.close()


def _charged(world):
    """A card whose last term was charged, and may be refunded."""
    paid = world.register("paid", "keep-us", date(2026, 10, 10), 1, zone="America/New_York")
    world.enable(paid, 1, datetime(2026, 10, 12, tzinfo=UTC))
    world.live(paid, NOW, Charged)


def _told(world):
    notice = NewNotice(
        f"{card_id_of('failing')}:5:payment_failed",
        "email",
        HOLDER,
        card_id_of("failing"),
        "payment_failed",
        NOW - timedelta(days=1),
        {},
        NOW + timedelta(days=1),
        "wake",
    )
    put_notices(world.connection, [notice])
    world.connection.execute("UPDATE outbox SET state = 'accepted', sent_at = %s", (NOW,))


@pytest.fixture
def world(site):
    with world_at(site.url) as found:
        found.tokens = site.holders
        yield found
    site.renew()


@pytest.fixture
def desk(site, world):
    """Makes the browser of an operator of some role; None: of nobody."""

    def of(role_name=None):
        return OperatorClient(site, site.sessions[role_name] if role_name else None)

    return of


@pytest.fixture
def operator(desk):
    return desk("operator")


@pytest.fixture
def record(world):
    """What was recorded, the oldest first: action, card, about, reason, outcome."""

    def read():
        query = "SELECT action, card_id, about, reason, outcome FROM operator_actions ORDER BY at, action_id"
        return world.connection.execute(query).fetchall()

    return read


@pytest.fixture
def lines():
    """All that is logged."""
    with capture_logs() as found:
        yield found


@pytest.fixture(scope="module")
def browser(site):
    """It keeps an event loop running in this thread, so it comes last and ends with its module."""
    yield from launched()
