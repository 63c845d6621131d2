"""PostgreSQL and NATS from their wheels: nothing else to install or download.

Each keeps its data in a home folder and is shared by the processes of that home: the first one starts the server,
owns it, and stops it at its end; the others get its address. The system frees the owner's lock if the owner is killed,
and a server that it left running is stopped before the next start.

PostgreSQL refuses to run as root. For root it runs as the system user `baohao_postgres`, created on first use, and
every folder above its data and its programs is made passable (`o+x`) for all users: keep the home folder where
that is harmless. Works on Linux and macOS.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adapters.embedded.nats_server import NatsServer
from adapters.embedded.ownership import EmbeddedError, started_or_shared
from adapters.embedded.postgres_server import PostgresServer

__all__ = ["EmbeddedError", "nats", "postgres"]


@contextmanager
def postgres(home: Path) -> Iterator[str]:
    """Run PostgreSQL for the block; yields the URL of its database `baohao`, of which the user is superuser.

    Data in `home/postgres`, log in `home/logs/postgres.log`. Ctrl-C, SIGTERM and SIGHUP end the block in order.
    Raises EmbeddedError.
    """
    with started_or_shared(PostgresServer(home.resolve())) as url:
        yield url


@contextmanager
def nats(home: Path, port: int = -1) -> Iterator[str]:
    """Run NATS with JetStream on 127.0.0.1 for the block; yields its URL. Port -1 is any free one.

    Data in `home/nats`, log in `home/logs/nats.log`. Ctrl-C, SIGTERM and SIGHUP end the block in order.
    Raises EmbeddedError.
    """
    with started_or_shared(NatsServer(home.resolve(), port)) as url:
        yield url
