"""The consumer is killed again and again: nobody is charged twice, nothing is lost, little is delayed."""

import os
import signal
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from adapters import embedded
from adapters.cli.demo.population import BEGIN
from adapters.cli.demo.run import demo_settings, promises_held, virtual_year
from adapters.cli.with_sandbox import System
from engine.card.attempt import ChargeAttempted
from engine.card.decline import ChargeFailed
from engine.card.payments import ChargeSucceeded
from engine.card.term import CardRenewed
from engine.store.log import read_log

SEED = 7
EVERYTHING = 1_000_000
GATEWAY_DELAY_MS = 100
"""In the disturbed run, so that for a while money has moved and no fact records it."""
BETWEEN_KILLS = timedelta(days=8)
"""In virtual time, enough for the consumer to have restarted."""
SEARCH_S = 0.5
"""How long to wait for a moment; the due cards may have nothing to charge."""


class Counts(NamedTuple):
    """Progress, counted in the log and in the gateway's own record."""

    intents: int
    movements: int
    charged: int


def work_begins(before: Counts, now: Counts) -> bool:
    return now == before


def an_intent_is_stored(before: Counts, now: Counts) -> bool:
    return now.intents > before.intents


def money_has_moved(before: Counts, now: Counts) -> bool:
    return now.movements > before.movements


def a_charge_is_recorded(before: Counts, now: Counts) -> bool:
    return now.charged > before.charged


class Disturbance(NamedTuple):
    """How many cards live for how long, and when their consumer is killed."""

    cards: int
    months: int
    moments: tuple[Callable[[Counts, Counts], bool], ...]


SHORT = Disturbance(30, 1, (money_has_moved, an_intent_is_stored, work_begins))
LONG = Disturbance(60, 2, (money_has_moved, work_begins, an_intent_is_stored, a_charge_is_recorded, money_has_moved))


class Killer:
    """Watches virtual months and kills their consumer at each of the moments."""

    def __init__(self, record: Path, disturbance: Disturbance) -> None:
        self.record = record
        self.moments = list(disturbance.moments)
        self.not_before = BEGIN + BETWEEN_KILLS
        self.killed: set[int] = set()
        self.restarts: Callable[[], int] = lambda: 0

    def __call__(self, now, supervisor, connection):
        supervisor.check()
        self.restarts = lambda: supervisor.restarts["consumer"]
        pids = [pid for pid in supervisor.pids()["consumer"] if pid not in self.killed]
        if self.moments and pids and now >= self.not_before and work_is_waiting(connection):
            with closing(sqlite3.connect(self.record)) as gateway:
                if comes(self.moments[0], connection, gateway):
                    os.kill(pids[0], signal.SIGKILL)
                    self.killed.add(pids[0])
                    self.not_before = now + BETWEEN_KILLS
                    del self.moments[0]


def work_is_waiting(connection):
    return connection.execute("SELECT FROM due, control WHERE wake_at <= virtual_now LIMIT 1").rowcount == 1


def comes(moment, connection, gateway):
    """Whether the moment comes, polling as fast as possible."""
    before, until = counts(connection, gateway), time.monotonic() + SEARCH_S
    while time.monotonic() < until:
        if moment(before, counts(connection, gateway)):
            return True
    return False


def counts(connection, gateway):
    query = """
        SELECT count(*) FILTER (WHERE topic = 'charge_attempted.v1'),
            count(*) FILTER (WHERE topic = 'charge_succeeded.v1') FROM card_events
    """
    intents, charged = connection.execute(query).fetchone()
    return Counts(intents, gateway.execute("SELECT count(*) FROM movements").fetchone()[0], charged)


def run_months(disturbance, home, watch, **changed):
    settings = demo_settings(home, SEED).model_copy(update=changed)
    return virtual_year(System(settings), cards=disturbance.cards, months=disturbance.months, seed=SEED, watch=watch)


def histories(home):
    """Each card's facts."""
    found = {}
    with embedded.postgres(home) as url, psycopg.connect(url) as connection:
        for one in read_log(connection, 0, EVERYTHING):
            found.setdefault(one.card_id, []).append(one.fact)
    return found


def interrupted(history):
    """Ids of the attempts whose outcome was not recorded at the business time at which they were made."""
    made = {fact.attempt_id: fact.at for fact in history if isinstance(fact, ChargeAttempted)}
    known_at = {}
    for fact in history:
        if not isinstance(fact, ChargeAttempted) and (attempt_id := getattr(fact, "attempt_id", None)):
            known_at.setdefault(attempt_id, fact.at)
    return {attempt_id for attempt_id, at in made.items() if known_at.get(attempt_id) != at}


def terms_of(history):
    return [(fact.term, fact.price) for fact in history if isinstance(fact, CardRenewed)]


def taken_at(record):
    """When the gateway took the money of each attempt that it charged."""
    with closing(sqlite3.connect(record)) as gateway:
        return dict(gateway.execute("SELECT key, at FROM movements"))


@pytest.fixture
def homes(server_home):
    """Of a calm run and of a disturbed one."""
    with tempfile.TemporaryDirectory(dir=server_home) as folder:
        home = Path(folder)
        home.chmod(0o755)  # the embedded servers may run as another user
        calm, disturbed = home / "calm", home / "disturbed"
        calm.mkdir()
        disturbed.mkdir()
        yield calm, disturbed


@pytest.mark.parametrize("disturbance", [SHORT, pytest.param(LONG, marks=pytest.mark.slow)], ids=["short", "long"])
def test_a_repeatedly_killed_consumer_charges_nobody_twice_and_loses_nothing(homes, disturbance):
    calm, disturbed = homes
    expected = run_months(disturbance, calm, lambda _now, supervisor, _connection: supervisor.check())
    killer = Killer(disturbed / "gateway.sqlite3", disturbance)
    summary = run_months(disturbance, disturbed, killer, gateway_delay_ms=GATEWAY_DELAY_MS)

    assert not killer.moments, "a moment to kill at never came"
    assert killer.restarts() == len(disturbance.moments)
    assert promises_held(expected)
    assert promises_held(summary), summary
    assert summary["gateway_total"] == summary["ledger_total"]

    before, after = histories(calm), histories(disturbed)
    assert before.keys() == after.keys()
    assert not any(interrupted(history) for history in before.values())
    asked_again = {card_id for card_id, history in after.items() if interrupted(history)}
    assert len(asked_again) < disturbance.cards / 2
    for card_id in before.keys() - asked_again:
        assert after[card_id] == before[card_id]
    for card_id in asked_again:
        if not any(isinstance(fact, ChargeFailed) for fact in before[card_id]):  # else the dates of retries shift
            assert terms_of(after[card_id]) == terms_of(before[card_id])

    first_taken = taken_at(disturbed / "gateway.sqlite3")
    charged_unrecorded = [
        fact
        for history in after.values()
        for fact in history
        if isinstance(fact, ChargeSucceeded)
        and fact.attempt_id in interrupted(history)
        and first_taken[str(fact.attempt_id)] < fact.at.isoformat()
    ]
    assert charged_unrecorded, "no kill came between a charge and its recording"
    assert all(fact.learned != "sent" for fact in charged_unrecorded)
