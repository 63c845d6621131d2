"""A sandbox whose every exchange is judged by Stripe's own document, and methods attached to customers in it."""

import pytest

from adapters.gateways.sandbox.running import running
from tests.adapters.gateways.stripe.asking import post
from tests.adapters.gateways.stripe.wire import Wire
from tests.judge.judging import Judge


@pytest.fixture(scope="session")
def judge():
    return Judge()


@pytest.fixture(scope="session")
def sandbox(judge):
    """The address of a sandbox that all tests share; each has its own customers."""
    with running(observe=judge) as address:
        yield address


@pytest.fixture(autouse=True)
def _judged(request):
    yield
    if "sandbox" in request.fixturenames:
        findings = request.getfixturevalue("judge").findings
        found = list(findings)
        findings.clear()  # the next test starts anew
        assert found == []


@pytest.fixture
def bound(sandbox):
    """Attach a test method to a new customer; returns our token of it."""

    def bind(token, kind=None):
        customer = post(sandbox, "/v1/customers")["id"]
        method = post(sandbox, f"/v1/payment_methods/{token}/attach", customer=customer)["id"]
        return "/".join(part for part in (customer, method, kind) if part)

    return bind


@pytest.fixture
def wire():
    """A server that answers as it is told, byte by byte."""
    with Wire().running() as server:
        yield server
