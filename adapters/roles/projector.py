"""The projector: facts become rows of the live read models."""

import asyncio
from datetime import timedelta
from typing import Any

import psycopg
import structlog

from adapters.roles.lead import Connections, Work, lead
from adapters.settings import Settings
from engine.store.log import FACTS_CHANNEL
from projections.due import DUE, DUE_CHANNEL
from projections.follow import BATCH, follow
from projections.live import LIVE

log = structlog.get_logger()


async def main(settings: Settings, database_url: str, nats_url: str, stop: asyncio.Event) -> None:
    """Project until `stop`."""

    async def step(connections: Connections) -> bool:
        return await asyncio.to_thread(_step, connections.database)

    poll = timedelta(milliseconds=settings.poll_ms)
    work = Work("projector", _prepare, step, (FACTS_CHANNEL,), poll, needs_broker=False)
    await lead(work, database_url, nats_url, stop)


async def _prepare(_: Connections) -> None:
    """Nothing to prepare: it uses no stream."""


def _step(connection: psycopg.Connection[Any]) -> bool:
    progress = follow(connection, LIVE, BATCH)
    if progress.facts:
        log.info("projector.batch", facts=progress.facts, position=progress.position)
    if DUE.name in progress.changed:
        connection.execute(f"NOTIFY {DUE_CHANNEL}")
    return progress.facts == BATCH
