"""A request of an operator: what each page of the console begins with, and who may see it."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.control import charging_stopped_since
from adapters.directory.visit import Visit, device_of
from adapters.web.console.accounts import emails_of
from adapters.web.console.desk import Desk
from adapters.web.console.record import Entry, begin
from adapters.web.console.roles import Action
from adapters.web.console.sessions import Operator, find_session
from adapters.web.console.shown import amount, counted, utc
from adapters.web.door import Form, form_of, see_other
from adapters.web.frame import page
from adapters.web.pages.accounts.client_address import client_address
from adapters.web.pages.ids import command_id_of

SESSION = "__Host-bh-console"
"""The cookie of the console: it holds on this host alone, and is no holder's (ASVS 5.0.0, 3.3.1 to 3.3.4)."""
SIGN_IN = "/sign-in"
BY = "operator:"
"""What stands before an operator's id where a fact names who it was."""
FORBIDDEN = "refused: not for this role"
"""The outcome in the record."""
_FRAME = {"utc": utc, "amount": amount, "counted": counted, "operator": None, "stopped": None, "here": "/"}


def console_page(template: str, status: int = 200, **values: object) -> Response:
    """A page of the console, in English."""
    return page(f"console/{template}", "en", status, **{**_FRAME, **values})


def at_of(desk: Desk, request: Request) -> Visit:
    """Who asks, and when."""
    ip = client_address(request, desk.settings.web_proxies)
    return Visit(desk.now(), ip, device_of(request.headers.get("user-agent", "")))


@dataclass(frozen=True)
class DeskVisit:
    """One request of somebody who is signed in; `form` is empty unless something was sent."""

    desk: Desk
    request: Request
    operator: Operator
    form: Form

    @property
    def at(self) -> Visit:
        """Who asks, and when."""
        return at_of(self.desk, self.request)

    def connection(self) -> AbstractAsyncContextManager[AsyncConnection[Any]]:
        """A connection for what is quick."""
        return self.desk.pool.connection()

    def asked(self, name: str) -> str:
        """What the address says of something, as far as it is text."""
        return self.request.query_params.get(name, "").replace("\x00", "")

    def go(self, path: str) -> Response:
        """To another page, after a form."""
        return see_other(path)

    async def page(self, template: str, status: int = 200, **values: object) -> Response:
        """A page; where charging is stopped it says so."""
        stopped = await self.desk.work(charging_stopped_since)
        given = {"operator": self.operator, "stopped": stopped, "here": self.request.url.path, "new_id": uuid4}
        given["stopped_by"] = (await self.names([stopped.by]))[stopped.by] if stopped else None
        return console_page(template, status, **{**given, **values})

    async def names(self, actors: Iterable[str]) -> Mapping[str, str]:
        """Actor → the address of the operator it is, for a role that may see it; or else the actor as it stands."""
        named = {one: one for one in actors}
        if not named or not self.operator.may("see_personal_data"):
            return named
        async with self.connection() as connection:
            found = await emails_of(connection, [one.removeprefix(BY) for one in named if one.startswith(BY)])
        return {one: found.get(one.removeprefix(BY), one) for one in named}

    async def missing(self) -> Response:
        """The page for what is not there."""
        return await self.page("missing", 404)

    async def forbidden(self, action: Action) -> Response:
        """The page for what the role does not allow; that it was tried is recorded."""
        await self.record(action, card_id=self.request.path_params.get("card_id"), outcome=FORBIDDEN)
        return await self.page("refused", 403)

    async def record(
        self,
        action: Action,
        *,
        card_id: UUID | None = None,
        holder_id: str | None = None,
        about: str | None = None,
        outcome: str | None = None,
    ) -> None:
        """Record what the operator looked at."""
        entry = Entry(self.operator.operator_id, action, card_id, holder_id, about)
        async with self.connection() as connection:
            await begin(connection, entry, self.desk.now(), outcome)


DeskPage = Callable[[DeskVisit], Awaitable[Response]]


class DeskRoute(NamedTuple):
    """A page: its method, its path, what serves it, and what it lets an operator do."""

    method: str
    path: str
    serve: DeskPage
    action: Action = "see"


async def who(desk: Desk, request: Request) -> Operator | None:
    """Whose session it is; None for nobody's."""
    token = request.cookies.get(SESSION)
    if not token:
        return None
    async with desk.pool.connection() as connection:
        return await find_session(connection, token, desk.now())


def routes_of(desk: Desk, pages: Iterable[DeskRoute]) -> list[Route]:
    """The pages as routes: nobody sees one without a session, nor without a role that allows it."""
    return [Route(one.path, _endpoint(desk, one), methods=[one.method]) for one in pages]


def _with_id(form: Form) -> Form:
    """The form with an id, so that its command, its record and the page after it name the same."""
    return {**form, "command_id": str(command_id_of(form))}


def _endpoint(desk: Desk, route: DeskRoute) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        operator = await who(desk, request)
        if operator is None:
            query = f"?{request.url.query}" if request.url.query else ""
            back = f"{request.url.path}{query}" if route.method == "GET" else "/"
            return see_other(f"{SIGN_IN}?{urlencode({'next': back})}" if back != "/" else SIGN_IN)
        form = _with_id(await form_of(request)) if route.method == "POST" else {}
        visit = DeskVisit(desk, request, operator, form)
        if not operator.may(route.action):
            return await visit.forbidden(route.action)
        return await route.serve(visit)

    return serve
