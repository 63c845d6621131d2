"""Waiting for whole systems, which on a busy machine may take a while."""

import time
from collections.abc import Callable

PATIENCE_S = 60


def until(holds: Callable[[], object]) -> None:
    """Wait until what was asked holds, and no longer."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)
