"""Messages where nothing sends them: only that there was one is logged."""

from typing import Any

import structlog
from psycopg import AsyncConnection

from adapters.directory.addresses import veiled
from adapters.directory.messages import Message

log = structlog.get_logger()


async def only_logged(connection: AsyncConnection[Any], message: Message) -> None:
    """Its kind and its veiled address; never what is in it."""
    del connection
    log.warning("message.not_sent", kind=message.kind, channel=message.channel, to=veiled(message.to))
