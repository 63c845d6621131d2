"""The scheduler: due rows become messages."""

import asyncio
from datetime import timedelta

import structlog

from adapters.broker.scheduler import schedule
from adapters.broker.streams import ensure_due_stream
from adapters.control import CLOCK_CHANNEL, read_control
from adapters.roles.lead import Servers, Work, lead
from adapters.settings import Settings
from projections.due import DUE_CHANNEL

log = structlog.get_logger()

BATCH = 1000
"""Messages sent together."""
ACK_WAITS_PER_LEASE = 3
"""A message is believed lost after so many of the broker's own redelivery times."""


async def main(settings: Settings, database_url: str, nats_url: str, stop: asyncio.Event) -> None:
    """Until `stop`."""
    lease_time = timedelta(seconds=ACK_WAITS_PER_LEASE * settings.ack_wait_s)

    async def begin(servers: Servers) -> None:
        await ensure_due_stream(servers.broker.jetstream(), settings)

    async def step(servers: Servers) -> bool:
        virtual_clock = settings.clock == "virtual"
        control = await asyncio.to_thread(read_control, servers.database, virtual_clock=virtual_clock)
        sent = await schedule(servers.database, servers.broker, control.now, BATCH, lease_time)
        if sent:
            log.info("scheduler.sent", messages=sent, due_by=control.now.isoformat())
        return sent == BATCH

    poll = timedelta(milliseconds=settings.poll_ms)
    await lead(Work("scheduler", begin, step, (DUE_CHANNEL, CLOCK_CHANNEL), poll), database_url, nats_url, stop)
