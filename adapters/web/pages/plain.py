"""Pages and files for everybody: the terms, where to find help, the choice of language, the style sheet."""

import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.directory.accounts import set_language
from adapters.languages.language import named
from adapters.web.door import LANGUAGE, Door, form_of, language_of, see_other
from adapters.web.files import FILES
from adapters.web.frame import page
from adapters.web.pages.agreeing import TERMS_VERSION

_YEAR_S = 31_536_000


def plain_pages(door: Door, support: str | None) -> list[Route]:
    """`/terms`, `/help`, `/language`, `/static/…`."""

    async def terms(request: Request) -> Response:
        visitor = await door.visitor(request)
        language = language_of(request, visitor)
        return page("terms", language, visitor=visitor, here="/terms", terms_version=TERMS_VERSION)

    async def help_found(request: Request) -> Response:
        visitor = await door.visitor(request)
        values = {"here": "/help", "support": support, "leads_to": None if support is None else leads_to(support)}
        return page("help", language_of(request, visitor), visitor=visitor, **values)

    async def language(request: Request) -> Response:
        form, visitor = await form_of(request), await door.visitor(request)
        chosen, back = named(form.get("to", "")), own_path(form.get("back", ""))
        answer = see_other(back)
        if chosen is None:
            return answer
        if visitor is not None:
            async with door.pool.connection() as connection:
                await set_language(connection, visitor.holder_id, chosen)
        answer.set_cookie(LANGUAGE, chosen, max_age=_YEAR_S, secure=True, httponly=True, samesite="lax")
        return answer

    return [
        Route("/terms", terms, methods=["GET"]),
        Route("/help", help_found, methods=["GET"]),
        Route("/language", language, methods=["POST"]),
        FILES,
    ]


def leads_to(support: str) -> str | None:
    """The address of a link to the support; None where it is nothing that a browser opens."""
    if support.startswith("https://"):
        return support
    if re.fullmatch(r"[^@\s:]+@[^@\s:]+\.[^@\s:]+", support):
        return f"mailto:{support}"
    is_number = re.fullmatch(r"\+?[ ()-]*[0-9][0-9 ()-]{2,}", support)
    return f"tel:{re.sub('[^+0-9]', '', support)}" if is_number else None


def own_path(text: str) -> str:
    """A path of ours to go to; the list of cards for anything that might lead elsewhere."""
    is_ours = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() and "\\" not in text
    return text if is_ours and len(text) < 500 else "/cards"  # noqa: PLR2004 (longer than any of ours)
