"""Who starts and stops an embedded server: one owner at a time, any number of guests, nothing left behind."""

import fcntl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Protocol

import psutil
import psycopg

from adapters.termination import termination_unwinds
from engine.errors import BaohaoError

START_S = 120
"""How long a start may take; after a crash PostgreSQL may have to replay gigabytes of its log."""
STOP_S = 20
"""How long a server may take to stop before it is killed."""
POLL_S = 0.01

_LOG_LINES_SHOWN = 5


class EmbeddedError(BaohaoError):
    """An embedded server does not start; the message ends with the last lines of its log."""


class Server(Protocol):
    """A server of one home folder."""

    name: str
    home: Path

    def start(self) -> str:
        """Stop what a killed owner left, start, wait until ready; gives the URL."""
        ...

    def stop(self) -> None:
        """Stop, also after a start cut short."""
        ...


@contextmanager
def owned_or_visited(server: Server) -> Iterator[str]:
    """Own the server for the block, or be the guest of the process that owns it; gives its URL.

    The file `home/<name>.url` carries the owner's lock and, while the server is ready, its URL.
    """
    log_of(server).parent.mkdir(parents=True, exist_ok=True)
    with (server.home / f"{server.name}.url").open("a+") as notice, termination_unwinds():
        url = _visit_or_own(notice)
        if url:
            yield url
            return
        try:
            notice.truncate(0)
            url = _started(server)
            notice.write(f"{url}\n")
            notice.flush()
            yield url
        finally:
            notice.truncate(0)
            server.stop()


def log_of(server: Server) -> Path:
    """Where the server's own words go."""
    return server.home / "logs" / f"{server.name}.log"


def left_behind(pid_file: Path, data: Path) -> psutil.Process | None:
    """The server that a killed owner left on this data, unless its id is another program's by now."""
    with suppress(OSError, ValueError, IndexError, psutil.Error):
        process = psutil.Process(int(pid_file.read_text().split()[0]))
        if str(data) in process.cmdline():
            return process
    return None


def _visit_or_own(notice: IO[str]) -> str | None:
    """The URL that the owner wrote, or None once the lock is ours."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with suppress(BlockingIOError):
            fcntl.flock(notice, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return None
        notice.seek(0)
        url = notice.read()
        if url.endswith("\n"):
            return url.strip()
        time.sleep(POLL_S)
    raise EmbeddedError(f"another process owns {notice.name}, but its server is not ready after {START_S} s")


def _started(server: Server) -> str:
    try:
        return server.start()
    except (OSError, subprocess.SubprocessError, psycopg.Error, EmbeddedError) as error:
        log = log_of(server)
        tail = log.read_text(errors="replace").splitlines()[-_LOG_LINES_SHOWN:] if log.exists() else []
        raise EmbeddedError("\n  ".join([f"{server.name} does not start: {error}", *tail])) from error
