"""Public events: how many a second the publisher tells of a long log, and how many a replay tells one reader."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, NamedTuple

import psycopg
from nats.aio.client import Client

from adapters.broker.connection import connected
from adapters.broker.events import EVENTS_STREAM
from adapters.broker.replays import Asked
from adapters.cli.servers import both_servers
from adapters.embedded import owner_url
from adapters.roles.publisher import publish, resume
from adapters.schema import migrate
from adapters.settings import Settings
from adapters.telling_again import tell_again
from adapters.wiring import rules_of
from engine.store.log import head
from projections.follow import BATCH
from tests.bench.seeds import Cohort, seed

Show = Callable[[str, int, int], None]

FACTS = 21
"""Of each card; five in six are public."""
DUE = datetime(2027, 1, 3, 17, tzinfo=UTC)
EVERYTHING_AT_ONCE = 1_000_000
"""A rate that no replay reaches."""


def event_figures(settings: Settings, cards: int, show: Show) -> dict[str, Any]:
    """Write the log, publish it, then tell it again to one reader."""
    settings = settings.model_copy(update={"events_max_mb": 2000})
    with both_servers(settings) as running:
        url, written = owner_url(running.database_url), 0
        migrate(url, running.database_url)

        def watch(facts: int) -> None:
            nonlocal written
            written += facts
            show(f"writing {FACTS * cards:,} facts", written, FACTS * cards)

        seed(url, rules_of(running.settings), Cohort(1, cards, FACTS, DUE), watch)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            return asyncio.run(_measured(connection, running.nats_url, running.settings, show))


class _Published(NamedTuple):
    """What the publisher told, and how long it took."""

    messages: int
    seconds: float


async def _measured(
    connection: psycopg.Connection[Any], nats_url: str, settings: Settings, show: Show
) -> dict[str, Any]:
    async with connected(nats_url, settings) as client:
        end = await asyncio.to_thread(head, connection)
        published = await _published(connection, client, settings, end, show)
        asked = Asked("bench", 0)
        started = perf_counter()
        told = await tell_again(
            connection, client, asked, settings, EVERYTHING_AT_ONCE, lambda _, at, of: show("telling again", at, of)
        )
        return {
            "facts": end,
            "published_messages": published.messages,
            "published_per_s": round(published.messages / published.seconds),
            "told_again_messages": told.events,
            "told_again_per_s": round(told.events / (perf_counter() - started)),
        }


async def _published(
    connection: psycopg.Connection[Any], client: Client, settings: Settings, end: int, show: Show
) -> _Published:
    """As the role does it, step by step."""
    last, ahead, more = (await resume(connection, client, settings)).last_sequence, None, True
    started = perf_counter()
    while more:
        _, last, more, ahead = await publish(connection, client, settings.cell, last, BATCH, ahead)
        show("publishing", min(end, last), end)
    seconds = perf_counter() - started
    info = await client.jetstream().stream_info(EVENTS_STREAM)
    return _Published(info.state.messages, seconds)
