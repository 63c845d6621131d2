"""The faults: what is done to servers, processes, connections, clock and queues, from a seeded list."""

import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import psycopg

from adapters.cli.demo.year import Year
from adapters.cli.servers import Running
from adapters.control import move_clock
from adapters.embedded import restarted
from adapters.embedded.ownership import Server
from adapters.supervise import Supervisor
from tests.faults import stranger
from tests.faults.restoring import Restores
from tests.faults.stream import Message, messages_of

KINDS = {
    "role_killed": 24,
    "role_frozen": 10,
    "connections_cut": 18,
    "postgres_restarted": 6,
    "nats_killed": 6,
    "nats_wiped": 4,
    "clock_forward": 4,
    "due_doubled": 12,
    "due_foreign": 6,
    "event_doubled": 5,
    "event_foreign": 5,
    "database_restored": 5,
}
"""With weights. The virtual clock never goes back, so neither does any fault put it back."""
RESTORED, DUMPED = "database_restored", "database_dumped"
DUMP_AGE_DAYS = (0.5, 4.0)
HASTY = 0.4
"""How often processes are at work on the restored database before the operator says that it was restored."""
HASTY_S = (0.0, 4.0)
FROZEN_S = (0.2, 6.0)
"""How long a role stands still: shorter and longer than leases and the broker's patience."""
DOWN_S = (0.0, 2.0)
"""How long a server is away."""
INTO_WORK_S = (0.0, 0.25)
"""How long after the clock has moved a fault comes, while what became due is being done."""
LATE = timedelta(days=1)
"""A fault that missed the work of so long a time comes at once."""
FORWARD_DAYS = (0.5, 6.0)
SESSIONS_CUT = 3
BURST_MOST = 4
"""Faults come together, up to so many at one virtual instant."""
LAST_EVENTS = 40
"""From so many of the stream's last messages one is published again."""


class Planned(NamedTuple):
    """A fault to come: from which virtual instant on, and how long into the work of that instant."""

    at: datetime
    into_work_s: float
    kind: str


def planned(dice: Random, number: int, begin: datetime, end: datetime, *, restores: bool = True) -> list[Planned]:
    """So many faults between two virtual instants, in order, some of them together; dumps come on top."""
    weights = {kind: weight for kind, weight in KINDS.items() if restores or kind != RESTORED}
    kinds = dice.choices(list(weights), list(weights.values()), k=number)
    times: list[datetime] = []
    while len(times) < number:
        times += dice.randint(1, BURST_MOST) * [begin + dice.random() * (end - begin)]
    faults = [Planned(at, dice.uniform(*INTO_WORK_S), kind) for at, kind in zip(times, kinds, strict=False)]
    dumps = [
        Planned(max(begin, one.at - timedelta(days=dice.uniform(*DUMP_AGE_DAYS))), 0.0, DUMPED)
        for one in faults
        if one.kind == RESTORED
    ]
    return sorted([*faults, *dumps])


@dataclass
class Faults:
    """Does to a running system what the list says; called while the year waits for rest."""

    dice: Random
    left: list[Planned]
    running: Running
    supervisor: Supervisor
    connect: Callable[[], psycopg.Connection[Any]]
    restores: Restores
    counts: Counter[str] = field(default_factory=Counter[str])
    kills: Counter[str] = field(default_factory=Counter[str])
    """By role."""
    _step: datetime | None = field(init=False, default=None)
    _step_since: float = field(init=False, default=0.0)
    _frozen: dict[int, float] = field(init=False, default_factory=dict[int, float])
    """Until when each frozen process stands still."""

    def __call__(self, now: datetime) -> None:
        """Do what is due at this moment of the work."""
        self.supervisor.check()
        self._thaw(time.monotonic())
        if self._step != now:
            self._step, self._step_since = now, time.monotonic()
        self.restores.look(now)
        while self.left and self.left[0].at <= now:
            is_early = time.monotonic() < self._step_since + self.left[0].into_work_s
            if is_early and now - self.left[0].at < LATE:
                return
            self.inflict(self.left.pop(0).kind)

    def inflict(self, kind: str) -> None:
        """One fault."""
        if getattr(self, f"_{kind}")() is not False and kind != DUMPED:
            self.counts[kind] += 1

    def calm(self) -> None:
        """Nothing more goes wrong, and nothing stands still."""
        self.left.clear()
        self._thaw(float("inf"))

    @property
    def year(self) -> Year:
        """The stretch of time that is lived through."""
        return self.restores.year

    # Processes

    def _thaw(self, now: float) -> None:
        for pid in [pid for pid, until in self._frozen.items() if until <= now]:
            del self._frozen[pid]
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def _some_role(self) -> tuple[str, int] | None:
        alive = [(role, pid) for role, pids in self.supervisor.pids().items() for pid in pids]
        return self.dice.choice(alive) if alive else None

    def _role_killed(self) -> bool:
        found = self._some_role()
        if found is not None:
            self.kills[found[0]] += 1
            os.kill(found[1], signal.SIGKILL)
        return found is not None

    def _role_frozen(self) -> bool:
        found = self._some_role()
        if found is not None:
            os.kill(found[1], signal.SIGSTOP)
            self._frozen[found[1]] = time.monotonic() + self.dice.uniform(*FROZEN_S)
        return found is not None

    # Servers

    def _postgres_restarted(self) -> None:
        """As in a crash: clients are cut off, and what was not flushed is gone."""
        os.kill(_pid(self._home / "postgres" / "postmaster.pid"), signal.SIGQUIT)
        self._back(self._server("postgres"))
        self.year.connection.close()
        self.year.connection = self.connect()

    def _nats_killed(self) -> None:
        os.kill(_pid(self._home / "nats" / "nats.pid"), signal.SIGKILL)
        self._back(self._server("nats"))

    def _nats_wiped(self) -> None:
        os.kill(_pid(self._home / "nats" / "nats.pid"), signal.SIGKILL)
        self._until_ended(self._server("nats"))
        shutil.rmtree(self._home / "nats")
        self._back(self._server("nats"))

    def _back(self, server: Server) -> None:
        self._until_ended(server)
        time.sleep(self.dice.uniform(*DOWN_S))
        restarted(server)

    def _until_ended(self, server: Server) -> None:
        while server.alive():
            time.sleep(0.01)

    def _server(self, name: str) -> Server:
        return next(one for one in self.running.embedded if one.name == name)

    @property
    def _home(self) -> Path:
        return self.running.settings.home

    def _connections_cut(self) -> None:
        self.year.connection.execute(
            """
            SELECT pg_terminate_backend(pid) FROM (
                SELECT pid FROM pg_stat_activity
                WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() ORDER BY random() LIMIT %s
            ) AS unlucky
            """,
            (self.dice.randint(1, SESSIONS_CUT),),
        )

    def _database_dumped(self) -> None:
        self.restores.dump()

    def _database_restored(self) -> bool:
        """The processes stand still meanwhile; afterwards some go on with what they know, some are started anew."""
        pids = [pid for pids in self.supervisor.pids().values() for pid in pids]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        is_hasty = self.dice.random() < HASTY
        if done := self.restores.put_back():
            if not is_hasty:
                self.restores.begin()
            self._go_on(pids)
            if is_hasty:
                time.sleep(self.dice.uniform(*HASTY_S))
                self.restores.begin()
        else:
            self._go_on(pids)
        return done

    def _go_on(self, pids: Sequence[int]) -> None:
        for role, of_role in self.supervisor.pids().items():
            for pid in of_role:
                if pid in pids and self.dice.random() < 0.5:
                    self.kills[role] += 1
                    os.kill(pid, signal.SIGKILL)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self._frozen.clear()

    # Clock and queues

    def _clock_forward(self) -> None:
        """Time passes unattended: what fell due meanwhile is found late."""
        end = min(self.year.now + timedelta(days=self.dice.uniform(*FORWARD_DAYS)), self.year.end)
        self.year.now = max(self.year.now, end.replace(microsecond=0))
        move_clock(self.year.connection, self.year.now)

    def _due_doubled(self) -> None:
        rows = self.year.connection.execute("SELECT card_id FROM due ORDER BY wake_at, card_id LIMIT 40")
        if card_ids := [card_id for (card_id,) in rows]:
            self._publish(*stranger.due_again(self.dice, card_ids))

    def _due_foreign(self) -> None:
        self._publish(*stranger.due_foreign(self.dice))

    def _event_doubled(self) -> None:
        self._publish(*stranger.event_again(self.dice, self._published()))

    def _event_foreign(self) -> None:
        self._publish(*stranger.event_foreign(self.dice))

    def _published(self) -> list[Message]:
        """Read in a thread of its own, because this one's event loop is the year's."""
        with ThreadPoolExecutor(1) as other:
            return other.submit(messages_of, self.running.nats_url, last=LAST_EVENTS).result()

    def _publish(self, subject: str, body: bytes, message_id: str, others: Mapping[str, str] | None = None) -> None:
        stranger.publish(self.running.nats_url, subject, body, message_id, others or {})


def _pid(file: Path) -> int:
    return int(file.read_text().split()[0])
