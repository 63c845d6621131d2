"""Real servers for the tests: started once per session, a fresh database for each test that asks."""

import gc
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import psycopg
import pytest

from adapters import embedded
from tests.lent_databases import at_database
from tests.warm_starts import true_starts, warm_starts

os.environ["BAOHAO_NATS_PORT"] = "0"  # any free one: the tests of several cores start servers beside each other
LENT_POSTGRES, LENT_NATS = "TEST_POSTGRES_URL", "TEST_NATS_URL"
"""Variables by which a test lends its servers to the tests that it runs."""
_numbers = count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the tests that take long")


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what stays for good, imports and tests: a tenth of the time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


LONG_FIRST = ("tests/journey/", "tests/adapters/cli/test_up.py", "tests/adapters/cli/test_processes.py")
"""Tests that start whole systems: a worker that began one last would keep all others waiting."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what is slow, and let each worker's share, which is a stretch of the tests, begin with long ones."""
    deal_out(items, getattr(config, "workerinput", {}).get("workercount", 1))
    if not config.getoption("--slow"):
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="takes long; run with --slow"))


def deal_out(items: list[pytest.Item], workers: int) -> None:
    """Put long files at the beginning of each of so many equal stretches; each file stays together."""
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.nodeid.partition("::")[0], []).append(item)
    long = [file for file in files if file.startswith(LONG_FIRST)]
    others = [file for file in files if file not in long]
    stretches: list[list[pytest.Item]] = [[] for _ in range(workers)]
    for number, file in enumerate(long):
        stretches[number % workers] += files[file]
    for number, stretch in enumerate(stretches):
        share = len(items) * (number + 1) // workers - len(items) * number // workers
        while others and (len(stretch) < share or number == workers - 1):
            stretch.extend(files[others.pop(0)])
    items[:] = [item for stretch in stretches for item in stretch]


@pytest.fixture(scope="session", autouse=True)
def _warm_starts() -> Iterator[None]:
    """Processes of the product start without importing it."""
    with warm_starts():
        yield


@pytest.fixture
def started_truly() -> Iterator[None]:
    """For a test that is about the start of a process, or its end."""
    with true_starts():
        yield


@pytest.fixture(scope="session")
def server_home() -> Iterator[Path]:
    """A folder with a short path: that of a socket file is limited."""
    home = Path(tempfile.mkdtemp(prefix="baohao-test-"))
    yield home
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_url(server_home) -> Iterator[str]:
    """A PostgreSQL of this test session, or that of the test that started it; as its owner."""
    if lent := os.environ.get(LENT_POSTGRES):
        yield lent
        return
    with embedded.postgres(server_home) as url:
        with psycopg.connect(embedded.owner_url(url), autocommit=True) as connection:
            for part in ("fsync", "full_page_writes"):  # for when a machine crashes: its data would not be kept then
                connection.execute(f"ALTER SYSTEM SET {part} = off")
            connection.execute("SELECT pg_reload_conf()")
        yield embedded.owner_url(url)


@pytest.fixture(scope="session")
def nats_url(server_home) -> Iterator[str]:
    """A NATS server with JetStream of this test session, or that of the test that started it."""
    if lent := os.environ.get(LENT_NATS):
        yield lent
        return
    with embedded.nats(server_home) as url:
        yield url


@pytest.fixture
def empty_url(postgres_url) -> Iterator[str]:
    """An empty database for one test, dropped afterwards."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield at_database(postgres_url, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url(empty_url) -> str:
    return empty_url


@pytest.fixture(scope="session")
def eventually() -> Callable[[Callable[[], object]], None]:
    """Wait until what was asked holds, for a minute at most."""

    def wait_until(holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < deadline, "it did not come about in time"
            time.sleep(0.01)

    return wait_until
