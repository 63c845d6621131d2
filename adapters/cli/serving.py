"""`baohao up`, `run ROLE`, `migrate`: the long-running processes, and the schema that they need."""

import asyncio
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from adapters.cli.output import err
from adapters.cli.servers import Running, both_servers, database
from adapters.logs import configure_logs
from adapters.roles import ROLES, Role, run_role
from adapters.schema import check_schema, migrate
from adapters.settings import Settings, environment
from adapters.supervise import Supervisor


def run(role: Role, settings: Settings) -> None:
    """One role in this process, until SIGTERM or Ctrl-C."""
    configure_logs(role, settings.log_level, settings.log_format)
    with both_servers(settings) as running:
        check_schema(running.database_url)
        asyncio.run(run_role(role, running.settings, running.database_url, running.nats_url))


def upgrade(settings: Settings) -> int:
    """Bring the schema up to date; returns the version before."""
    with database(settings) as url:
        return migrate(url)


@contextmanager
def all_roles(settings: Settings, roles: Sequence[Role] = ROLES) -> Iterator[tuple[Running, Supervisor]]:
    """Servers, schema and every role as a supervised process, until the block ends."""
    with both_servers(settings) as running:
        migrate(running.database_url)
        with Supervisor(_arguments(roles), environment(running.settings), settings.home / "logs") as supervisor:
            yield running, supervisor


def up(settings: Settings) -> None:
    """All roles until Ctrl-C."""
    configure_logs("up", settings.log_level, settings.log_format)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with all_roles(settings) as (_, supervisor):
        err.print(f"Baohao is up: {', '.join(supervisor.pids())}; logs in {settings.home / 'logs'}; Ctrl-C stops it")
        while not stop.wait(0.2):
            supervisor.check()
    err.print("Baohao is down")


def _arguments(roles: Sequence[Role]) -> Mapping[str, Sequence[str]]:
    return {role: (sys.executable, "-m", "adapters.cli", "run", role) for role in roles}
