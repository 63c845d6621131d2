"""The sandbox's HTTP server on loopback: reads requests, hands them to the desk, writes the answers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import blake2b
from itertools import count
from pathlib import Path

from aiohttp import web
from msgspec import Struct

from adapters.gateways.sandbox.clock import SandboxClock
from adapters.gateways.sandbox.desk import Desk, Reply, Request, in_use
from adapters.gateways.sandbox.pages import Pages
from adapters.gateways.sandbox.record import Record
from adapters.gateways.sandbox.refusals import RefusedError
from adapters.gateways.sandbox.showing import show_error
from adapters.gateways.sandbox.world import API_VERSION, Setting

LOOPBACK = "127.0.0.1"
BODY_MAX = 1 << 20
_JSON = "application/json"


class Exchange(Struct):
    """A request to the API and its answer, for whoever observes the sandbox."""

    method: str
    path: str
    text: bytes
    status: int
    answer: bytes


class Server:
    """Answers HTTP requests; see the package's README for what it speaks."""

    def __init__(self, desk: Desk, delay_s: float = 0.0, observe: Callable[[Exchange], None] | None = None) -> None:
        self._desk = desk
        self._delay_s = delay_s
        self._observe = observe
        self._numbers = count(1)
        self._pages = Pages(desk)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One HTTP request."""
        path = request.path
        if path.startswith("/v1/"):
            return await self._api(request, path[4:])
        return await self._pages.handle(request)

    async def _api(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        body = await request.read() if request.can_read_body else b""
        if request.method in ("GET", "DELETE") and not body:
            body = request.rel_url.raw_query_string.encode()
        asked = Request(request.method, path, body, request.headers.get("Idempotency-Key"), self._request_id())
        refused = _unauthorized(request.headers.get("Authorization", ""), asked.request_id)
        reply = refused or await self._answered(asked)
        if self._observe:
            self._observe(Exchange(asked.method, f"/v1/{path}", body, reply.status, reply.body))
        return web.Response(status=reply.status, body=reply.body, headers=_headers(asked, reply))

    async def _answered(self, asked: Request) -> Reply:
        key = asked.key if asked.method == "POST" else None
        if key is None:
            return await self._delayed(asked)
        if key in self._desk.busy_keys:
            return in_use(asked)
        self._desk.busy_keys.add(key)
        try:
            return await self._delayed(asked)
        finally:
            self._desk.busy_keys.discard(key)

    async def _delayed(self, asked: Request) -> Reply:
        reply = await self._desk.ask(asked)
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
    if scheme == "Basic" or (scheme == "Bearer" and credentials.startswith(("sk_test_", "rk_test_"))):
        return None
    what = "Invalid API Key provided." if credentials else "You did not provide an API key."
    error = RefusedError(401, {"message": f"{what} The sandbox takes any test key.", "type": "invalid_request_error"})
    return Reply(401, show_error(error, request_id))


@asynccontextmanager
async def serving(
    record: Path | str = ":memory:",
    *,
    port: int = 0,
    setting: Setting | None = None,
    delay_s: float = 0.0,
    observe: Callable[[Exchange], None] | None = None,
) -> AsyncIterator[str]:
    """A sandbox in this event loop, until the block ends; gives its address. Raises OSError where the port is taken."""
    setting = setting or Setting()
    kept = Record(Path(record), setting.seed)
    desk = Desk(kept, setting, SandboxClock(kept))
    server = Server(desk, delay_s, observe)
    runner = web.ServerRunner(web.Server(server.handle, access_log=None))
    await runner.setup()
    try:
        site = web.TCPSite(runner, LOOPBACK, port)
        await site.start()
        host, number = runner.addresses[0][:2]
        desk.world.address = f"http://{host}:{number}"
        ticking = asyncio.create_task(desk.tick())
        yield desk.world.address
        ticking.cancel()
    finally:
        await runner.cleanup()
        kept.close()
