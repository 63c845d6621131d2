"""Waiting for running systems, which may be slow on a busy machine."""

import time
from collections.abc import Callable

PATIENCE_S = 60


def until(holds: Callable[[], object]) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "the condition did not hold in time"
        time.sleep(0.02)
