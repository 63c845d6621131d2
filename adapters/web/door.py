"""Who stands before a page: the session of its cookie, or nobody, and the language to speak."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from adapters.directory.sessions import SignedIn, find_session
from adapters.languages.language import Language, named, preferred
from adapters.web.frame import page

SESSION, LANGUAGE = "__Host-bh", "__Host-bh-language"
"""Cookies: they hold on this host alone, and only over TLS or on this machine (ASVS 5.0.0, 3.3.1 to 3.3.4)."""
SIGN_IN, CONFIRM = "/sign-in", "/account/confirm"
FORM_BYTES_MOST = 16_384
_FIELDS_MOST = 60

Handler = Callable[[Request, SignedIn], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]
Form = Mapping[str, str]


class FormError(Exception):
    """A form that none of our pages sends."""


class Door:
    """Finds out who is there."""

    def __init__(self, pool: AsyncConnectionPool[AsyncConnection[Any]], now: Callable[[], datetime]) -> None:
        self.pool, self.now = pool, now

    async def visitor(self, request: Request) -> SignedIn | None:
        """Whose session it is; None for nobody's."""
        token = request.cookies.get(SESSION)
        if not token:
            return None
        async with self.pool.connection() as connection:
            return await find_session(connection, token, self.now())

    def signed_in(self, handler: Handler, back: Callable[[Request], str] | None = None) -> Endpoint:
        """The page for those who are signed in; others sign in first, and come back to it, or where `back` says."""

        async def endpoint(request: Request) -> Response:
            visitor = await self.visitor(request)
            if visitor is None:
                return see_other(f"{SIGN_IN}?{urlencode({'next': (back or way_back)(request)})}")
            return await handler(request, visitor)

        return endpoint


def way_back(request: Request) -> str:
    """The page that was asked for; of a form, which is gone by then, the list of cards."""
    if request.method != "GET":
        return "/cards"
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def language_of(request: Request, visitor: SignedIn | None = None) -> Language:
    """The holder's language; before sign-in the one chosen here, or the browser's."""
    if visitor is not None:
        return visitor.language
    chosen = named(request.cookies.get(LANGUAGE, ""))
    return chosen or preferred(request.headers.get("accept-language", ""))


def see_other(where: str) -> RedirectResponse:
    """After a form: the next page, so that reloading it sends nothing again."""
    return RedirectResponse(where, 303, {"Cache-Control": "no-store"})


def prove(back: str) -> RedirectResponse:
    """First prove again to be the holder, then come back."""
    return see_other(f"{CONFIRM}?{urlencode({'next': back})}")


async def form_of(request: Request) -> Form:
    """The fields of a form; raises FormError for what none of our pages sends."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > FORM_BYTES_MOST:
            raise FormError("it is too large")
    try:
        fields = parse_qsl(
            body.decode(), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=_FIELDS_MOST
        )
    except ValueError as error:
        raise FormError(f"it is no form: {error}") from None
    return {name: value.replace("\x00", "") for name, value in fields}


def missing(request: Request, visitor: SignedIn | None = None) -> Response:
    """The page for what is not there, or is another's: the same for both."""
    return page("missing", language_of(request, visitor), 404, visitor=visitor)
