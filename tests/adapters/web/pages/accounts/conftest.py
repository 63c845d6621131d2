"""The pages with what they send collected, and a holder who has a password."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import pytest
from structlog.testing import capture_logs

from adapters.directory.passwords import hashed
from adapters.settings import load_settings
from tests.adapters.web.conftest import role
from tests.adapters.web.pages.client import Client
from tests.adapters.web.pages.holders import EMAIL, HOLDER
from tests.engine.databases import application_url
from tests.ports import free_port

PASSWORD = "correct horse battery"


class Post:
    """What was sent, newest last."""

    def __init__(self):
        self.sent = []

    async def send(self, _connection, message):
        self.sent.append(message)

    @property
    def code(self):
        """The code that was sent last."""
        return next(one.values["code"] for one in reversed(self.sent) if one.kind == "code")

    @property
    def wrong_code(self):
        return f"{(int(self.code) + 1) % 1_000_000:06d}"

    def kinds(self):
        return [(one.kind, one.to) for one in self.sent]


@pytest.fixture
def lines():
    """All that is logged."""
    with capture_logs() as found:
        yield found


@pytest.fixture(scope="session")
def account_pages(holders):
    """A web role on the database of the other tests, which sends to a list: its address, and the list."""
    post = Post()
    settings = load_settings(clock="virtual", web_port=free_port(), web_proxies=1, sms="log")
    address = f"http://localhost:{settings.web_port}"
    with role(settings, application_url(holders.url), send=post.send):
        yield address, post


@pytest.fixture
def post(account_pages):
    _, post = account_pages
    post.sent.clear()
    return post


@pytest.fixture
def served(world, account_pages):
    """The address of the pages; the first holder has a password."""
    world.connection.execute(
        "UPDATE accounts SET password_hash = %s, email_confirmed = true WHERE holder_id = %s", (_hash(), HOLDER)
    )
    return account_pages[0]


@cache
def _hash():
    with ThreadPoolExecutor(1) as beside:  # a browser keeps an event loop in this thread
        return beside.submit(lambda: asyncio.run(hashed(PASSWORD))).result()


@pytest.fixture
def phone(served):
    """Another browser of the holder, which is signed in by password."""
    browser = Client(served)
    assert sign_in(browser).to == "/cards"
    return browser


def sign_in(browser, account=EMAIL, password=PASSWORD, to=""):
    return browser.post(f"/sign-in{to}", {"account": account, "password": password})


def by_code(browser, post, path, code_path, address, **fields):
    """Both steps of a code; the last answer."""
    asked = browser.post(path, {"address": address})
    assert asked.to == code_path
    return browser.post(code_path, {"code": post.code, **fields})
