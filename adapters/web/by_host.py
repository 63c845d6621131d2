"""Two sites at one port, told apart by the host that is asked for: neither has the other's pages."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send


class ByHost:
    """Serves one site at its host, `name` or `name:port`, and another at every other host."""

    def __init__(self, host: str, site: ASGIApp, others: ASGIApp) -> None:
        self._host, self._site, self._others = host, site, others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        asked = Headers(scope=scope).get("host", "").lower() if scope["type"] == "http" else ""
        await (self._site if asked == self._host else self._others)(scope, receive, send)
