"""How a process is seen from outside: `/metrics`, `/healthz` and `/readyz` at a port of its own."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic

import structlog
from msgspec import json
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from adapters.health import OK

log = structlog.get_logger()

LOOP_WITHIN_S = 5
"""A process whose event loop does not turn for so long is not alive."""
READY_FOR_S = 2.0
"""So long an answer about the servers is given again."""
REQUEST_WITHIN_S = 10


class Watched:
    """What the three pages say."""

    def __init__(
        self, registry: CollectorRegistry, loop: asyncio.AbstractEventLoop, ask: Callable[[], dict[str, str]]
    ) -> None:
        self._registry, self._loop, self._ask = registry, loop, ask
        self._asking = threading.Lock()
        self._asked_at, self._ready = -READY_FOR_S, dict[str, str]()

    def page(self, path: str) -> tuple[int, str, bytes]:
        """Status, content type and body."""
        match path.partition("?")[0]:
            case "/metrics":
                return 200, CONTENT_TYPE_LATEST, generate_latest(self._registry)
            case "/healthz":
                return self._alive()
            case "/readyz":
                found = self._servers()
                return 200 if set(found.values()) == {OK} else 503, "application/json", json.encode(found)
            case _:
                return 404, "text/plain", b"/metrics, /healthz or /readyz\n"

    def _alive(self) -> tuple[int, str, bytes]:
        try:
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), self._loop).result(LOOP_WITHIN_S)
        except TimeoutError:
            return 503, "text/plain", f"the event loop has not turned for {LOOP_WITHIN_S} s\n".encode()
        return 200, "text/plain", b"ok\n"

    def _servers(self) -> dict[str, str]:
        with self._asking:
            if monotonic() - self._asked_at >= READY_FOR_S:
                self._ready, self._asked_at = self._ask(), monotonic()
            return self._ready


@contextmanager
def watched(pages: Watched, host: str, port: int) -> Iterator[None]:
    """Serve the pages until the block ends; a taken port is logged, and nobody is kept from working by it."""

    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_WITHIN_S

        def do_GET(self) -> None:
            status, kind, body = pages.page(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (as the library names it)
            """Who looks is no news."""

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        log.error("metrics.not_served", host=host, port=port, error=error.strerror)  # noqa: TRY400 (it says enough)
        yield
        return
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    log.info("metrics.served", host=host, port=server.server_port)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
