"""PostgreSQL and NATS from their wheels, where nobody runs them yet: nothing to install, nothing to download.

Each keeps its data in a home folder and is shared by the processes of that home: the first that asks starts the
server, owns it, and stops it when it leaves; the others are guests and get its address. The lock that says who
owns it is freed by the system if the owner is killed, and what it left running is stopped before the next start.

PostgreSQL refuses to run as root. For root it runs as the system user `baohao_postgres`, created on first use, and
every folder above its data and its programs is made passable (`o+x`) for all users: keep the home folder where
that is harmless. Works on Linux and macOS.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adapters.embedded.nats_server import NatsServer
from adapters.embedded.ownership import EmbeddedError, owned_or_visited
from adapters.embedded.postgres_server import PostgresServer

__all__ = ["EmbeddedError", "nats", "postgres"]


@contextmanager
def postgres(home: Path) -> Iterator[str]:
    """Run PostgreSQL for the block; gives the URL of its database `baohao`, where we are superuser.

    Data in `home/postgres`, log in `home/logs/postgres.log`. Ctrl-C, SIGTERM and SIGHUP end the block in order.
    Raises EmbeddedError.
    """
    with owned_or_visited(PostgresServer(home.resolve())) as url:
        yield url


@contextmanager
def nats(home: Path, port: int = -1) -> Iterator[str]:
    """Run NATS with JetStream on 127.0.0.1 for the block; gives its URL. Port -1 is any free one.

    Data in `home/nats`, log in `home/logs/nats.log`. Ctrl-C, SIGTERM and SIGHUP end the block in order.
    Raises EmbeddedError.
    """
    with owned_or_visited(NatsServer(home.resolve(), port)) as url:
        yield url
