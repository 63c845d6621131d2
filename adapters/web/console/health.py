"""What runs and how far it is: roles, lag, due cards by age, the broker, what is parked, the provider's news."""

import asyncio
from contextlib import suppress

from starlette.responses import Response

from adapters.status import BROKER_ERRORS, BrokerStatus, read_broker, read_status
from adapters.web.console.visit import DeskRoute, DeskVisit

BROKER_WITHIN_S = 3


async def _show(visit: DeskVisit) -> Response:
    desk, virtual = visit.desk, visit.desk.settings.clock == "virtual"
    status, broker = await asyncio.gather(
        desk.work(lambda connection: read_status(connection, virtual_clock=virtual)), _broker(visit)
    )
    return await visit.page("health", status_now=status, broker=broker)


async def _broker(visit: DeskVisit) -> BrokerStatus | None:
    """None where the broker does not answer."""
    if not visit.desk.nats_url:
        return None
    with suppress(*BROKER_ERRORS):
        async with asyncio.timeout(BROKER_WITHIN_S):
            return await read_broker(visit.desk.nats_url, visit.desk.settings)
    return None


PAGES = (DeskRoute("GET", "/health", _show),)
"""`/health`."""
