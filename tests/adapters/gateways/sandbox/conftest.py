"""Sandboxes in this process, whose every request and answer is judged by Stripe's own document."""

from contextlib import ExitStack

import pytest

from adapters.gateways.sandbox.running import running
from adapters.gateways.sandbox.server import Options
from tests.adapters.gateways.sandbox.api import Api
from tests.judge.judging import Judge


@pytest.fixture(scope="session")
def stripes_document():
    return Judge().document


@pytest.fixture
def judge(stripes_document):
    """Hears of every exchange; a test fails by what it finds."""
    judge = Judge(stripes_document)
    yield judge
    assert judge.findings == []


@pytest.fixture
def started(judge):
    """Starts judged sandboxes, which run until the test ends."""
    with ExitStack() as stack:
        yield lambda options=None: Api(stack.enter_context(running(options, judge)))


@pytest.fixture
def api(started):
    """A client of a fresh sandbox, in memory."""
    return started(Options())
