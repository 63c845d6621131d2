"""Webhooks: each event is sent, signed, to each endpoint until it answers 2xx, with growing waits, for three days.

What is to be sent stands in the record, so that a sandbox that was killed goes on with it. There is no order.
"""

import asyncio
import hmac
from hashlib import sha256

import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout
from msgspec import Struct

from adapters.clock import recorded_now
from adapters.ending import end
from adapters.gateways.sandbox.desk import Desk
from adapters.gateways.sandbox.faults import Fault, Faults
from adapters.gateways.sandbox.world import World

_AT_ONCE_MAX = 32
_TIMEOUT_S = 10
_TRIES_MAX = 16  # with waits that double from five seconds up to six hours, about three days
_WAIT_MAX_S = 6 * 3600
_POLL_S = 0.05
_OK, _NOT_OK = 200, 300

log = structlog.get_logger()


class Webhook(Struct, frozen=True):
    """An endpoint, and the secret by which it verifies what comes; `retry_s` is the first wait."""

    url: str
    secret: str
    retry_s: float = 5.0


class Due(Struct, frozen=True):
    """One delivery that is due."""

    event_id: str
    endpoint: int
    tries: int


class Webhooks:
    """Sends what is due, until it is cancelled."""

    def __init__(self, desk: Desk, endpoints: tuple[Webhook, ...], faults: Faults) -> None:
        self._desk = desk
        self._endpoints = endpoints
        self._faults = faults
        self._sending: dict[tuple[str, int], asyncio.Task[None]] = {}
        desk.world.endpoints = len(endpoints)

    async def run(self) -> None:
        """Look for what is due, and send it."""
        if not self._endpoints:
            return
        async with ClientSession(timeout=ClientTimeout(total=_TIMEOUT_S), trust_env=False) as session:
            try:
                while True:
                    if self._desk.world.next_delivery_s <= recorded_now().timestamp():
                        for due in await self._desk.do(self._due):
                            self._send(session, due)
                    await asyncio.sleep(_POLL_S)
            finally:
                await end(*self._sending.values())

    def _due(self, world: World) -> list[Due]:
        room = _AT_ONCE_MAX - len(self._sending)
        rows = world.record.rows(
            "SELECT event_id, endpoint, tries FROM deliveries WHERE next_at <= ? ORDER BY next_at LIMIT ?",
            world.real_now_s,
            room + len(self._sending),
        )
        if not rows:
            ((earliest,),) = world.record.rows("SELECT MIN(next_at) FROM deliveries")
            world.next_delivery_s = float("inf") if earliest is None else earliest
        due = [Due(*row) for row in rows if (row[0], row[1]) not in self._sending]
        return due[:room]

    def _send(self, session: ClientSession, due: Due) -> None:
        task = asyncio.create_task(self._deliver(session, due))
        place = (due.event_id, due.endpoint)
        self._sending[place] = task
        task.add_done_callback(lambda _: self._sending.pop(place, None))

    async def _deliver(self, session: ClientSession, due: Due) -> None:
        if due.endpoint >= len(self._endpoints):
            await self._desk.do(lambda world: _delivered(world, due))
            return
        endpoint = self._endpoints[due.endpoint]
        payload, kind = await self._desk.do(lambda world: _payload(world, due))
        fault = self._faults.of_webhook(kind, due.event_id) if due.tries == 0 else None
        if fault and fault.kind in ("webhook_delayed", "webhook_reordered"):
            await self._desk.do(lambda world: _later(world, due, self._held_back_s(fault, due)))
            return
        sent = True
        if fault is None or fault.kind != "webhook_lost":
            for _ in range(2 if fault else 1):
                sent = await self._sent(session, endpoint, payload)
        wait_s = min(endpoint.retry_s * 2**due.tries, _WAIT_MAX_S)
        if sent or due.tries >= _TRIES_MAX:
            await self._desk.do(lambda world: _delivered(world, due))
        else:
            await self._desk.do(lambda world: _later(world, due, wait_s))

    def _held_back_s(self, fault: Fault, due: Due) -> float:
        """The whole time of a delay; for another order a part of it that differs from event to event."""
        return fault.seconds * (1 if fault.kind == "webhook_delayed" else int(due.event_id[-4:], 16) / 0xFFFF)

    async def _sent(self, session: ClientSession, endpoint: Webhook, payload: bytes) -> bool:
        at = int(self._desk.clock.at(recorded_now().timestamp()))
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(endpoint, payload, at),
        }
        try:
            async with session.post(endpoint.url, data=payload, headers=headers, allow_redirects=False) as response:
                return _OK <= response.status < _NOT_OK
        except (ClientError, TimeoutError, OSError) as error:
            log.info("sandbox.webhook_failed", error=type(error).__name__)
            return False


def signature(endpoint: Webhook, payload: bytes, at: int) -> str:
    """The header `Stripe-Signature`: the time, and the HMAC of time and body."""
    digest = hmac.new(endpoint.secret.encode(), f"{at}.".encode() + payload, sha256).hexdigest()
    return f"t={at},v1={digest}"


def _payload(world: World, due: Due) -> tuple[bytes, str]:
    event = world.find("event", due.event_id)
    return world.record.shown(event), event.body["type"]


def _delivered(world: World, due: Due) -> None:
    world.record.do("DELETE FROM deliveries WHERE event_id = ? AND endpoint = ?", due.event_id, due.endpoint)
    if event := world.record.get(due.event_id):
        event.body["pending_webhooks"] = max(event.body["pending_webhooks"] - 1, 0)
        world.record.put(event)


def _later(world: World, due: Due, wait_s: float) -> None:
    world.next_delivery_s = min(world.next_delivery_s, world.real_now_s + wait_s)
    world.record.do(
        "UPDATE deliveries SET tries = tries + 1, next_at = ? WHERE event_id = ? AND endpoint = ?",
        world.real_now_s + wait_s,
        due.event_id,
        due.endpoint,
    )
