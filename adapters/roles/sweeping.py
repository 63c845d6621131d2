"""What has had its time is removed beside the pages: of the directory, of sessions, of the record of operators."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from adapters.clock import recorded_now
from adapters.directory.sweeping import sweep
from adapters.ending import end
from adapters.roles.lead import faults_logged, stopped
from adapters.web.console.record import forget_entries
from adapters.web.console.sessions import OPERATORS

SWEPT_EVERY = timedelta(hours=1)


@contextlib.asynccontextmanager
async def sweeping(
    pool: AsyncConnectionPool[AsyncConnection[Any]], record_days: int, stop: asyncio.Event
) -> AsyncIterator[None]:
    """It is swept beside the block."""
    task = asyncio.create_task(_sweep(pool, record_days, stop))
    try:
        yield
    finally:
        await end(task)


async def _sweep(pool: AsyncConnectionPool[AsyncConnection[Any]], record_days: int, stop: asyncio.Event) -> None:
    """At the start and then each hour."""
    while not stop.is_set():
        with faults_logged("web"):
            async with pool.connection() as connection:
                await sweep(connection, recorded_now())
                await OPERATORS.sweep(connection, recorded_now())
                await forget_entries(connection, record_days)
        await stopped(stop, SWEPT_EVERY)
