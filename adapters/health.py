"""Whether the servers answer, within a bounded time."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import nats.errors
import psycopg

from adapters.broker.connection import connected
from adapters.broker.outlets import outlet
from adapters.broker.sending import NotStoredError
from adapters.settings import Settings
from engine.errors import BaohaoError

WITHIN_S = 6
OUTLET_WITHIN_S = 4
"""The rest goes by when a connection is closed that hangs."""
OK = "ok"


async def answers(
    database_url: str | None, nats_url: str | None, settings: Settings, outlet_url: str | None = None
) -> dict[str, str]:
    """All asked at the same time: `database` and `broker` → `ok`, or what is wrong; None: an embedded one is down.

    With an `outlet_url` also `outlet`, the other broker.
    """
    asked = {
        "database": _answer(_database(database_url)) if database_url else _none(settings),
        "broker": _answer(_broker(nats_url, settings)) if nats_url else _none(settings),
    }
    if outlet_url is not None:
        asked["outlet"] = _answer(_outlet(outlet_url), OUTLET_WITHIN_S)
    return dict(zip(asked, await asyncio.gather(*asked.values()), strict=True))


async def _answer(question: Coroutine[Any, Any, None], within_s: float = WITHIN_S) -> str:
    try:
        async with asyncio.timeout(within_s):
            await question
    except TimeoutError:
        return f"no answer within {within_s:g} s"
    except (psycopg.Error, nats.errors.Error, NotStoredError, BaohaoError, OSError) as error:
        return str(error).strip() or type(error).__name__
    return OK


async def _none(settings: Settings) -> str:
    return f"none runs in {settings.home}"


async def _database(url: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("SELECT version FROM schema_version")  # roles check which one it is


async def _broker(url: str, settings: Settings) -> None:
    async with connected(url, settings) as client:
        await client.jetstream().account_info()


async def _outlet(url: str) -> None:
    async with outlet.connected(url) as broker:
        await broker.is_new()
