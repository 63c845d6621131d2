"""When a page cannot be shown: the log says which it was, and holds nothing that opens anything."""

import asyncio
import contextlib

import pytest
from psycopg_pool import AsyncConnectionPool
from starlette.routing import Route
from structlog.testing import capture_logs

from adapters.web.app import application
from adapters.web.receipts import aliyun_reports
from adapters.web.unsubscribing import unsubscribing
from tests.adapters.notices.requests import asked

CANARY = "canary-that-opens-something"
CARD = "/cards/0b9b1c1e-3a52-4a6c-9d53-7cf1b2ab1a55/pay"


async def breaks(_request):
    raise RuntimeError("anything")


def logged(method, path, visitor=None):
    """What is logged of a request to an application whose database is away, and whose own pages break."""

    async def ask():
        pool = AsyncConnectionPool("", open=False)
        pages = [Route("/cards/{card_id:uuid}/pay", breaks), Route("/opened/{token}", breaks)]
        app = application([aliyun_reports(pool, CANARY), unsubscribing(pool)], pages, visitor=visitor)
        with contextlib.suppress(RuntimeError):  # it is raised again once it is answered
            await asked(app, method, path, body=b"[]")

    with capture_logs() as lines:
        asyncio.run(ask())
    assert CANARY not in str(lines)
    return [(line["event"], line["path"]) for line in lines]


@pytest.mark.parametrize(
    ("method", "path", "event", "named"),
    [
        ("POST", "/notices/aliyun/{}", "page.cannot_be_shown", "/notices/aliyun/{given}"),
        ("GET", "/unsubscribe/{}", "page.cannot_be_shown", "/unsubscribe/{token}"),
        ("POST", "/unsubscribe/{}", "page.cannot_be_shown", "/unsubscribe/{token}"),
        ("GET", "/opened/{}", "page.failed", "/opened/…"),
    ],
)
def test_what_opens_something_is_not_logged(method, path, event, named):
    assert logged(method, path.format(CANARY)) == [(event, named)]


def test_a_path_that_no_page_has_is_not_logged_in_full():
    assert logged("GET", f"/unsubscribed/{CANARY}", visitor=breaks) == [("page.failed", "/unsubscribed/…")]


def test_ids_are_logged():
    assert logged("GET", CARD) == [("page.failed", CARD)]
