"""Commands about the stream of public events."""

import asyncio

import psycopg

from adapters.broker.connection import connected
from adapters.cli.output import put_fields
from adapters.cli.servers import Running, both_servers
from adapters.clock_check import clock_of
from adapters.roles.publisher import Begun, start_epoch
from adapters.schema import check_schema
from adapters.settings import Settings


def new_epoch(settings: Settings, *, as_json: bool) -> None:
    """Begin a new epoch of the stream."""
    with both_servers(settings) as running:
        check_schema(running.database_url)
        started = asyncio.run(_started(running))
    put_fields("events", {"epoch": started.epoch, "published_upto": started.position}, as_json=as_json)


async def _started(running: Running) -> Begun:
    with psycopg.connect(running.database_url, autocommit=True) as connection:
        clock_of(running.settings).read(connection)
        async with connected(running.nats_url, running.settings) as client:
            return await start_epoch(connection, client, running.settings)
