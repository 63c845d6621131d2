"""A request about an account: what each of its pages begins with, and who may see it."""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, NamedTuple
from urllib.parse import urlencode

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.directory.answers import Opened
from adapters.directory.messages import Send
from adapters.directory.passkey_challenges import Site
from adapters.directory.sessions import ABSOLUTE, SignedIn
from adapters.directory.signing_out import sign_out
from adapters.directory.visit import Visit, device_of
from adapters.languages.language import Language
from adapters.web.door import SESSION, SIGN_IN, Door, Endpoint, Form, form_of, language_of, prove, see_other
from adapters.web.frame import page
from adapters.web.pages.accounts.client_address import client_address
from adapters.web.pages.plain import own_path
from adapters.web.voice import Voice, voice

Who = Literal["anybody", "holder", "proved"]
"""Who may see a page: everybody; who is signed in; who proved within the last minutes to be the holder."""


@dataclass(frozen=True)
class Reception:
    """What the pages of accounts work with; one for all requests."""

    door: Door
    hashing: AsyncConnectionPool[AsyncConnection[Any]]
    """Connections of their own for what judges passwords, each for some 60 ms: other pages never wait for those."""
    send: Send
    site: Site
    """Whose passkeys are taken."""
    proxies: int = 0
    """How many trusted proxies stand before us."""
    sends_sms: bool = True
    """Whether a phone number can be sent anything."""


@dataclass(frozen=True)
class AccountVisit:
    """One request; `form` is empty unless something was sent."""

    reception: Reception
    request: Request
    visitor: SignedIn | None
    form: Form

    @property
    def holder(self) -> SignedIn:
        """Whose account it is; only on pages that nobody else sees."""
        if self.visitor is None:
            raise LookupError("this page has no holder")
        return self.visitor

    @property
    def language(self) -> Language:
        """The reader's language."""
        return language_of(self.request, self.visitor)

    @property
    def say(self) -> Voice:
        """The voice in the reader's language."""
        return voice(self.language)

    @property
    def at(self) -> Visit:
        """Who asks, and when."""
        ip = client_address(self.request, self.reception.proxies)
        return Visit(self.reception.door.now(), ip, device_of(self.request.headers.get("user-agent", "")))

    @property
    def here(self) -> str:
        """The address of this page."""
        query = self.request.url.query
        return self.request.url.path + (f"?{query}" if query else "")

    def connection(self) -> AbstractAsyncContextManager[AsyncConnection[Any]]:
        """A connection for what is quick."""
        return self.reception.door.pool.connection()

    def hashing(self) -> AbstractAsyncContextManager[AsyncConnection[Any]]:
        """A connection for what judges or sets a password."""
        return self.reception.hashing.connection()

    def onward(self, otherwise: str = "/cards") -> str:
        """Where the holder wanted to go."""
        wanted = self.request.query_params.get("next")
        return otherwise if wanted is None else own_path(wanted)

    def link(self, path: str, **query: str) -> str:
        """The address of another page on the way to where the holder wanted to go."""
        wanted = self.request.query_params.get("next")
        asked = {**query, **({} if wanted is None else {"next": own_path(wanted)})}
        return f"{path}?{urlencode(asked)}" if asked else path

    def page(self, template: str, status: int = 200, **values: object) -> Response:
        """A page of an account."""
        given: dict[str, object] = {"visitor": self.visitor, "here": self.here, "link": self.link, **values}
        return page(f"accounts/{template}", self.language, status, **given)

    async def enter(self, opened: Opened, to: str) -> Response:
        """Signed in: the browser gets the new session, the one that it had is over."""
        if self.visitor is not None and self.visitor.session_id != opened.session_id:
            async with self.connection() as connection:
                await sign_out(connection, self.visitor, self.at)
        return with_cookie(see_other(to), SESSION, opened.token, ABSOLUTE)


AccountPage = Callable[[AccountVisit], Awaitable[Response]]


class AccountRoute(NamedTuple):
    """A page: its method, its path, what serves it, and who may see it."""

    method: str
    path: str
    serve: AccountPage
    who: Who = "holder"
    back: str | None = None
    """The page to come back to when a form was sent too late; None: the page at the same path."""


def routes_of(reception: Reception, pages: Iterable[AccountRoute]) -> list[Route]:
    """The pages as routes."""
    return [Route(one.path, _endpoint(reception, one), methods=[one.method]) for one in pages]


def with_cookie(answer: Response, name: str, value: str, lives: timedelta) -> Response:
    """A cookie that holds on this host alone, and that no script reads (ASVS 5.0.0, 3.3.1 to 3.3.4)."""
    age = int(lives.total_seconds())
    answer.set_cookie(name, value, max_age=age, path="/", secure=True, httponly=True, samesite="lax")
    return answer


def without_cookie(answer: Response, name: str) -> Response:
    """The browser forgets the cookie."""
    answer.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")
    return answer


def _endpoint(reception: Reception, route: AccountRoute) -> Endpoint:
    async def serve(request: Request) -> Response:
        form = await form_of(request) if route.method == "POST" else {}
        visit = AccountVisit(reception, request, await reception.door.visitor(request), form)
        back = visit.here if route.method == "GET" else route.back or visit.here
        if route.who != "anybody" and visit.visitor is None:
            return see_other(f"{SIGN_IN}?{urlencode({'next': back})}")
        if route.who == "proved" and not visit.holder.is_recent(reception.door.now()):
            return prove(back)
        return await route.serve(visit)

    return serve
