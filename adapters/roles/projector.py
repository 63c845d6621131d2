"""The projector: facts become rows of the live read models."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import psycopg
import structlog

from adapters.clock_check import clock_of
from adapters.roles.lead import Connections, Work, lead
from adapters.settings import Settings
from engine.store.log import FACTS_CHANNEL
from projections.due import DUE, DUE_CHANNEL
from projections.follow import BATCH, follow, retry_parked_cards
from projections.live import LIVE
from projections.parked_cards import ParkedCard

log = structlog.get_logger()


async def main(settings: Settings, database_url: str, nats_url: str, stop: asyncio.Event) -> None:
    """Project until `stop`, without the broker."""
    del nats_url

    async def step(connections: Connections) -> bool:
        return await asyncio.to_thread(_step, connections.database)

    async def prepare(connections: Connections) -> None:
        nonlocal retried
        if not retried:
            await asyncio.to_thread(_retry, connections.database)
            retried = True

    retried = False
    poll = timedelta(milliseconds=settings.poll_ms)
    work = Work("projector", prepare, step, (FACTS_CHANNEL,), poll, clock_of(settings))
    await lead(work, database_url, stop)


def _retry(connection: psycopg.Connection[Any]) -> None:
    """What another version of the program could not follow, this one may, so it is tried once in each process."""
    _log_parked(retry_parked_cards(connection, LIVE))


def _log_parked(parked: Sequence[ParkedCard]) -> None:
    for card in parked:
        log.error("projector.card_parked", **card._asdict() | {"card_id": str(card.card_id)})


def _step(connection: psycopg.Connection[Any]) -> bool:
    progress = follow(connection, LIVE, BATCH)
    if progress.facts:
        log.info("projector.batch", facts=progress.facts, position=progress.position)
    _log_parked(progress.parked)
    if DUE.name in progress.changed:
        connection.execute(f"NOTIFY {DUE_CHANNEL}")
    return progress.facts >= BATCH
