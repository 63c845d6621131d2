"""Pages and files for everybody: the terms, the choice of language, the style sheet."""

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


def plain_pages(door: Door) -> list[Route]:
    """`/terms`, `/language`, `/static/…`."""

    async def terms(request: Request) -> Response:
        visitor = await door.visitor(request)
        language = language_of(request, visitor)
        return page("terms", language, visitor=visitor, here="/terms", terms_version=TERMS_VERSION)

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
        Route("/language", language, methods=["POST"]),
        FILES,
    ]


def own_path(text: str) -> str:
    """A path of ours to go to; the list of cards for anything that might lead elsewhere."""
    is_ours = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() and "\\" not in text
    return text if is_ours and len(text) < 500 else "/cards"  # noqa: PLR2004 (longer than any of ours)
