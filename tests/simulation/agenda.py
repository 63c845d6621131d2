"""Jobs by virtual time; jobs of the same time are handed out together, so that work is done in batches."""

import heapq
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from tests.simulation.faults import Window

STEP = timedelta(hours=3)
"""The grid of scheduled work and of people's commands; faster work has exact times."""
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)

JobKind = Literal[
    "birth",
    "news",
    "replan",
    "announce",
    "thought",
    "command",
    "person",
    "retry",
    "check",
    "wake",
    "arrival",
    "record",
    "told",
    "payment",
    "hint",
    "ask",
]
Jobs = dict[JobKind, list[Any]]
LOST_IN_OUTAGE: frozenset[JobKind] = frozenset({"ask", "record"})
"""Kinds of jobs known only to a process, which ends when all of ours are down; all others are done later."""


def on_grid(at: datetime) -> datetime:
    """The first instant of the grid at `at` or later."""
    return at + (_EPOCH - at) % STEP


class Agenda:
    """Jobs by time and kind; those within a window in which we are down wait for its end."""

    def __init__(self, windows: Sequence[Window], end: datetime) -> None:
        self._down = [window for window in windows if window.kind in ("own_outage", "clock_jump")]
        self._end = end
        self._times: list[datetime] = []
        self._jobs: dict[datetime, Jobs] = {}

    def add(self, at: datetime, kind: JobKind, job: object) -> None:
        """Add a job, unless it would come after the end."""
        if at > self._end:
            return
        jobs = self._jobs.get(at)
        if jobs is None:
            jobs = self._jobs[at] = {}
            heapq.heappush(self._times, at)
        jobs.setdefault(kind, []).append(job)

    def __iter__(self) -> Iterator[tuple[datetime, Jobs]]:
        while self._times:
            at = heapq.heappop(self._times)
            jobs = self._jobs.pop(at)
            while self._down and self._down[0].ends <= at:
                self._down.pop(0)
            down = next((window for window in self._down if window.begins <= at < window.ends), None)
            if down is None:
                yield at, jobs
                continue
            for kind, ones in jobs.items():
                for one in ones if kind not in LOST_IN_OUTAGE else ():
                    self.add(on_grid(down.ends), kind, one)
