"""Notifications from the provider: judged, stored, and only then accepted; looked up later."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated

import structlog
from fastapi import APIRouter, Path, Request, Response
from psycopg import OperationalError
from starlette.requests import ClientDisconnect

from adapters.gateways.stripe_notifications import BODY_MAX, Hint, NotificationError, read_notification

log = structlog.get_logger()

Keep = Callable[[Sequence[Hint]], Awaitable[None]]
"""Stores hints; durable once it returns."""


class _TooLargeError(Exception):
    """The body is longer than any notification."""


def notifications(secret: str, now: Callable[[], datetime], keep: Keep, *, livemode: bool) -> APIRouter:
    """The endpoints; each of the provider's may have a name of its own, which is logged.

    200 once it is stored, 400 for what is not to be believed, 413 for what is too large, 503 without a database.
    """
    router = APIRouter()

    @router.post("/notifications/{endpoint}")
    async def receive(endpoint: Annotated[str, Path(pattern=r"^[a-z0-9-]{1,40}$")], request: Request) -> Response:
        try:
            body = await _body(request)
            hints = read_notification(request.headers, body, secret, now(), livemode=livemode)
        except _TooLargeError:
            return _refused(endpoint, 413, f"it has more than {BODY_MAX} bytes")
        except NotificationError as error:
            return _refused(endpoint, 400, str(error))
        except ClientDisconnect:
            return _refused(endpoint, 400, "it was not sent to its end")
        try:
            await keep(hints)
        except OperationalError as error:
            return _refused(endpoint, 503, str(error))
        log.info("notification.kept", endpoint=endpoint, events=[[hint.event_id, hint.kind] for hint in hints])
        return Response(status_code=200)

    return router


async def _body(request: Request) -> bytes:
    """The raw body, of which no more is read than a notification may have."""
    declared = request.headers.get("content-length", "0")
    if declared.isascii() and declared.isdecimal() and int(declared[:9]) > BODY_MAX:
        raise _TooLargeError
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > BODY_MAX:
            raise _TooLargeError
    return bytes(body)


def _refused(endpoint: str, status: int, why: str) -> Response:
    """Logged without any of the body."""
    log.warning("notification.refused", endpoint=endpoint, status=status, reason=why)
    return Response(status_code=status)
