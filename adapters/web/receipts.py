"""Where providers post what became of an SMS: Twilio signs it, Aliyun has to know the secret in the address."""

import hmac
from typing import Any
from urllib.parse import parse_qsl

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from starlette.requests import ClientDisconnect

from adapters.notices.receipts import (
    ALIYUN_RECEIPTS,
    RECEIPTS,
    address_of,
    aliyun_receipts,
    is_signed,
    key_in,
    receipt_of,
    take_receipt,
)

log = structlog.get_logger()

BODY_BYTES_MOST = 262_144
"""Aliyun reports hundreds of SMS at a time."""


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
        receipt = receipt_of(key, form)
        if receipt is not None:
            async with pool.connection() as connection:
                await take_receipt(connection, receipt)
        return Response(status_code=204)

    return router


def aliyun_reports(pool: AsyncConnectionPool[AsyncConnection[Any]], secret: str) -> APIRouter:
    """The address of Aliyun's reports, which ends with a secret, as they are not signed."""
    router = APIRouter()

    @router.post(ALIYUN_RECEIPTS + "{given}")
    async def receive(given: str, request: Request) -> Response:
        if not hmac.compare_digest(given.encode(), secret.encode()):
            log.warning("notices.receipt_refused")
            return Response(status_code=403)
        body = await _body(request)
        try:
            found = aliyun_receipts(body or b"")
        except ValueError:
            log.warning("notices.receipt_refused")
            return Response(status_code=400)
        async with pool.connection() as connection, connection.transaction():
            for one in found:
                await take_receipt(connection, one)
        return JSONResponse({"code": 0, "msg": "OK"})  # else it comes again

    return router


async def _form(request: Request) -> dict[str, str] | None:
    """The fields; None for what is too long or no form."""
    body = await _body(request)
    try:
        return None if body is None else dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=100))
    except ValueError:
        return None


async def _body(request: Request) -> bytes | None:
    """The body; None for one that is too long or did not come."""
    body = bytearray()
    try:
        async for part in request.stream():
            body += part
            if len(body) > BODY_BYTES_MOST:
                return None
    except ClientDisconnect:
        return None
    return bytes(body)
