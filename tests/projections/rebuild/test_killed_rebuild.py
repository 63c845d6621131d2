"""Real processes of a rebuild, killed where chance will have it: what they leave is gone on with or made good."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from projections.follow import BATCH, follow
from projections.live import LIVE, differences
from tests.engine.random_histories import random_history, store_all
from tests.journey.patience import until
from tests.projections.folding import varied_lives

ROOT = Path(__file__).parents[3]


@pytest.fixture
def lives(store, connection):
    store_all(store, varied_lives(60))
    follow_all(connection)


def follow_all(connection):
    while follow(connection, LIVE, BATCH).fact_count:
        pass


@pytest.fixture
def start(cards_url):
    """Starts a rebuild in processes of its own, which end with the test."""
    started = []

    def start() -> subprocess.Popen:
        arguments = [sys.executable, "-m", "tests.projections.rebuild.rebuilding_process", cards_url]
        started.append(subprocess.Popen(arguments, cwd=ROOT, start_new_session=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def is_building(connection) -> bool:
    try:
        return connection.execute("SELECT count(done_at) > 0 FROM rebuild._stretches").fetchone()[0]
    except psycopg.errors.UndefinedTable:
        return False


def killed(process, connection, chance) -> None:
    """Kill the rebuild, or all of its processes, at any moment after it has begun; it may be over by then."""
    until(lambda: is_building(connection) or process.poll() is not None)
    time.sleep(chance.uniform(0, 0.3))  # any moment
    if chance.random() < 0.5:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


@pytest.mark.parametrize(
    ("seed", "kills"), [(1, 2), pytest.param(2, 50, marks=pytest.mark.slow)], ids=["twice", "fifty times"]
)
def test_rows_equal_a_replay_however_often_the_rebuild_was_killed(start, connection, store, lives, seed, kills):
    chance = random.Random(seed)
    for round_ in range(kills):
        store_all(store, [random_history(1000 * seed + round_, 30)])
        killed(start(), connection, chance)
    follow_all(connection)
    assert not any(differences(connection, BATCH).values()), "what is live is whole"
    assert start().wait() == 0
    assert not any(differences(connection, BATCH).values())
