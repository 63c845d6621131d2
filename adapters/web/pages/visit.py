"""A request of a holder about one of their cards: what each of its pages begins with."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.directory.answers import Wait
from adapters.directory.sessions import SignedIn
from adapters.web.door import Door, Endpoint, Form, form_of, missing, prove, see_other, way_back
from adapters.web.frame import page
from adapters.web.pages.portal import Held, Portal
from adapters.web.pages.refusals import said
from adapters.web.pages.shown import shown
from adapters.web.pages.standing import FINAL
from adapters.web.voice import Voice, voice
from engine.commands import AnyCommand
from engine.errors import Refused


@dataclass(frozen=True)
class CardVisit:
    """One request; `form` is empty unless something was sent."""

    portal: Portal
    request: Request
    visitor: SignedIn
    held: Held
    form: Form = field(default_factory=dict[str, str])
    is_proved: bool = False
    """Whether somebody proved within the last minutes to be the holder (ASVS 5.0.0, 7.5.1)."""

    @property
    def card_id(self) -> UUID:
        """The card that it is about."""
        return self.held.card_id

    @property
    def home(self) -> str:
        """The path of the card's own page; the others are below it."""
        return f"/cards/{self.card_id}"

    @property
    def say(self) -> Voice:
        """The voice in the holder's language."""
        return voice(self.visitor.language)

    def go(self, path: str = "") -> Response:
        """To another page of the card."""
        return see_other(f"{self.home}{path}")

    def prove(self, back: str) -> Response:
        """First prove again to be the holder, then come back to that page of the card."""
        return prove(f"{self.home}{back}")

    def page(self, template: str, status: int = 200, **values: object) -> Response:
        """A page about the card; a task is left by its Cancel, which leads to the card."""
        card = shown(self.held, self.say)
        given = {"visitor": self.visitor, "task": self.home, "here": self.request.url.path, "card": card, **values}
        return page(template, self.visitor.language, status, **given)

    def missing(self) -> Response:
        """The page for what is not there."""
        return missing(self.request, self.visitor)

    async def execute(self, *commands: AnyCommand) -> Refused | None:
        """Execute commands for the holder, in order; the first refusal, if any."""
        return await self.portal.execute(self.visitor.holder_id, *commands)

    async def agree(self, *commands: AnyCommand) -> Refused | None:
        """The same, by the prices and the time that the page was judged by: none can change in between."""
        return await self.portal.execute(self.visitor.holder_id, *commands, judged_by=(self.held.rules, self.held.at))

    async def has_done(self, command_id: str) -> bool:
        """Whether that command was accepted for this card before."""
        return await self.portal.has_done(self.card_id, command_id)

    def wait_for_provider(self) -> Wait | None:
        """None if the provider may be asked for this holder now, which is counted; or when it may be."""
        seconds = self.portal.provider_pace.wait_s(self.visitor.holder_id)
        return Wait(seconds) if seconds else None

    def refusal(self, refused: Refused) -> Markup:
        """The refusal as the holder reads it."""
        return said(refused, self.say)


CardPage = Callable[[CardVisit], Awaitable[Response]]


class CardRoute(NamedTuple):
    """A page of a card: its method, its path below the card's, and what serves it."""

    method: str
    path: str
    serve: CardPage
    back: str | None = None
    """Where below the card's page who had to sign in comes back to; None: to the page at the same path, if any."""


def routes_of(portal: Portal, door: Door, pages: Iterable[CardRoute]) -> list[Route]:
    """The pages as routes; a card that is another's, that does not exist or that is over is missing in all of them."""
    found = tuple(pages)
    shown_at = {one.path for one in found if one.method == "GET"}
    return [
        Route(
            f"/cards/{{card_id:uuid}}{one.path}",
            _endpoint(portal, door, one, one.path if one.path in shown_at else ""),
            methods=[one.method],
        )
        for one in found
    ]


def _endpoint(portal: Portal, door: Door, route: CardRoute, page_at: str) -> Endpoint:
    async def serve(request: Request, visitor: SignedIn) -> Response:
        form = await form_of(request) if route.method == "POST" else {}
        held = await portal.card(visitor.holder_id, request.path_params["card_id"])
        if held is None or held.card.status in FINAL:
            return missing(request, visitor)
        return await route.serve(CardVisit(portal, request, visitor, held, form, visitor.is_recent(door.now())))

    def back(request: Request) -> str:
        if route.method == "GET" and route.back is None:
            return way_back(request)
        return f"/cards/{request.path_params['card_id']}{page_at if route.back is None else route.back}"

    return door.signed_in(serve, back)
