"""Answers that go wrong on their way: cut short, stalled, trickling, too large, not JSON, with another amount."""

import asyncio
import re

from aiohttp import web

from adapters.gateways.sandbox.desk import Reply, Request
from adapters.gateways.sandbox.faults import Fault
from adapters.gateways.sandbox.refusals import RefusedError
from adapters.gateways.sandbox.showing import show_error

_JSON, _HTML = "application/json", "text/html"
_TOO_MANY, _BAD_GATEWAY, _OK = 429, 502, 200
_OVERSIZE = 32 << 20
_CHUNK = b" " * (1 << 16)
_TRICKLE_S = 0.1
_AMOUNT = re.compile(rb'"(amount|amount_received)":([1-9][0-9]*)')
_PAGE = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


def too_many(asked: Request, code: str) -> Reply:
    """The answer (429) to a request that was not carried out."""
    message = (
        "Request rate limit exceeded. You can learn more about rate limits here https://stripe.com/docs/rate-limits."
        if code == "rate_limit"
        else "This object cannot be accessed right now because another API request or Stripe process is currently "
        "accessing it. If you see this error intermittently, retry the request."
    )
    error = RefusedError(_TOO_MANY, {"message": message, "type": "invalid_request_error", "code": code})
    return Reply(_TOO_MANY, show_error(error, asked.request_id))


def bad_gateway() -> web.Response:
    """What a proxy in front of the API says."""
    return web.Response(status=_BAD_GATEWAY, text=_PAGE, content_type=_HTML)


async def spoiled(request: web.BaseRequest, fault: Fault, reply: Reply, headers: dict[str, str]) -> web.StreamResponse:
    """The answer as the fault leaves it."""
    match fault.kind:
        case "delay":
            await asyncio.sleep(fault.seconds)
        case "dropped":
            _end(request)
        case "commit_then_stall":
            await asyncio.sleep(fault.seconds)
            _end(request)
        case "gateway_after":
            return bad_gateway()
        case "not_json":
            return web.Response(status=_OK, text=_PAGE, content_type=_HTML)
        case "wrong_amount":
            reply = Reply(reply.status, _AMOUNT.sub(_one_more, reply.body))
        case "cut" | "stalled" | "trickling" | "oversized":
            return await _streamed(request, fault, reply, headers)
        case _:
            pass
    return web.Response(status=reply.status, body=reply.body, headers=headers)


def _one_more(found: re.Match[bytes]) -> bytes:
    return b'"%s":%d' % (found[1], int(found[2]) + 1)


async def _streamed(
    request: web.BaseRequest, fault: Fault, reply: Reply, headers: dict[str, str]
) -> web.StreamResponse:
    half = reply.body[: len(reply.body) // 2]
    response = web.StreamResponse(status=reply.status, headers=headers)
    response.content_length = len(reply.body) + (_OVERSIZE if fault.kind == "oversized" else 0)
    try:
        await response.prepare(request)
        if fault.kind == "oversized":
            for _ in range(_OVERSIZE // len(_CHUNK)):
                await response.write(_CHUNK)
            await response.write(reply.body)
            await response.write_eof()
            return response
        if fault.kind == "trickling":
            for number in range(min(len(half), int(fault.seconds / _TRICKLE_S))):
                await response.write(half[number : number + 1])
                await asyncio.sleep(_TRICKLE_S)
        else:
            await response.write(half)
            if fault.kind == "stalled":
                await asyncio.sleep(fault.seconds)
    except ConnectionError:
        pass  # the client had enough of it
    _end(request)
    return response


def _end(request: web.BaseRequest) -> None:
    """Close the connection, whatever was sent."""
    if request.transport is not None:
        request.transport.abort()
