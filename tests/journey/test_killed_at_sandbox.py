"""Charges through a sandbox that fails in every way, by a consumer that is killed: its record and the ledger agree."""

import os
import signal
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from adapters import embedded
from adapters.cli.demo.at_sandbox import FAULTS
from adapters.cli.demo.population import BEGIN
from adapters.cli.demo.run import demo_settings, promises_held, virtual_year
from adapters.cli.with_sandbox import with_sandbox

SEED = 11
UNSETTLED = """
    SELECT count(*) FROM charges
    WHERE status IN ('attempted', 'unknown', 'pending') AND attempted_at < %s::timestamptz - interval '6 days'
        AND attempt_id NOT IN (SELECT about FROM cases WHERE about IS NOT NULL)
"""
"""Attempts that are neither settled nor a case for a person, days after they were made."""


class Run(NamedTuple):
    """A population, for so long, and how often its consumer is killed."""

    cards: int
    months: int
    kills: int


SHORT, LONG = Run(30, 1, 2), Run(4500, 4, 20)
"""The long one makes more than ten thousand charges."""


class Killer:
    """Kills the consumer from time to time, in virtual time, so that it dies as often on every machine."""

    def __init__(self, run: Run) -> None:
        every = timedelta(days=28 * run.months) / (run.kills + 1)
        self.times = [BEGIN + every * number for number in range(1, run.kills + 1)]
        self.killed: set[int] = set()

    @property
    def left(self) -> int:
        """So many kills are still to come."""
        return len(self.times)

    def __call__(self, now, supervisor, connection):
        supervisor.check()
        if not self.times or now < self.times[0]:
            return
        pids = [pid for pid in supervisor.pids()["consumer"] if pid not in self.killed]
        is_due = connection.execute("SELECT FROM due, control WHERE wake_at <= virtual_now LIMIT 1").rowcount
        if pids and is_due:
            os.kill(pids[0], signal.SIGKILL)
            self.killed.add(pids[0])
            del self.times[0]


@pytest.fixture
def home(server_home):
    with tempfile.TemporaryDirectory(dir=server_home) as folder:
        Path(folder).chmod(0o755)  # the embedded servers may run as another user
        (found := Path(folder) / "home").mkdir()
        yield found


@pytest.mark.parametrize("run", [SHORT, pytest.param(LONG, marks=pytest.mark.slow)], ids=["short", "long"])
def test_a_killed_consumer_and_a_failing_provider_charge_nobody_twice_and_lose_nothing(home, run):
    system, killer = with_sandbox(demo_settings(home, SEED), SEED, FAULTS), Killer(run)
    summary = virtual_year(system, cards=run.cards, months=run.months, seed=SEED, watch=killer)
    print(summary)  # noqa: T201 (with -s, the figures of the long run)
    assert killer.left == 0, "the consumer was not killed as often as it should have been"
    assert promises_held(summary), summary
    assert summary["gateway_total"] == summary["ledger_total"]
    assert summary["unknown_resolved"] > 0
    with embedded.postgres(home) as url, psycopg.connect(url) as connection:
        [now] = connection.execute("SELECT virtual_now FROM control").fetchone()
        assert connection.execute(UNSETTLED, (now,)).fetchone() == (0,)
