"""The sealer: new facts come under a signed head of the tree, which is stored, and published for outsiders to keep.

A follower of its own, for which no append waits. It signs nothing that contradicts what it has signed before: where the
broker holds a head that this log does not have, the log was cut, changed or restored, and it stands still.
"""

import asyncio
from datetime import timedelta
from functools import partial
from time import monotonic
from typing import Any

import structlog
from nats.aio.client import Client
from psycopg import Connection

from adapters.broker.connection import connected
from adapters.broker.seals import newest_head, publish_heads
from adapters.broker.streams import ensure_seals_stream
from adapters.clock_check import clock_of
from adapters.roles.lead import Connections, Work, lead
from adapters.seal_keys import seal_key_of
from adapters.settings import Settings
from engine.errors import StandstillError
from engine.store.log import head
from projections.audit.heads import Head, SealKey, read_head
from projections.audit.sealing import SEALER, seal_next
from projections.audit.seals import last_seal, seal_of_size, seals_from

log = structlog.get_logger()


async def main(settings: Settings, database_url: str, nats_url: str, stop: asyncio.Event) -> None:
    """Seal until `stop`."""
    key = seal_key_of(settings)
    sealed_at = float("-inf")

    async def prepare(connections: Connections) -> None:
        await publish_missing(connections.database, connections.broker, key, settings)

    async def step(connections: Connections) -> bool:
        nonlocal sealed_at
        is_time = monotonic() - sealed_at >= settings.seal_every_s
        found = await asyncio.to_thread(_seal, connections.database, key, settings.seal_facts, is_time)
        if found is None:
            return False
        sealed_at = monotonic()
        await publish_heads(connections.broker.jetstream(), [found])
        log.info("sealer.sealed", facts=found.size)
        return True

    poll = timedelta(milliseconds=settings.poll_ms)  # no notification wakes it: what waits is sealed together
    broker = partial(connected, nats_url, settings)
    await lead(Work(SEALER, prepare, step, (), poll, clock_of(settings), broker), database_url, stop)


def _seal(connection: Connection[Any], key: SealKey, facts: int, is_time: bool) -> Head | None:  # noqa: FBT001 (through to_thread)
    """The head of new facts, where enough wait for it, or long enough."""
    if not is_time and head(connection) - last_seal(connection).position < facts:
        return None
    sealed = seal_next(connection, key, facts)
    return None if sealed is None else read_head(sealed.head)


async def publish_missing(connection: Connection[Any], client: Client, key: SealKey, settings: Settings) -> None:
    """Create the stream if it is missing, and publish the heads that it does not have: of a new stream the newest.

    Raises StandstillError if the stream has a head that contradicts this log.
    """
    jetstream = client.jetstream()
    info = await ensure_seals_stream(jetstream, settings)
    newest = await newest_head(jetstream, info, key.public)
    heads = await asyncio.to_thread(_unpublished, connection, newest)
    await publish_heads(jetstream, heads)


def _unpublished(connection: Connection[Any], newest: Head | None) -> list[Head]:
    last = last_seal(connection)
    if newest is None:
        return [read_head(last.head)] if last.number else []
    known = seal_of_size(connection, newest.size)
    if known is None or (read_head(known.head).size, read_head(known.head).root) != (newest.size, newest.root):
        raise StandstillError(
            f"the broker holds a signed head of {newest.size} facts, which this log does not have: it was cut, "
            "changed, or restored from a backup, and nothing is sealed; verify it against that head, and where a "
            "restore is the reason, seal on with a new key of another name: `baohao audit key`"
        )
    return [read_head(seal.head) for seal in seals_from(connection, known.number + 1)]
