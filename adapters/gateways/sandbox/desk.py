"""Requests are carried out here: those that arrive together, within milliseconds, are one transaction.

None is answered before that transaction is synced to disk. Each request is judged by itself: one that fails leaves no
trace in the batch. An answer is kept under its idempotency key, errors of the server too, as Stripe keeps them.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any

import structlog
from msgspec import Struct

from adapters.clock import recorded_now
from adapters.gateways.sandbox.clock import SandboxClock
from adapters.gateways.sandbox.due import do_due
from adapters.gateways.sandbox.endpoints import endpoint_of
from adapters.gateways.sandbox.form import MalformedFormError, Nested, decode
from adapters.gateways.sandbox.record import Answer, Record
from adapters.gateways.sandbox.refusals import RefusedError, key_in_use, key_of_another, unreadable
from adapters.gateways.sandbox.showing import show, show_error, tree_of
from adapters.gateways.sandbox.world import Setting, World

KEY_LIFETIME_S = 24 * 3600
"""How long an idempotency key is known (Stripe: at least 24 hours)."""
_OK, _NOT_FOUND, _SERVER_ERROR = 200, 404, 500
_TICK_S = 0.05
_KEY_LENGTH_MAX = 255
_GATHER_S = 0.003
"""How long a batch waits for more when the one before had more than one request: fewer are synced, each with more."""
_BROKEN = b'{"error":{"message":"An unknown error occurred","type":"api_error"}}'

log = structlog.get_logger()


class Request(Struct):
    """One request to the API; `path` is below `/v1/`, `text` the form in the body or in the query."""

    method: str
    path: str
    text: bytes
    key: str | None
    request_id: str
    fault: str | None = None


class Reply(Struct):
    """One answer; `replayed` if it was kept under the key."""

    status: int
    body: bytes
    replayed: bool = False
    retry: bool | None = None


Job = Callable[[World], Any]


class Desk:
    """Carries out requests and other work on the record, batch by batch."""

    def __init__(self, record: Record, setting: Setting, clock: SandboxClock) -> None:
        self.record = record
        self.clock = clock
        self.world = World(record, setting)
        self._waiting: list[tuple[Job, asyncio.Future[Any]]] = []
        self._crowded = False

    def ask(self, request: Request) -> asyncio.Future[Reply]:
        """Carry out a request in the next batch."""
        return self.do(lambda world: answer(world, request))

    def do(self, job: Job) -> asyncio.Future[Any]:
        """Do something in the next batch; what it raises, the future raises, and nothing is kept."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_later(_GATHER_S if self._crowded else 0, self._flush)
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((job, future))
        return future

    async def tick(self) -> None:
        """Do what is due by itself, for ever."""
        while True:
            now_s = self.clock.at(recorded_now().timestamp())
            if self.world.next_due_s <= now_s:
                await self.do(lambda _: None)
            await asyncio.sleep(_TICK_S)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._crowded = len(waiting) > 1
        results: list[Any] = []
        try:
            self._begin()
            results = [self._result(job) for job, _ in waiting]
            self.record.commit()
        except sqlite3.Error as error:
            log.error("sandbox.not_written", error=str(error))  # noqa: TRY400 (its message is enough)
            self.record.abandon()
            results = [error] * len(waiting)
        for (_, future), result in zip(waiting, results, strict=True):
            if future.cancelled():
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
        if self.world.next_due_s <= self.world.now_s and not self._waiting:
            self.do(lambda _: None)

    def _begin(self) -> None:
        world = self.world
        world.real_now_s = recorded_now().timestamp()
        world.now_s = self.clock.at(world.real_now_s)
        world.request_id, world.key = "", None
        if world.next_due_s <= world.now_s:
            do_due(world)
            world.record.do("DELETE FROM answers WHERE at < ?", world.now_s - KEY_LIFETIME_S)
            world.record.keep()

    def _result(self, job: Job) -> object:
        try:
            result = job(self.world)
        except sqlite3.Error:
            raise
        except Exception as error:  # noqa: BLE001 (the caller hears of it; the batch goes on)
            self.record.forget()
            return error
        self.record.keep()
        return result


def answer(world: World, request: Request) -> Reply:
    """The answer to one request: kept, or new; what it changed is in the record."""
    world.request_id, world.key = request.request_id, request.key
    digest = b""
    try:
        if request.key and len(request.key) > _KEY_LENGTH_MAX:
            raise unreadable(f"Idempotency keys have at most {_KEY_LENGTH_MAX} characters.")
        raw, digest = decode(request.text)
        if request.key and (known := _kept(world, request, digest)):
            return Reply(known.status, known.body, replayed=True)
        if request.fault == "error_before":
            reply, judged = Reply(_SERVER_ERROR, _BROKEN), True
        else:
            reply, judged = Reply(_OK, _carried_out(world, request, raw)), True
    except MalformedFormError as error:
        reply, judged = _refused(world, unreadable(str(error)))
    except RefusedError as refused:
        reply, judged = _refused(world, refused)
    if request.fault == "error_after" and judged:
        reply = Reply(_SERVER_ERROR, _BROKEN)
    if judged and request.key and request.method == "POST":
        world.record.remember(Answer(request.key, request.path, digest, reply.status, reply.body, world.now_s))
    return reply


def broken(request: Request) -> Reply:
    """The answer to a request that could not be carried out, and left no trace."""
    log.error("sandbox.broken", method=request.method, path=request.path, request_id=request.request_id)
    return Reply(_SERVER_ERROR, _BROKEN)


def _carried_out(world: World, request: Request, raw: Nested) -> bytes:
    found = endpoint_of(request.method, request.path)
    if found is None:
        message = f"Unrecognized request URL ({request.method}: /v1/{request.path})."
        raise RefusedError(_NOT_FOUND, {"message": message, "type": "invalid_request_error"}, judged=False)
    endpoint, ids = found
    paths = raw.get("expand") or {}
    tree = tree_of([one for one in paths.values() if isinstance(one, str)]) if isinstance(paths, dict) else {}
    return show(world, endpoint(world, raw, *ids), tree)


def _refused(world: World, refused: RefusedError) -> tuple[Reply, bool]:
    body = show_error(refused, world.request_id)
    if not refused.happened:
        world.record.forget()
    return Reply(refused.status, body), refused.judged


def _kept(world: World, request: Request, digest: bytes) -> Answer | None:
    known = world.record.answer_of(request.key or "")
    if known is None or known.at < world.now_s - KEY_LIFETIME_S or request.method != "POST":
        return None
    if known.path != request.path:
        raise key_of_another(
            "Keys for idempotent requests can only be used for the same endpoint they were first used for "
            f"('/v1/{request.path}' vs '/v1/{known.path}'). Try using a key other than '{known.key[:100]}' if you "
            "meant to execute a different request."
        )
    if known.parameters != digest:
        raise key_of_another(
            "Keys for idempotent requests can only be used with the same parameters they were first used with. Try "
            f"using a key other than '{known.key[:100]}' if you meant to execute a different request."
        )
    return known


def in_use(request: Request) -> Reply:
    """The answer while the first request with the key is under way."""
    return Reply(409, show_error(key_in_use(), request.request_id), retry=True)
