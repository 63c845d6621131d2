"""A connection to the broker as the settings describe it: addresses, TLS, and who we are."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import nats
import nats.errors
import structlog
from nats.aio.client import Client

from adapters.broker.refusals import refuse_plaintext, refused
from adapters.secret_files import read_secret
from adapters.settings import Settings, SettingsError

log = structlog.get_logger()

CONNECT_WITHIN = timedelta(seconds=5)
"""Time-out of one attempt to connect to the broker, of which one server may not answer for two seconds."""
PING_INTERVAL_S = 3
"""How often a client asks whether its broker is alive; after two without an answer it goes to another one."""


@asynccontextmanager
async def connected(nats_url: str, settings: Settings) -> AsyncIterator[Client]:
    """A connection to the broker that reconnects by itself; `nats_url` may name several servers.

    Raises TimeoutError if none of them can be reached at first, and SettingsError if they refuse us or TLS, or are
    not to be trusted.
    """
    refusals: list[SettingsError] = []

    async def heard(error: Exception) -> None:
        if (refusal := refused(error)) is not None:
            refusals.append(refusal)
        log.warning("broker.error", error=str(error) or type(error).__name__)

    try:
        async with asyncio.timeout(CONNECT_WITHIN.total_seconds()):  # the role stays responsive to `stop`
            await refuse_plaintext(nats_url)
            client = await nats.connect(
                nats_url.split(","),
                max_reconnect_attempts=-1,
                ping_interval=PING_INTERVAL_S,
                error_cb=heard,
                **identity_of(settings),
            )
    except (TimeoutError, nats.errors.Error):
        if refusals:
            raise refusals[0] from None
        raise
    try:
        yield client
    finally:
        await client.close()


def identity_of(settings: Settings) -> dict[str, Any]:
    """What the client is given beside the addresses; empty where those say everything."""
    given: dict[str, Any] = {}
    if settings.nats_ca is not None:
        given["tls"] = _tls(settings)
    if settings.nats_user is not None and settings.nats_password_file is not None:
        given |= {"user": settings.nats_user, "password": read_secret(settings.nats_password_file)}
    return given


def _tls(settings: Settings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.nats_ca)
        if settings.nats_cert is not None and settings.nats_key is not None:
            context.load_cert_chain(settings.nats_cert, settings.nats_key)
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(str(file) for file in (settings.nats_ca, settings.nats_cert, settings.nats_key) if file)
        raise SettingsError(f"The certificates of the broker cannot be read from {files}: {error}.") from None
    return context
