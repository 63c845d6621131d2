"""The servers that a command uses: those that the settings name, else embedded ones."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import psycopg
from psycopg import AsyncConnection

from adapters.embedded.ownership import Server
from adapters.secret_files import with_password
from adapters.settings import Settings

Result = TypeVar("Result")


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The address of PostgreSQL; an embedded one runs at least as long as the block."""
    if (named := named_database(settings)) is not None:
        yield named
        return
    from adapters import embedded

    with embedded.postgres(settings.home) as url:
        yield url


def named_database(settings: Settings) -> str | None:
    """The address of the database that the settings name, with its password."""
    return settings.database_url and with_password(settings.database_url, settings.database_password_file)


def owner_of(settings: Settings, database_url: str) -> str:
    """The address by which the owner of the tables reaches the database of `database_url`."""
    from adapters.embedded import owner_url

    if settings.owner_database_url is not None:
        return with_password(settings.owner_database_url, settings.owner_password_file)
    return database_url if settings.database_url else owner_url(database_url)


class Running(NamedTuple):
    """The servers in use; `settings` holds their addresses too, for child processes, but not the owner's."""

    settings: Settings
    database_url: str
    nats_url: str
    embedded: Sequence[Server] = ()
    """Those that run in the home folder."""


@contextmanager
def both_servers(settings: Settings) -> Iterator[Running]:
    """PostgreSQL and NATS; embedded ones run at least as long as the block."""
    from adapters.embedded import NatsServer, PostgresServer, used

    with ExitStack() as stack:
        ours: list[Server] = []

        def start(server: Server) -> str:
            ours.append(server)
            return stack.enter_context(used(server))

        database_url = named_database(settings) or start(PostgresServer(settings.home))
        nats_url = settings.nats_url or start(NatsServer(settings.home, settings.nats_port))
        filled = settings.model_copy(
            update={
                "database_url": settings.database_url or database_url,
                "nats_url": nats_url,
                "owner_database_url": None,
                "owner_password_file": None,
            }
        )
        yield Running(filled, database_url, nats_url, ours)


class Found(NamedTuple):
    """The addresses of running servers; None where an embedded one does not run."""

    database_url: str | None
    nats_url: str | None


def running_servers(settings: Settings) -> Found:
    """Where the servers are; starts none."""
    from adapters.embedded import NatsServer, PostgresServer, url_in_use

    return Found(
        named_database(settings) or url_in_use(PostgresServer(settings.home)),
        settings.nats_url or url_in_use(NatsServer(settings.home, settings.nats_port)),
    )


@contextmanager
def connection(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a database at the needed schema; raises SchemaError."""
    from adapters.schema import check_schema

    with database(settings) as url:
        check_schema(url)
        with psycopg.connect(url, autocommit=True) as open_connection:
            yield open_connection


def waiting_on(settings: Settings, work: Callable[[AsyncConnection[Any]], Coroutine[Any, Any, Result]]) -> Result:
    """What `work` answers, on a connection as that of `connection`."""
    from adapters.schema import check_schema

    async def run(url: str) -> Result:
        async with await AsyncConnection.connect(url, autocommit=True) as open_connection:
            return await work(open_connection)

    with database(settings) as url:
        check_schema(url)
        return asyncio.run(run(url))


@contextmanager
def temporary_home(prefix: str) -> Iterator[Path]:
    """A folder for servers and logs, removed after the block."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
