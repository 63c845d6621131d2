"""Starts, watches and restarts role processes, for `baohao up`, the demo and the benchmark."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from adapters.termination import termination_unwinds
from engine.errors import BaohaoError

_log = structlog.get_logger()

FATAL_STATUSES = (2, 78)
"""Exit statuses that a restart cannot fix: wrong usage, and wrong settings or schema (EX_CONFIG)."""

_POLL_S = 0.02
_BACKOFF_S = 0.1
_BACKOFF_MAX_S = 5.0
_HEALTHY_S = 10.0
_OPTIONAL_AGAIN_S = 60.0
_STOP_S = 10.0
_PR_SET_PDEATHSIG = 1


class RoleFailedError(BaohaoError):
    """A role cannot run; the message names it and ends with the last line of its log."""


@dataclass
class _Child:
    name: str
    argv: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0
    restart_at_s: float | None = None
    backoff_s: float = _BACKOFF_S

    @property
    def role(self) -> str:
        return self.name.partition("#")[0]

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Signal the child and whatever it started, while it is alive."""
        if self.process is not None and self.alive:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)


@dataclass
class Supervisor:
    """Keeps one process per entry of `roles` (name → command line) alive within its block.

    Several of one role are `consumer`, `consumer#2`, … `env` is the whole environment of each child, see
    `settings.environment`. Output goes to `log_dir/<name>.log`. A child that ends is started again after 0.1 s,
    then after twice as long each time up to 5 s, until it has run for 10 s. A child that ends with one of
    FATAL_STATUSES stops everything: `check`, `wait` and the end of the block raise RoleFailedError.

    Leaving the block stops all; Ctrl-C, SIGTERM and SIGHUP leave it. On Linux the children die with the supervisor
    however it is killed.
    """

    roles: Mapping[str, Sequence[str]]
    env: Mapping[str, str]
    log_dir: Path
    optional: frozenset[str] = frozenset()
    """Roles without which the others go on: one that ends with one of FATAL_STATUSES is tried again every minute."""
    restarts: Counter[str] = field(default_factory=Counter, init=False)
    """How often each role was started again."""

    def __post_init__(self) -> None:
        self._children = [_Child(name, argv, self.log_dir / f"{name}.log") for name, argv in self.roles.items()]
        self._all_started = threading.Event()
        self._stopping = threading.Event()
        self._in_order = ExitStack()
        self._failure: RoleFailedError | None = None
        # One thread starts, watches and stops: the system kills a child when the thread that started it ends.
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def __enter__(self) -> Self:
        self.log_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._in_order.enter_context(termination_unwinds())
        self._thread.start()
        try:
            self._all_started.wait()
        except BaseException:  # Ctrl-C: the block, which would stop the children, has not begun
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._in_order:
            self.stop()
        if error is None:
            self.check()

    def pids(self) -> dict[str, list[int]]:
        """Process ids of the living children by role, in the order of `roles`."""
        found: dict[str, list[int]] = {child.role: [] for child in self._children}
        for child in self._children:
            if child.process is not None and child.alive:
                found[child.role].append(child.process.pid)
        return found

    def check(self) -> None:
        """Raise RoleFailedError if a role cannot run."""
        if self._failure is not None:
            raise self._failure

    def wait(self, timeout_s: float | None = None) -> None:
        """Wait until everything was stopped or the time is over; raises RoleFailedError."""
        self._thread.join(timeout_s)
        self.check()

    def stop(self) -> None:
        """Ask all children to end, kill after 10 s those that did not; returns when all are gone."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            for child in self._children:
                self._start(child)
            self._all_started.set()
            while not self._stopping.wait(_POLL_S):
                for child in self._children:
                    self._restart_if_ended(child)
        except RoleFailedError as failure:
            self._failure = failure
        finally:
            self._end_all()
            self._all_started.set()

    def _start(self, child: _Child) -> None:
        try:
            with child.log.open("ab") as log:
                child.process = subprocess.Popen(  # noqa: S603 (our own command lines)
                    child.argv,
                    env=self.env,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=_end_with(os.getpid()),  # noqa: PLW1509 (it makes two system calls, no more)
                )
        except (OSError, subprocess.SubprocessError) as error:
            raise RoleFailedError(f"{child.name} does not start: {error}") from error
        child.started_s = time.monotonic()

    def _restart_if_ended(self, child: _Child) -> None:
        if child.alive or child.process is None:
            return
        now = time.monotonic()
        if child.restart_at_s is None:
            status = child.process.returncode
            if status in FATAL_STATUSES and child.role in self.optional:
                _log.error("role.cannot_run", child=child.name, again_in_s=_OPTIONAL_AGAIN_S, why=_last_line(child.log))
                child.restart_at_s = now + _OPTIONAL_AGAIN_S
                return
            if status in FATAL_STATUSES:
                raise RoleFailedError(f"{child.name} ended with status {status}: {_last_line(child.log)}")
            if now - child.started_s >= _HEALTHY_S:
                child.backoff_s = _BACKOFF_S
            child.restart_at_s = now + child.backoff_s
            _log.warning("role.ended", child=child.name, status=status, again_in_s=child.backoff_s)
            child.backoff_s = min(2 * child.backoff_s, _BACKOFF_MAX_S)
        elif now >= child.restart_at_s:
            child.restart_at_s = None
            self._start(child)
            self.restarts[child.role] += 1

    def _end_all(self) -> None:
        for child in self._children:
            child.send(signal.SIGTERM)
        deadline = time.monotonic() + _STOP_S
        while any(child.alive for child in self._children) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        for child in self._children:
            child.send(signal.SIGKILL)
            if child.process is not None:
                child.process.wait()


def _end_with(supervisor_pid: int) -> Callable[[], None] | None:
    """A hook for the child's start that ends it together with the supervisor, where the system can."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def end_with_supervisor() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor_pid:  # it ended before the call above
            os._exit(1)

    return end_with_supervisor


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "its log is empty")
