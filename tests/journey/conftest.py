"""Homes for whole systems, and patience with them."""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PATIENCE_S = 60


@pytest.fixture
def new_home() -> Iterator[Callable[[], Path]]:
    """Makes folders with short paths that other system users may pass, as PostgreSQL needs them run by root."""
    homes: list[Path] = []

    def make() -> Path:
        homes.append(Path(tempfile.mkdtemp(prefix="baohao-test-")))
        homes[-1].chmod(0o755)
        return homes[-1]

    yield make
    for home in homes:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def in_time() -> Callable[[Callable[[], object]], None]:
    """Wait until what was asked holds; a whole system on a busy machine may take a while."""

    def wait_until(holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, "it did not come about in time"
            time.sleep(0.02)

    return wait_until
