"""The projector: facts become rows of the live read models."""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import psycopg
import structlog

from adapters.clock_check import clock_of
from adapters.roles.lead import Connections, Work, lead, no_broker
from adapters.settings import Settings
from engine.store.log import FACTS_CHANNEL
from projections.due import DUE, DUE_CHANNEL
from projections.follow import BATCH, changed_folds, follow, retry_parked_cards
from projections.live import LIVE
from projections.parked_cards import ParkedCard
from projections.standing import note_failure

log = structlog.get_logger()


async def main(settings: Settings, database_url: str, nats_url: str, stop: asyncio.Event) -> None:
    """Project until `stop`, without the broker."""
    del nats_url

    async def project(connections: Connections) -> bool:
        return await asyncio.to_thread(step, connections.database)

    async def prepare(connections: Connections) -> None:
        nonlocal retried
        if not retried:
            await asyncio.to_thread(_retry, connections.database)
            await asyncio.to_thread(_say_rebuild_due, connections.database)
            retried = True

    retried = False
    poll = timedelta(milliseconds=settings.poll_ms)
    work = Work("projector", prepare, project, (FACTS_CHANNEL,), poll, clock_of(settings), no_broker)
    await lead(work, database_url, stop)


def _retry(connection: psycopg.Connection[Any]) -> None:
    """What another version of the program could not follow, this one may, so it is tried once in each process."""
    _log_parked(retry_parked_cards(connection, LIVE))


def _say_rebuild_due(connection: psycopg.Connection[Any]) -> None:
    if changed := changed_folds(connection, LIVE):
        log.warning("projector.rebuild_due", models=changed, command=rebuild_command(changed))


def rebuild_command(models: Sequence[str]) -> str:
    """What makes read models anew whose fold has changed."""
    return f"baohao projections rebuild {' '.join(models)}"


def _log_parked(parked: Sequence[ParkedCard]) -> None:
    for card in parked:
        log.error("projector.card_parked", **card._asdict() | {"card_id": str(card.card_id)})


def step(connection: psycopg.Connection[Any]) -> bool:
    """Project one batch; whether there is more. What it fails of is kept for `status`."""
    try:
        progress = follow(connection, LIVE, BATCH)
    except psycopg.Error as error:
        with contextlib.suppress(psycopg.Error):
            note_failure(connection, LIVE, error)
        raise
    if progress.fact_count:
        log.info("projector.batch", facts=progress.fact_count, position=progress.position)
    _log_parked(progress.parked)
    if DUE.name in progress.changed:
        connection.execute(f"NOTIFY {DUE_CHANNEL}")
    return progress.fact_count >= BATCH
