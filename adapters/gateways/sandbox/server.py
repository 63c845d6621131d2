"""The sandbox's HTTP server on loopback: reads requests, hands them to the desk, writes the answers."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import lru_cache
from hashlib import blake2b
from itertools import count
from pathlib import Path

from aiohttp import web
from msgspec import Struct

from adapters.ending import end
from adapters.gateways.sandbox.clock import SandboxClock
from adapters.gateways.sandbox.control import Control
from adapters.gateways.sandbox.desk import Desk, Reply, Request, broken, in_use
from adapters.gateways.sandbox.faults import Fault, Faults
from adapters.gateways.sandbox.pages import Pages
from adapters.gateways.sandbox.record import Record
from adapters.gateways.sandbox.refusals import RefusedError
from adapters.gateways.sandbox.showing import show_error
from adapters.gateways.sandbox.spoiling import bad_gateway, spoiled, too_many
from adapters.gateways.sandbox.webhooks import Webhook, Webhooks
from adapters.gateways.sandbox.world import API_VERSION, Setting

LOOPBACK = "127.0.0.1"
_SHUTDOWN_S = 0.5
_JSON = "application/json"
_UNAUTHORIZED = 401


class Options(Struct, frozen=True):
    """How a sandbox is started; port 0 is any free one, the record `:memory:` ends with it."""

    record: Path | str = ":memory:"
    port: int = 0
    setting: Setting = Setting()
    delay_s: float = 0.0
    faults: tuple[Fault, ...] = ()
    webhooks: tuple[Webhook, ...] = ()


class Exchange(Struct):
    """A request to the API and its answer, for whoever observes the sandbox."""

    method: str
    path: str
    text: bytes
    status: int
    answer: bytes


class Server:
    """Answers HTTP requests; see the package's README for what it speaks."""

    def __init__(self, desk: Desk, faults: Faults, delay_s: float, observe: Callable[[Exchange], None] | None) -> None:
        self._desk = desk
        self._faults = faults
        self._delay_s = delay_s
        self._observe = observe
        self._numbers = count(1)
        self._busy_keys: set[str] = set()
        self._pages = Pages(desk)
        self._control = Control(desk, faults)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One HTTP request."""
        path = request.path
        if path.startswith("/v1/"):
            return await self._api(request, path[4:])
        if path.startswith("/_sandbox/"):
            return await self._control.handle(request)
        return await self._pages.handle(request)

    async def _api(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        asked = await self._asked(request, path)
        fault = self._faults.of_request(asked.method, path, asked.key or f"{path}?{asked.text.decode('latin-1')}")
        if fault and fault.kind == "gateway_before":
            return bad_gateway()
        if fault and fault.kind in ("rate_limit", "lock_timeout"):
            reply = too_many(asked, fault.kind)
        else:
            asked.fault = fault.kind if fault else None
            refused = _unauthorized(request.headers.get("Authorization", ""), asked.request_id)
            reply = refused or await self._answered(asked, fault)
        if self._observe:
            self._observe(Exchange(asked.method, f"/v1/{path}", asked.text, reply.status, reply.body))
        headers = _headers(asked, reply)
        if fault:
            return await spoiled(request, fault, reply, headers)
        return web.Response(status=reply.status, body=reply.body, headers=headers)

    async def _asked(self, request: web.BaseRequest, path: str) -> Request:
        body = await request.read() if request.can_read_body else b""
        if request.method in ("GET", "DELETE") and not body:
            body = request.rel_url.raw_query_string.encode()
        return Request(request.method, path, body, request.headers.get("Idempotency-Key"), self._request_id())

    async def _answered(self, asked: Request, fault: Fault | None) -> Reply:
        key = asked.key if asked.method == "POST" else None
        if key is None:
            return await self._delayed(asked, fault)
        if key in self._busy_keys:
            return in_use(asked)
        self._busy_keys.add(key)
        try:
            return await self._delayed(asked, fault)
        finally:
            self._busy_keys.discard(key)

    async def _delayed(self, asked: Request, fault: Fault | None) -> Reply:
        if fault and fault.kind == "stall_then_commit":
            await asyncio.sleep(fault.seconds)
        try:
            reply = await self._desk.ask(asked)
        except Exception:  # noqa: BLE001 (whatever it is: a provider answers, and goes on)
            reply = broken(asked)
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        return reply

    def _request_id(self) -> str:
        return "req_" + blake2b(next(self._numbers).to_bytes(8, "big"), digest_size=7).hexdigest()


def _headers(asked: Request, reply: Reply) -> dict[str, str]:
    headers = {"Content-Type": _JSON, "Request-Id": asked.request_id, "Stripe-Version": API_VERSION}
    if asked.key:
        headers["Idempotency-Key"] = asked.key
        headers["Original-Request"] = asked.request_id
    if reply.replayed:
        headers["Idempotent-Replayed"] = "true"
    if reply.retry is not None:
        headers["Stripe-Should-Retry"] = str(reply.retry).lower()
    return headers


def _unauthorized(authorization: str, request_id: str) -> Reply | None:
    """The refusal (401) of a request without a test key; any key of a test mode is taken."""
    scheme, _, credentials = authorization.partition(" ")
    key = _user(credentials) if scheme.lower() == "basic" else credentials if scheme.lower() == "bearer" else ""
    if key.startswith(("sk_test_", "rk_test_")):
        return None
    what = "Invalid API Key provided." if key else "You did not provide an API key."
    error = RefusedError(
        _UNAUTHORIZED, {"message": f"{what} The sandbox takes any test key.", "type": "invalid_request_error"}
    )
    return Reply(_UNAUTHORIZED, show_error(error, request_id))


@lru_cache(maxsize=64)
def _user(credentials: str) -> str:
    """The name in the credentials of HTTP Basic; empty for what is none."""
    try:
        return b64decode(credentials).decode().partition(":")[0]
    except ValueError:
        return ""


@asynccontextmanager
async def serving(
    options: Options | None = None, observe: Callable[[Exchange], None] | None = None
) -> AsyncIterator[str]:
    """A sandbox in this event loop, until the block ends; gives its address. Raises OSError where the port is taken.

    `observe` hears of each request to the API and of its answer, before a fault spoils it.
    """
    options = options or Options()
    record = Record(Path(options.record), options.setting.seed)
    desk = Desk(record, options.setting, SandboxClock(record))
    faults = Faults(options.setting.seed, options.faults)
    server = Server(desk, faults, options.delay_s, observe)
    webhooks = Webhooks(desk, options.webhooks, faults)
    runner = web.ServerRunner(web.Server(server.handle, access_log=None), shutdown_timeout=_SHUTDOWN_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, options.port).start()
        host, number = runner.addresses[0][:2]
        desk.world.address = f"http://{host}:{number}"
        working = [asyncio.create_task(desk.tick()), asyncio.create_task(webhooks.run())]
        try:
            yield desk.world.address
        finally:
            await end(*working)
    finally:
        await runner.cleanup()
        record.close()
