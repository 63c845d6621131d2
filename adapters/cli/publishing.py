"""Commands about the stream of public events."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import psycopg
from nats.aio.client import Client
from psycopg import Connection

from adapters.broker.connection import connected
from adapters.cli.output import put_fields
from adapters.cli.servers import Running, both_servers, connection
from adapters.clock_check import clock_of
from adapters.roles.publisher import start_epoch
from adapters.roles.rewinding import Told, rewind_to, told
from adapters.schema import check_schema
from adapters.settings import Settings

Result = TypeVar("Result")


def new_epoch(settings: Settings, *, as_json: bool) -> None:
    """Begin a new epoch of the stream."""
    with both_servers(settings) as running:
        check_schema(running.database_url)
        started = asyncio.run(_with_both(running, lambda database, broker: start_epoch(database, broker, settings)))
    put_fields("events", {"epoch": started.epoch, "published_upto": started.position}, as_json=as_json)


def show_status(settings: Settings, *, as_json: bool) -> None:
    """How far events are told."""
    with both_servers(settings) as running:
        check_schema(running.database_url)
        found: Told = asyncio.run(_with_both(running, told))
    put_fields("publisher", found._asdict(), as_json=as_json)


def rewind(settings: Settings, to: int, *, as_json: bool) -> None:
    """Let the publisher tell again what is after a position; raises BaohaoError for one that is not told yet."""
    with connection(settings) as database:
        before = rewind_to(database, to)
    put_fields("publisher", {"published_upto": to, "before": before}, as_json=as_json)


async def _with_both(running: Running, work: Callable[[Connection[Any], Client], Awaitable[Result]]) -> Result:
    with psycopg.connect(running.database_url, autocommit=True) as database:
        clock_of(running.settings).read(database)
        async with connected(running.nats_url, running.settings) as broker:
            return await work(database, broker)
