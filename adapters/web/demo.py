"""The demo's own page: the clock, which a visitor moves, and the e-mails that were sent."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.cli.demo.desk import code_now
from adapters.notices.folder import Mail, count_mails, mails_in
from adapters.settings import Settings
from adapters.web.door import Door, form_of, language_of, see_other
from adapters.web.frame import page
from adapters.web.pages.portal import Portal

SPANS = {"day": timedelta(1), "week": timedelta(7), "month": timedelta(30)}


def demo_pages(portal: Portal, door: Door, pass_time: Callable[[timedelta], None], settings: Settings) -> list[Route]:
    """`/demo`; `pass_time` lets all happen that is due meanwhile."""
    turn = asyncio.Lock()

    async def show(request: Request) -> Response:
        _, at = await asyncio.to_thread(portal.read_rules)
        return await _shown(request, at)

    async def _shown(request: Request, at: datetime) -> Response:
        visitor = await door.visitor(request)
        language = language_of(request, visitor)
        folder = settings.mail_folder
        mails, written = await asyncio.to_thread(_mails_of, folder) if folder else ([], 0)
        shown = {"written": written, "console": settings.console_url, "code": code_now(settings.home), "mails": mails}
        return page("demo", language, visitor=visitor, here="/demo", day=at.date(), **shown)

    async def forward(request: Request) -> Response:
        span = SPANS.get((await form_of(request)).get("span", ""))
        if span is not None:
            async with turn:
                await asyncio.to_thread(pass_time, span)
        return see_other("/demo")

    return [Route("/demo", show, methods=["GET"]), Route("/demo", forward, methods=["POST"])]


def _mails_of(folder: Path) -> tuple[list[Mail], int]:
    """The newest e-mails and SMS, and how many there are."""
    return mails_in(folder), count_mails(folder)
