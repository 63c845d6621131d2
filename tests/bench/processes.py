"""CPU time, memory and log lines of the processes under measurement."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from adapters.roles import Role
from adapters.supervise import Supervisor


class Processes:
    """Roles under a supervisor, and the embedded servers of the same home."""

    def __init__(self, supervisor: Supervisor, home: Path) -> None:
        self._supervisor = supervisor
        self._home = home

    def record_memory(self, peak_rss_mb: Counter[str]) -> None:
        """Update each role's peak memory; raises RoleFailedError for a role that cannot run."""
        self._supervisor.check()
        for role, pids in self._supervisor.pids().items():
            for pid in pids:
                with suppress(psutil.NoSuchProcess):
                    rss_mb = psutil.Process(pid).memory_info().rss / 2**20
                    peak_rss_mb[role] = max(peak_rss_mb[role], round(rss_mb))

    def cpu_s(self) -> dict[str, float]:
        """Seconds of CPU time spent so far by each role and each server, ended PostgreSQL connections included."""
        spent = {role: sum(map(_cpu_s, pids)) for role, pids in self._supervisor.pids().items()}
        postmaster = psutil.Process(_pid(self._home / "postgres" / "postmaster.pid"))
        times, backends = postmaster.cpu_times(), postmaster.children()
        ended = times.user + times.system + times.children_user + times.children_system
        return spent | {
            "postgres": ended + sum(_cpu_s(backend.pid) for backend in backends),
            "nats": _cpu_s(_pid(self._home / "nats" / "nats.pid")),
        }

    def lines(self, role: Role) -> "Lines":
        """The lines that a role logs from now on."""
        return Lines(self._home / "logs" / f"{role}.log")


class Lines:
    """The lines of a log from its present end on."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._from = log.stat().st_size

    def about(self, event: str) -> Iterator[dict[str, Any]]:
        """Those of one event."""
        with self._log.open("rb") as log:
            log.seek(self._from)
            for text in log:
                with suppress(ValueError):  # half written
                    line = json.loads(text)
                    if line.get("event") == event:
                        yield line

    def sum(self, event: str, figure: str) -> float:
        """One figure over all lines of an event."""
        return sum(line.get(figure, 0) for line in self.about(event))


def _cpu_s(pid: int) -> float:
    with suppress(psutil.NoSuchProcess):
        times = psutil.Process(pid).cpu_times()
        return times.user + times.system
    return 0.0


def _pid(file: Path) -> int:
    return int(file.read_text().split()[0])
