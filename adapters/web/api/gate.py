"""What stands before every route of the API: whose token it is, how fast it asks, and how much it sends."""

from collections.abc import Callable
from datetime import datetime

from psycopg import OperationalError
from psycopg_pool import PoolTimeout
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.web.api.problems import away, problem
from adapters.web.api.tokens import find_token
from adapters.web.door import FORM_BYTES_MOST as BODY_BYTES_MOST
from adapters.web.pace import Pace
from adapters.web.pages.portal import Portal

OPENAPI = "/openapi.json"
"""The document is for everybody."""
_TOKEN_CHARACTERS_MOST = 200


class Gate:
    """Lets in who has a token, as `scope["state"]["bearer"]`; cookies are not looked at."""

    def __init__(self, app: ASGIApp, portal: Portal, now: Callable[[], datetime]) -> None:
        self._app, self._portal, self._now = app, portal, now
        self._pace = Pace()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or path == OPENAPI:
            await self._app(scope, receive, send)
            return
        token = _token_of(Headers(scope=scope).get("authorization", ""))
        try:
            async with self._portal.pool.connection() as connection:
                bearer = await find_token(connection, token, self._now()) if token else None
        except (OperationalError, PoolTimeout) as error:
            await away(scope["path"], error)(scope, receive, send)
            return
        if bearer is None:
            wanted = "Bearer" if not token else 'Bearer error="invalid_token"'
            refusal = problem(401, "unauthorized", "a valid token is needed", WWW_Authenticate=wanted)
            await refusal(scope, receive, send)
            return
        if wait_s := self._pace.wait_s(bearer.token_id):
            refusal = problem(429, "too_many_requests", f"wait {wait_s} s", Retry_After=str(wait_s))
            await refusal(scope, receive, send)
            return
        scope.setdefault("state", {})["bearer"] = bearer
        await self._app(scope, _bounded(receive), send)


def _token_of(header: str) -> str | None:
    kind, _, token = header.partition(" ")
    token = token.strip()
    return token if kind.lower() == "bearer" and 0 < len(token) <= _TOKEN_CHARACTERS_MOST else None


def _bounded(receive: Receive) -> Receive:
    """The body as it comes; HTTPException 413 beyond what any request of ours has."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > BODY_BYTES_MOST:
            raise HTTPException(413, f"a body has at most {BODY_BYTES_MOST} bytes")
        return message

    return bounded
