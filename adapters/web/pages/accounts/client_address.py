"""From which address a request comes: the limits of sign-ins and codes count by it."""

import ipaddress
import re

from starlette.requests import Request

_WITH_PORT = re.compile(r"\[(?P<six>[^\]]+)\](?::\d+)?|(?P<four>[\d.]+):\d+")


def client_address(request: Request, proxies: int) -> str:
    """The peer's address, or with `proxies` trusted ones before us what the first of them saw.

    Each appends to X-Forwarded-For whom it talks to, so what stands further left is the client's own claim. Where the
    header is shorter than that, or holds no address there, the request has not passed them all: the peer counts.
    """
    peer = request.client.host if request.client else ""
    passed = [part.strip() for line in request.headers.getlist("x-forwarded-for") for part in line.split(",")]
    if not 0 < proxies <= len(passed):
        return peer
    return _address(passed[-proxies]) or peer


def _address(text: str) -> str | None:
    """The address without a port, if it is one."""
    found = _WITH_PORT.fullmatch(text)
    address = (found["six"] or found["four"]) if found else text
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return None
    return address
