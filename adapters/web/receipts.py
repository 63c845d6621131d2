"""Where Twilio posts what became of an SMS; only what it has signed is believed."""

from typing import Any
from urllib.parse import parse_qsl

import structlog
from fastapi import APIRouter, Request, Response
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from starlette.requests import ClientDisconnect

from adapters.notices.receipts import RECEIPTS, address_of, is_signed, key_in, take_receipt

log = structlog.get_logger()

FORM_BYTES_MOST = 16_384


def receipts(pool: AsyncConnectionPool[AsyncConnection[Any]], web_url: str, token: str) -> APIRouter:
    """The address of receipts; `web_url` is ours as Twilio knows it, `token` that of our account."""
    router = APIRouter()

    @router.post(RECEIPTS + "{name}")
    async def receive(name: str, request: Request) -> Response:
        key, form = key_in(name), await _form(request)
        signature = request.headers.get("x-twilio-signature", "")
        if key is None or form is None or not is_signed(address_of(web_url, key), form, signature, token):
            log.warning("notices.receipt_refused")
            return Response(status_code=403)
        async with pool.connection() as connection:
            await take_receipt(connection, key, form)
        return Response(status_code=204)

    return router


async def _form(request: Request) -> dict[str, str] | None:
    """The fields; None for what is too long or no form."""
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > FORM_BYTES_MOST:
                return None
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=100))
    except (ClientDisconnect, ValueError):
        return None
