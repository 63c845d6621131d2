"""`baohao health`: whether the servers answer, within a bounded time; for whoever has to know it from a status."""

import asyncio

import typer

from adapters.cli.output import err, put_fields
from adapters.cli.servers import running_servers
from adapters.health import OK, answers
from adapters.secret_files import events_address
from adapters.settings import Settings


def show(settings: Settings, *, as_json: bool) -> None:
    """Ask all servers at the same time; exit status 1 if one does not answer as it should."""
    found = asyncio.run(answers(*running_servers(settings), settings, events_address(settings)))
    put_fields("health", found, as_json=as_json)
    if set(found.values()) != {OK}:
        err.print("not healthy", soft_wrap=True)
        raise typer.Exit(1)
