"""Where the holder comes back to from the provider's hosted page."""

import re
from collections.abc import Awaitable, Callable
from typing import Annotated

import structlog
from fastapi import APIRouter, Header
from fastapi.responses import HTMLResponse
from psycopg import OperationalError

from adapters.bindings import Outcome
from engine.errors import BaohaoError

log = structlog.get_logger()

DONE, CANCELED = "/bindings/done", "/bindings/canceled"
_TEXTS: dict[str, tuple[str, str]] = {
    "bound": ("已绑定支付方式。可以关闭此页。", "The payment method is bound. You may close this page."),
    "renewed": (
        "这张银行卡先前已绑定，信息已更新。可以关闭此页。",
        "It was bound already, and has its new details. You may close this page.",
    ),
    "waiting": ("支付机构仍在处理，稍后自动完成。", "The provider is still at it; it completes by itself."),
    "refused": ("未能绑定，没有任何扣款。请换一种方式重试。", "Nothing was bound or charged. Please try another way."),
    "unknown": ("没有找到这次绑定。请重新开始。", "There is no such visit. Please begin again."),
    "canceled": ("已取消，没有任何更改。", "Canceled; nothing was changed."),
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_STATUS = {"unknown": 404}

Complete = Callable[[str], Awaitable[Outcome]]
"""Completes the visit of that session; raises BaohaoError where that has to wait."""
Language = Annotated[str, Header(alias="accept-language", max_length=200)]
_SESSION_ID = re.compile(r"cs_[A-Za-z0-9_]{1,200}")


def returns(complete: Complete) -> APIRouter:
    """The addresses to come back to."""
    router = APIRouter()

    @router.get(DONE)
    async def done(session_id: str = "", accept_language: Language = "") -> HTMLResponse:
        if not _SESSION_ID.fullmatch(session_id):
            return _page("unknown", accept_language)
        try:
            outcome = await complete(session_id)
        except (BaohaoError, OperationalError) as error:
            log.warning("binding.waits", error=str(error))
            outcome = "waiting"  # the provider notifies us of it as well
        return _page(outcome, accept_language)

    @router.get(CANCELED)
    async def canceled(accept_language: Language = "") -> HTMLResponse:
        return _page("canceled", accept_language)

    return router


def _page(what: str, accepted: str) -> HTMLResponse:
    is_chinese = accepted.strip().lower().startswith("zh")
    text = _TEXTS[what][0 if is_chinese else 1]
    html = (
        f'<!doctype html><html lang="{"zh-CN" if is_chinese else "en"}"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Baohao 保号</title>'
        f"<main><p>{text}</p></main></html>"
    )
    return HTMLResponse(html, status_code=_STATUS.get(what, 200), headers=_HEADERS)
