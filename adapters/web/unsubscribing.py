"""The link by which a holder does without optional notices: no sign-in, and nothing changes by looking at it.

Mail programs post to it by themselves (RFC 8058), so that no origin can be asked for; the token in the address is
what proves who asks.
"""

from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from adapters.languages.language import preferred
from adapters.languages.texts import texts
from adapters.notices.unsubscribing import is_known, unsubscribe
from adapters.notices.wording import FRAME, UNSUBSCRIBING
from adapters.web.frame import versioned

UNSUBSCRIBE = "/unsubscribe/"
_ADDRESS = UNSUBSCRIBE + "{token}"
_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
_BUTTON, _DONE, _UNKNOWN = UNSUBSCRIBING
Token = Annotated[str, Path(max_length=64)]
Accepted = Annotated[str, Header()]


def unsubscribing(pool: AsyncConnectionPool[AsyncConnection[Any]]) -> APIRouter:
    """The page, and what it posts to."""
    router = APIRouter()

    @router.get(_ADDRESS)
    async def ask(token: Token, accept_language: Accepted = "") -> HTMLResponse:
        async with pool.connection() as connection:
            known = await is_known(connection, token)
        return _page(_BUTTON if known else _UNKNOWN, accept_language, 200 if known else 404, asks=known)

    @router.post(_ADDRESS)
    async def end(token: Token, accept_language: Accepted = "") -> HTMLResponse:
        async with pool.connection() as connection:
            known = await unsubscribe(connection, token)
        return _page(_DONE if known else _UNKNOWN, accept_language, 200 if known else 404, asks=False)

    return router


@cache
def _templates() -> Environment:
    return Environment(loader=PackageLoader("adapters.notices"), autoescape=True, undefined=StrictUndefined)


def _page(text: str, accepted: str, status: int, *, asks: bool) -> HTMLResponse:
    language = preferred(accepted)
    translate = texts("adapters.notices", language).gettext
    html = _templates().get_template("unsubscribe.html")
    values = {"text": translate(text), "name": translate(FRAME[0]), "stylesheet": versioned("baohao.css")}
    return HTMLResponse(html.render(values, language=language, asks=asks), status, _HEADERS)
