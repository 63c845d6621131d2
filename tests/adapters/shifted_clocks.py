"""Clocks of a test that step: this process's, its database's, and the gateway's, each by itself."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from psycopg import sql

from adapters import clock
from adapters.gateways.simulated import SimulatedGateway

NOT_SHIFTED = timedelta(0)


class Clocks:
    """How far each clock is ahead of the real time."""

    def __init__(self, monkeypatch, database_url: str) -> None:
        self.process = self.gateway = NOT_SHIFTED
        self._database = psycopg.connect(database_url, autocommit=True)
        self._shift_database()
        clocks = self

        class Shifted(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.now(tz) + clocks.process

        monkeypatch.setattr(clock, "datetime", Shifted)

    def _shift_database(self) -> None:
        """Let the database's own `clock_timestamp` be found after ours, by all connections from now on."""
        self._database.execute(
            """
            CREATE SCHEMA clocks;
            CREATE TABLE clocks.shift AS SELECT interval '0' AS ahead;
            CREATE FUNCTION clocks.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
                'SELECT pg_catalog.clock_timestamp() + ahead FROM clocks.shift';
            """
        )
        name = sql.Identifier(self._database.info.dbname)
        self._database.execute(sql.SQL("ALTER DATABASE {} SET search_path = public, clocks, pg_catalog").format(name))

    def show(self, ahead: timedelta, *, gateway: bool = False) -> None:
        """Set the clocks of this process and of the database, which are of one machine; the gateway's too if asked."""
        self._database.execute("UPDATE clocks.shift SET ahead = %s", (ahead,))
        self.process = ahead
        if gateway:
            self.gateway = ahead

    def now(self) -> datetime:
        """What this process's clock shows."""
        return datetime.now(UTC) + self.process

    def close(self) -> None:
        self._database.close()


class GatewayWithClock(SimulatedGateway):
    """A gateway that reckons the age of a key by its own clock, as real ones do, whatever its callers' clocks show."""

    clocks: Clocks

    async def charge(self, request, at):
        del at
        return await super().charge(request, datetime.now(UTC) + self.clocks.gateway)


SHIFTED_PROGRAM = """
import datetime
from pathlib import Path
from adapters import clock
from adapters.cli import main

class Shifted(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        ahead_s = float(Path({file!r}).read_text())
        return datetime.datetime.now(tz) + datetime.timedelta(seconds=ahead_s)

clock.datetime = Shifted
main()
"""
"""`baohao` whose clock is ahead by the seconds that a file says; a later look at it may find others there."""


class ShiftedProcess:
    """A process's own clock: shown by a file, since a machine's clock is not for a test to set."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.show(NOT_SHIFTED)

    def show(self, ahead: timedelta) -> None:
        """From now on the process's clock is so far ahead."""
        written = self._file.with_suffix(".new")
        written.write_text(str(ahead.total_seconds()))
        written.replace(self._file)  # whole, whenever it is read

    def command(self, *words: str) -> list[str]:
        """What starts `baohao` with these words by that clock."""
        return [sys.executable, "-c", SHIFTED_PROGRAM.format(file=str(self._file)), *words]
