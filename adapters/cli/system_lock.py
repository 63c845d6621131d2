"""One system per home folder: a second `up`, or a `demo` beside one, is refused."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.errors import BaohaoError

DEMO_MARK = "demo"
"""A file of this name says that the home was made by `baohao demo`."""


class SystemRunsError(BaohaoError):
    """Another system has the home folder; the message says which, and what to do."""


@contextmanager
def only_system(home: Path, what: str) -> Iterator[None]:
    """Hold `home/system.lock` for the block as `what`, such as `baohao up`; the system frees it if we are killed.

    Raises SystemRunsError while another process holds it.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (home / "system.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemRunsError(
                f"{_holder(home)} already runs on {home}; stop it first, or set BAOHAO_HOME to another folder"
            ) from None
        lock.truncate(0)
        lock.write(f"{what} (process {os.getpid()})")
        lock.flush()
        yield


def running_system(home: Path) -> str | None:
    """The system that runs on this home, such as `baohao up (process 7)`; None where there is none."""
    try:
        lock = (home / "system.lock").open("r+")
    except FileNotFoundError:
        return None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _holder(home)
    return None


def mark_demo(home: Path) -> None:
    """Reserve a home folder for demos; raises SystemRunsError where it holds data that no demo made."""
    mark = home / DEMO_MARK
    if not mark.exists() and any((home / data).exists() for data in ("postgres", "nats", "gateway.sqlite3")):
        raise SystemRunsError(
            f"{home} holds the data of a system that `baohao demo` did not make; give the demo another --home"
        )
    mark.touch()


def _holder(home: Path) -> str:
    return (home / "system.lock").read_text() or "another system"
