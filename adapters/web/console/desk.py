"""What the pages of the console work with: the engine, the rules and the time of the moment, and the tables."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from psycopg import AsyncConnection, Connection
from psycopg_pool import AsyncConnectionPool

from adapters.clock import recorded_now
from adapters.directory.messages import Send
from adapters.settings import Settings
from adapters.web.pages.portal import Portal
from engine.store.recorder import CardRecorder

T = TypeVar("T")


class Use(Protocol):
    """Runs work on a connection of a thread."""

    def __call__(self, work: Callable[[Connection[Any]], T]) -> T:
        """The work's result."""
        ...


@dataclass(frozen=True)
class Desk:
    """One for all requests."""

    portal: Portal
    """Cards, whoever holds them."""
    hashing: AsyncConnectionPool[AsyncConnection[Any]]
    """Connections of their own for what judges passwords."""
    use: Use
    recorder: CardRecorder
    """The event store, for what is foreseen and for operations."""
    settings: Settings
    send: Send
    """Sends messages of accounts."""
    database_url: str
    nats_url: str
    origin: str
    """The console's address, without a path."""
    now: Callable[[], datetime] = recorded_now
    """The real time; business time comes with the rules."""

    @property
    def pool(self) -> AsyncConnectionPool[AsyncConnection[Any]]:
        """Connections for what is quick."""
        return self.portal.pool

    async def work(self, work: Callable[[Connection[Any]], T]) -> T:
        """Work on a connection of a thread, while others are served."""
        return await asyncio.to_thread(self.use, work)

    async def business_now(self) -> datetime:
        """The business time."""
        _, at = await asyncio.to_thread(self.portal.read_rules)
        return at
