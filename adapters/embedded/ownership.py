"""Who starts and stops an embedded server: one owner at a time; other processes share it."""

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
        """Stop a server that a killed owner left, start, wait until ready; returns the URL."""
        ...

    def stop(self) -> None:
        """Stop, also after an interrupted start."""
        ...


@contextmanager
def started_or_shared(server: Server) -> Iterator[str]:
    """Start and own the server for the block, or share that of the process that owns it; yields its URL.

    The file `home/<name>.url` holds the owner's lock and, while the server is ready, its URL.
    """
    log_of(server).parent.mkdir(parents=True, exist_ok=True)
    with (server.home / f"{server.name}.url").open("a+") as url_file, termination_unwinds():
        url = _shared_url(url_file)
        if url:
            yield url
            return
        try:
            url_file.truncate(0)
            url = _started(server)
            url_file.write(f"{url}\n")
            url_file.flush()
            yield url
        finally:
            url_file.truncate(0)
            server.stop()


def log_of(server: Server) -> Path:
    """The server's log file."""
    return server.home / "logs" / f"{server.name}.log"


def left_behind(pid_file: Path, data: Path) -> psutil.Process | None:
    """The server that a killed owner left on this data, unless its process id was reused."""
    with suppress(OSError, ValueError, IndexError, psutil.Error):
        process = psutil.Process(int(pid_file.read_text().split()[0]))
        if str(data) in process.cmdline():
            return process
    return None


def _shared_url(url_file: IO[str]) -> str | None:
    """The URL that the owner wrote; None once this process holds the lock."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        with suppress(BlockingIOError):
            fcntl.flock(url_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return None
        url_file.seek(0)
        url = url_file.read()
        if url.endswith("\n"):
            return url.strip()
        time.sleep(POLL_S)
    raise EmbeddedError(f"another process owns {url_file.name}, but its server is not ready after {START_S} s")


def _started(server: Server) -> str:
    try:
        return server.start()
    except (OSError, subprocess.SubprocessError, psycopg.Error, EmbeddedError) as error:
        log = log_of(server)
        tail = log.read_text(errors="replace").splitlines()[-_LOG_LINES_SHOWN:] if log.exists() else []
        raise EmbeddedError("\n  ".join([f"{server.name} does not start: {error}", *tail])) from error
