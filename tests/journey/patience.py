"""Waiting for running systems, which may be slow on a busy machine."""

import time
from collections.abc import Callable

PATIENCE_S = 60
POLL_S, POLL_MAX_S = 0.02, 0.25
"""Between two looks: more and more, since a look may cost more than what is waited for."""


def until(holds: Callable[[], object]) -> None:
    """Wait until the condition holds."""
    deadline, poll_s = time.monotonic() + PATIENCE_S, POLL_S
    while not holds():
        assert time.monotonic() < deadline, "the condition did not hold in time"
        time.sleep(poll_s)
        poll_s = min(1.2 * poll_s, POLL_MAX_S)
