"""Who starts, restarts and stops an embedded server: it runs from its first user's start to its last user's end."""

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

    def start(self, before: str | None = None) -> str:
        """Stop what runs on the data, start, wait until ready; returns the URL, which is `before` if that is given."""
        ...

    def stop(self) -> None:
        """Stop, whichever process started it, also after an interrupted start."""
        ...

    def alive(self) -> bool:
        """Whether its process runs."""
        ...


@contextmanager
def used(server: Server) -> Iterator[str]:
    """Use the server for the block, started by its first user and stopped by its last; yields its URL.

    Each user shares a lock on `home/<name>.url`, which holds the URL while the server is ready; the system frees the
    lock of a killed user. Starts and stops take turns by a lock on `home/<name>.lock`.
    """
    for folder in (server.home, log_of(server).parent):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _url_file(server) as url_file, termination_unwinds():
        with _turn(server):
            try:
                url = _joined(server, url_file)
            except BaseException:
                _leave(server, url_file)
                raise
        try:
            yield url
        finally:
            with _turn(server):
                _leave(server, url_file)


def restarted(server: Server) -> bool:
    """Start a server of ours again that has ended; whether it had. Raises EmbeddedError."""
    if server.alive():
        return False
    with _turn(server), _url_file(server) as url_file:
        if server.alive():  # another process was faster
            return False
        _write_url(url_file, _started(server, _read_url(url_file)))
    return True


def url_in_use(server: Server) -> str | None:
    """The URL of the server while somebody uses it; starts nothing."""
    if not (server.home / f"{server.name}.url").exists():
        return None
    with _turn(server), _url_file(server) as url_file:
        return None if _locked_alone(url_file) else _read_url(url_file)


def log_of(server: Server) -> Path:
    """The server's log file."""
    return server.home / "logs" / f"{server.name}.log"


def left_behind(pid_file: Path, data: Path) -> psutil.Process | None:
    """The server that runs on this data, whoever started it, unless its process id was reused."""
    with suppress(OSError, ValueError, IndexError, psutil.Error):
        process = psutil.Process(int(pid_file.read_text().split()[0]))
        if str(data) in process.cmdline():
            return process
    return None


def _url_file(server: Server) -> IO[str]:
    return (server.home / f"{server.name}.url").open("a+")


def _joined(server: Server, url_file: IO[str]) -> str:
    """The URL of the running server, or of one started now because nobody uses it or it has ended."""
    before = None if _locked_alone(url_file) else _read_url(url_file)
    if before is None or not server.alive():
        _write_url(url_file, _started(server, before))
    fcntl.flock(url_file, fcntl.LOCK_SH)
    return _read_url(url_file)


def _leave(server: Server, url_file: IO[str]) -> None:
    if _locked_alone(url_file):
        url_file.truncate(0)
        server.stop()
    fcntl.flock(url_file, fcntl.LOCK_UN)


def _locked_alone(url_file: IO[str]) -> bool:
    """Take the lock for this process alone; if others share it, this process no longer does."""
    with suppress(BlockingIOError):
        fcntl.flock(url_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


@contextmanager
def _turn(server: Server) -> Iterator[None]:
    """The turn to start or stop the server; raises EmbeddedError where another process does not come to its end."""
    deadline = time.monotonic() + START_S
    with (server.home / f"{server.name}.lock").open("a") as lock:
        while not _locked_alone(lock):
            if time.monotonic() > deadline:
                raise EmbeddedError(f"another process has been starting or stopping {server.name} for {START_S} s")
            time.sleep(POLL_S)
        yield


def _started(server: Server, before: str | None) -> str:
    try:
        return server.start(before)
    except (OSError, subprocess.SubprocessError, psycopg.Error, EmbeddedError) as error:
        log = log_of(server)
        tail = log.read_text(errors="replace").splitlines()[-_LOG_LINES_SHOWN:] if log.exists() else []
        raise EmbeddedError("\n  ".join([f"{server.name} does not start: {error}", *tail])) from error


def _write_url(url_file: IO[str], url: str) -> None:
    url_file.truncate(0)
    url_file.write(f"{url}\n")
    url_file.flush()


def _read_url(url_file: IO[str]) -> str:
    url_file.seek(0)
    return url_file.read().strip()
