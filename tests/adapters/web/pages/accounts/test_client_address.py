"""From which address a request comes, with and without proxies that are believed."""

import pytest
from starlette.requests import Request

from adapters.web.pages.accounts.client_address import client_address

PEER = "10.0.0.9"


def request(*lines):
    headers = [(b"x-forwarded-for", line.encode()) for line in lines]
    return Request({"type": "http", "headers": headers, "client": (PEER, 4711)})


@pytest.mark.parametrize(
    ("proxies", "lines", "found"),
    [
        (0, (), PEER),
        (0, ("198.51.100.1",), PEER),  # nobody is believed
        (1, ("198.51.100.1, 203.0.113.7",), "203.0.113.7"),
        (2, ("198.51.100.1, 203.0.113.7", "10.0.0.1"), "203.0.113.7"),
        (1, ("2001:db8::7",), "2001:db8::7"),
        (1, ("[2001:db8::7]:443",), "2001:db8::7"),
        (1, ("203.0.113.7:1234",), "203.0.113.7"),
        (1, (), PEER),
        (3, ("198.51.100.1, 203.0.113.7",), PEER),  # it has not passed all of them
        (1, ("unknown",), PEER),
        (1, ("' OR 1=1",), PEER),
    ],
)
def test_each_trusted_proxy_counts_from_the_end(proxies, lines, found):
    assert client_address(request(*lines), proxies) == found
