"""PostgreSQL and NATS from their wheels: nothing else to install or download.

Each keeps its data in a home folder and is shared by the processes of that home: the first one starts the server, the
others get its address, the last one stops it. The system frees the lock of a user that is killed, and a server that
killed users left running is stopped before the next start. `baohao up` starts a server again that ends under it.

A home folder that is created here, the data and the logs in it are for their user alone, and so is the socket file.

PostgreSQL refuses to run as root. For root it runs as the system user `baohao_postgres`, created on first use, whose
group may then pass a home folder that was closed to all others. Folders above that one, and those above the programs,
are made passable (`o+x`) for all users where they are not: keep the home folder where that is harmless. Works on Linux
and macOS.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adapters.embedded.nats_server import NatsServer
from adapters.embedded.ownership import EmbeddedError, restarted, url_in_use, used
from adapters.embedded.postgres_server import PostgresServer, owner_url

__all__ = [
    "EmbeddedError",
    "NatsServer",
    "PostgresServer",
    "nats",
    "owner_url",
    "postgres",
    "restarted",
    "url_in_use",
    "used",
]


@contextmanager
def postgres(home: Path) -> Iterator[str]:
    """Run PostgreSQL for the block; yields the URL of its database `baohao` for the application's role.

    That role is no superuser; `owner_url` gives the address of the one that owns everything.
    Data in `home/postgres`, log in `home/logs/postgres.log`. Ctrl-C, SIGTERM and SIGHUP end the block in order.
    Raises EmbeddedError.
    """
    with used(PostgresServer(home)) as url:
        yield url


@contextmanager
def nats(home: Path, port: int = 0) -> Iterator[str]:
    """Run NATS with JetStream on 127.0.0.1 for the block; yields its URL. Port 0 is any free one.

    Data in `home/nats`, log in `home/logs/nats.log`. Ctrl-C, SIGTERM and SIGHUP end the block in order.
    Raises EmbeddedError.
    """
    with used(NatsServer(home, port)) as url:
        yield url
