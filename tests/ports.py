"""Ports for servers that have to be told theirs before they start."""

import os
import socket
from itertools import count, islice

FIRST, OF_EACH, SHARES = 10_000, 500, 40
"""Below those that systems hand out by themselves; each process of the tests has a share of its own."""
_next = count()


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that no other process of the tests is given."""
    begin = FIRST + os.getpid() % SHARES * OF_EACH
    for number in islice(_next, OF_EACH):
        port = begin + number % OF_EACH
        if _is_free(port):
            return port
    raise AssertionError(f"none of the ports from {begin} on is free")


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
