"""The servers that a command uses: those that the settings name, else embedded ones."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from adapters.settings import Settings


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The address of PostgreSQL; an embedded one runs as long as the block, or is shared if it already runs."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    from adapters import embedded

    with embedded.postgres(settings.home) as url:
        yield url


class Running(NamedTuple):
    """The servers in use; `settings` holds their addresses too, for child processes."""

    settings: Settings
    database_url: str
    nats_url: str


@contextmanager
def both_servers(settings: Settings) -> Iterator[Running]:
    """PostgreSQL and NATS; embedded ones run as long as the block."""
    with ExitStack() as stack:
        database_url = stack.enter_context(database(settings))
        nats_url = settings.nats_url
        if nats_url is None:
            from adapters import embedded

            nats_url = stack.enter_context(embedded.nats(settings.home))
        filled = settings.model_copy(update={"database_url": database_url, "nats_url": nats_url})
        yield Running(filled, database_url, nats_url)


@contextmanager
def connection(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """A connection to a database at the needed schema; raises SchemaError."""
    from adapters.schema import check_schema

    with database(settings) as url:
        check_schema(url)
        with psycopg.connect(url, autocommit=True) as open_connection:
            yield open_connection


@contextmanager
def temporary_home(prefix: str) -> Iterator[Path]:
    """A folder for servers and logs, removed after the block."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o755)  # run as root, PostgreSQL is another user and must reach its data in there
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
