"""The sender of one channel: claims what is due, judges and renders it, hands it over, and records what became of it.

Any number of senders may work beside each other. Nothing is locked while something is sent.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, Protocol, TypeVar

import structlog
from psycopg import Connection

from adapters.clock import recorded_now
from adapters.notices.delivery import Doubtful, Outcome, Rendered, Row, begin, claim, settle
from adapters.notices.kinds import Channel
from adapters.notices.preparing import Preparing
from adapters.notices.rendering import sms_of
from adapters.notices.sms import SmsPort
from adapters.traces import traces

log = structlog.get_logger()
T = TypeVar("T")

DROPPED_AT_ONCE = 20
"""Rows claimed together where nothing can be sent by their channel."""


class Transport(Protocol):
    """What hands rendered rows over."""

    at_once: int
    """So many at the same time, and no more are claimed: none waits behind others with an old lease and verdict."""

    async def send(self, row: Row, address: str, body: bytes) -> Outcome:
        """Hand one over."""
        ...

    async def rest(self) -> None:
        """Nothing comes for the moment."""
        ...


class SmsTransport:
    """Hands rendered SMS to a provider."""

    at_once = 8

    def __init__(self, provider: SmsPort) -> None:
        self._provider = provider

    async def send(self, row: Row, address: str, body: bytes) -> Outcome:
        """Hand one SMS over."""
        del row, address
        return await self._provider.send(sms_of(body))

    async def rest(self) -> None:
        """Connections may stay open."""


@dataclass
class Sending:
    """One sender, with a database connection of its own."""

    channel: Channel
    connection: Connection[Any]
    preparing: Preparing
    transport: Transport | None
    """None: nothing can be sent by this channel here, and what waits for it is dropped."""
    random: Random = field(default_factory=Random)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def step(self, now: datetime) -> bool:
        """Send what is due at `now` (business time), as much as goes at once; returns whether more may be due."""
        most = DROPPED_AT_ONCE if self.transport is None else self.transport.at_once
        rows = await self._ask(lambda: claim(self.connection, self.channel, now, most))
        if rows:
            ready = await self._ask(lambda: self.preparing.prepare(self.connection, rows, now))
            states = await self._send_all(self.transport, ready, now) if self.transport is not None else Counter()
            log.info("notices.batch", channel=self.channel, claimed=len(rows), **states)
        is_more = len(rows) == most
        if self.transport is not None and not is_more:
            await self.transport.rest()
        return is_more

    async def _send_all(
        self, transport: Transport, ready: Sequence[tuple[Row, Rendered]], now: datetime
    ) -> Counter[str]:
        """All of them beside each other; returns how many ended in which state."""
        states: Counter[str] = Counter()
        tasks = [self._send(transport, row, rendered, now, states) for row, rendered in ready]
        for error in await asyncio.gather(*tasks, return_exceptions=True):
            if error is not None:
                raise error
        return states

    async def _send(
        self, transport: Transport, row: Row, rendered: Rendered, now: datetime, states: Counter[str]
    ) -> None:
        if not await self._ask(lambda: begin(self.connection, row, rendered, now)):
            return
        began = recorded_now()
        outcome = await _handed_over(transport, row, rendered)
        state = await self._ask(lambda: settle(self.connection, row, outcome, now, self.random))
        states[state] += 1
        if row.correlation_id is not None:
            about = {"baohao.card_id": str(row.card_id), "baohao.notice": row.kind, "baohao.channel": row.channel}
            traces.part("notice", row.correlation_id, began, about, failed=state != "accepted")
        if state != "accepted":
            log.warning(
                "notices.not_sent",
                key=row.key,
                channel=row.channel,
                kind=row.kind,
                correlation_id=row.correlation_id,
                outcome=repr(outcome),
            )

    async def _ask(self, query: Callable[[], T]) -> T:
        """One use of the connection at a time: its transactions are not those of several tasks."""
        async with self._turn:
            return await asyncio.to_thread(query)


async def _handed_over(transport: Transport, row: Row, rendered: Rendered) -> Outcome:
    """What the transport says; what it raises leaves a doubt, so that no row is tried for ever."""
    try:
        return await transport.send(row, rendered.address, rendered.body)
    except Exception as error:  # noqa: BLE001 (whatever a library may raise, the row's pauses grow)
        return Doubtful(type(error).__name__)
