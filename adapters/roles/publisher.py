"""The publisher: facts become public messages."""

import asyncio
from datetime import timedelta

import structlog

from adapters.broker.publisher import publish, resume
from adapters.roles.lead import Servers, Work, lead
from adapters.settings import Settings
from engine.store.log import FACTS_CHANNEL
from projections.follow import BATCH

log = structlog.get_logger()


async def main(settings: Settings, database_url: str, nats_url: str, stop: asyncio.Event) -> None:
    """Until `stop`."""
    last_id: str | None = None

    async def begin(servers: Servers) -> None:
        nonlocal last_id
        last_id = (await resume(servers.database, servers.broker, settings.stream_replicas)).last_id

    async def step(servers: Servers) -> bool:
        nonlocal last_id
        done = await publish(servers.database, servers.broker, last_id, BATCH)
        last_id = done.last_id
        if done.messages:
            log.info("publisher.batch", messages=done.messages)
        return done.more

    poll = timedelta(milliseconds=settings.poll_ms)
    await lead(Work("publisher", begin, step, (FACTS_CHANNEL,), poll), database_url, nats_url, stop)
