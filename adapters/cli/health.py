"""`baohao health`: whether both servers answer, within a bounded time; for whoever has to know it from a status."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import nats.errors
import psycopg
import typer

from adapters.broker.connection import connected
from adapters.cli.output import err, put_fields
from adapters.cli.servers import Found, running_servers
from adapters.settings import Settings
from engine.errors import BaohaoError

WITHIN_S = 6


def show(settings: Settings, *, as_json: bool) -> None:
    """Ask both servers at the same time; exit status 1 if one does not answer as it should."""
    answers = asyncio.run(_ask(running_servers(settings), settings))
    put_fields("health", answers, as_json=as_json)
    if set(answers.values()) != {"ok"}:
        err.print("not healthy", soft_wrap=True)
        raise typer.Exit(1)


async def _ask(servers: Found, settings: Settings) -> dict[str, str]:
    database = _answer(_database(servers.database_url)) if servers.database_url else _none(settings)
    broker = _answer(_broker(servers.nats_url, settings)) if servers.nats_url else _none(settings)
    return dict(zip(("database", "broker"), await asyncio.gather(database, broker), strict=True))


async def _answer(question: Coroutine[Any, Any, None]) -> str:
    try:
        async with asyncio.timeout(WITHIN_S):
            await question
    except TimeoutError:
        return f"no answer within {WITHIN_S} s"
    except (psycopg.Error, nats.errors.Error, BaohaoError, OSError) as error:
        return str(error).strip() or type(error).__name__
    return "ok"


async def _none(settings: Settings) -> str:
    return f"none runs in {settings.home}"


async def _database(url: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("SELECT version FROM schema_version")  # roles check which one it is


async def _broker(url: str, settings: Settings) -> None:
    async with connected(url, settings) as client:
        await client.jetstream().account_info()
