"""One seed from beginning to end: real servers and processes, a virtual stretch of time, faults, then the checks."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

import psycopg
from dateutil.relativedelta import relativedelta
from msgspec import json

from adapters.cli.demo.population import BEGIN, population
from adapters.cli.demo.run import demo_settings
from adapters.cli.demo.year import Year
from adapters.cli.servers import Running, both_servers, owner_of
from adapters.parked import list_parked
from adapters.roles import ROLES
from adapters.schema import migrate
from adapters.settings import environment
from adapters.supervise import Supervisor
from adapters.wiring import recorder_of, rules_of
from engine.actor import actor
from engine.application import Engine, Reply
from engine.commands import Issued
from engine.envelope import read_fact
from engine.errors import BaohaoError, ConnectionLostError, LockHeldError
from engine.notices import NOTICE_FACTS, notice_of
from engine.rules import Rules
from engine.store.streams import Store
from projections.follow import BATCH
from projections.live import differences
from tests.faults.checker import Evidence, Fact, facts_of, public_facts, still_said
from tests.faults.faults import RESTORED, Faults, planned
from tests.faults.restoring import Restores
from tests.faults.stream import Message, messages_of

TWINS = 2
"""Processes of each role."""
QUIET = timedelta(days=12)
"""The end of each run, in which nothing new goes wrong and all must come to rest."""
PUBLISHED_WITHIN_S = 30
AGAIN_S = 0.2


@dataclass(frozen=True)
class Plan:
    """What to live through."""

    seed: int
    cards: int = 300
    months: int = 3
    faults: int = 70
    minutes: float = 10.0
    """Of real time, at most."""
    restores: bool = False
    """Whether the database is put back from dumps too: of a log that lost facts the model of a card knows nothing."""


@dataclass
class Outcome:
    """What came of one plan."""

    plan: Plan
    faults: Mapping[str, int] = field(default_factory=dict[str, int])
    charges: int = 0
    facts: int = 0
    ended_by_themselves: Mapping[str, int] = field(default_factory=dict[str, int])
    """Roles that ended though nobody killed them, and were started again."""
    violations: list[str] = field(default_factory=list[str])
    wall_s: float = 0.0


def live_through(plan: Plan, home: Path, tell: Callable[[datetime, int], None]) -> Outcome:
    """One seed; `tell` hears the virtual time and the number of faults so far."""
    settings = demo_settings(home, plan.seed).model_copy(update={"gateway_budget_s": 0.5, "ack_wait_s": 1.5})
    outcome, started = Outcome(plan), perf_counter()
    with both_servers(settings) as running:
        migrate(owner_of(settings, running.database_url), running.database_url)
        with (
            Supervisor(_processes(), environment(running.settings), home / "logs") as supervisor,
            closing(_Driver(plan, running, supervisor, tell)) as driver,
        ):
            try:
                driver.run()
            except BaohaoError as error:
                outcome.violations.append(f"seed {plan.seed}: {error}")
            outcome.faults = driver.faults.counts
            outcome.ended_by_themselves = supervisor.restarts - driver.faults.kills
            driver.check(outcome)
    outcome.wall_s = perf_counter() - started
    return outcome


def _processes() -> Mapping[str, Sequence[str]]:
    names = [(role, role if number == 1 else f"{role}#{number}") for role in ROLES for number in range(1, TWINS + 1)]
    return {name: (sys.executable, "-m", "adapters.cli.role", role) for role, name in names}


class _Driver:
    """Moves the clock and gives the commands, while faults are inflicted, then checks."""

    def __init__(
        self, plan: Plan, running: Running, supervisor: Supervisor, tell: Callable[[datetime, int], None]
    ) -> None:
        end = BEGIN + relativedelta(months=plan.months)
        dice = Random(f"faults:{plan.seed}")
        self._running, self._tell = running, tell
        self._until = time.monotonic() + 60 * plan.minutes
        faults = planned(dice, plan.faults, BEGIN, end - QUIET, restores=plan.restores)
        self.restores = Restores(running, self._connect)
        self.faults = Faults(dice, faults, running, supervisor, self._connect, self.restores)
        recorder = recorder_of(running.settings, running.database_url)
        self.restores.year = self.year = Year(
            begin=BEGIN,
            end=end,
            commands=population(plan.cards, plan.months, plan.seed),
            engine=_PatientEngine(Store(recorder), actor("system", "demo")),
            rules=rules_of(running.settings),
            connection=self._connect(),
            nats_url=running.nats_url,
            on_step=self._on_step,
        )

    def run(self) -> None:
        """The whole stretch of time; raises BaohaoError where the system does not come to rest."""
        try:
            self.year.run()
        finally:
            self.faults.calm()

    def check(self, outcome: Outcome) -> None:
        """Compare everything with everything."""
        connection = self.year.connection
        facts = facts_of(connection)
        outcome.facts = len(facts)
        outcome.charges = sum(one.topic == "charge_attempted.v1" for one in facts)
        evidence = Evidence(
            outcome.plan.seed,
            self._running.settings.gateway_record,
            facts,
            self._all_published(public_facts(facts)),
            dict(_notices(facts)),
            self.year.rules.catalogue.minimum_charges,
            self.year.now,
            restored=self.faults.counts[RESTORED] > 0,
        )
        outcome.violations += evidence.violations()
        for name, rows in differences(connection, BATCH).items():
            if rows:
                outcome.violations.append(f"seed {outcome.plan.seed}: read model {name} differs from a replay: {rows}")
        if self.restores.open:
            outcome.violations.append(f"seed {outcome.plan.seed}: a restore did not end: {self.restores.told}")
        for one in list_parked(connection):
            if one.card_id is not None:
                outcome.violations.append(f"seed {outcome.plan.seed}: card {one.card_id} is parked: {one.reason}")

    def close(self) -> None:
        """Nothing stays frozen or open."""
        self.faults.calm()
        self.year.connection.close()

    def _on_step(self, now: datetime) -> None:
        if time.monotonic() > self._until:
            raise BaohaoError(f"it was not over in time; it is {now.isoformat()}")
        self._tell(now, self.faults.counts.total())
        self.faults(now)

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._running.database_url, autocommit=True)

    def _all_published(self, expected: int) -> list[Message]:
        """What is on the stream, once it is complete, or is not in time."""
        deadline = time.monotonic() + PUBLISHED_WITHIN_S
        while True:
            found = messages_of(self._running.nats_url)
            if len(still_said(found)) >= expected or time.monotonic() > deadline:
                return found
            time.sleep(AGAIN_S)


def _notices(facts: Sequence[Fact]) -> Iterator[tuple[int, str]]:
    for one in facts:
        if one.topic in NOTICE_FACTS and (notice := notice_of(read_fact(*one[:5]))) is not None:
            yield one.position, json.encode(notice).decode()


class _PatientEngine(Engine):
    """Gives commands again while the database is away, as whoever imports them would."""

    def execute(self, commands: Sequence[Issued], rules: Rules, at: datetime) -> list[Reply]:
        """See Engine."""
        while True:
            try:
                return super().execute(commands, rules, at)
            except (ConnectionLostError, LockHeldError):
                time.sleep(AGAIN_S)
