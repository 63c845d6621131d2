"""The console as an application of its own, which the web role serves at its host."""

from urllib.parse import urlsplit

import structlog
from psycopg import OperationalError
from psycopg_pool import PoolTimeout
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from adapters.web.by_host import ByHost
from adapters.web.console import (
    acting,
    card,
    cases,
    charging,
    figures,
    health,
    listing,
    lost_passkeys,
    parked,
    payment_cards,
    recorded,
    searching,
)
from adapters.web.console.desk import Desk
from adapters.web.console.entering import entrance
from adapters.web.console.visit import console_page, routes_of, who
from adapters.web.door import FormError
from adapters.web.files import FILES
from adapters.web.guard import Guard
from engine.errors import BaohaoError, Refused

log = structlog.get_logger()

PAGES = (
    *searching.PAGES,
    *listing.PAGES,
    *card.PAGES,
    *acting.PAGES,
    *lost_passkeys.PAGES,
    *cases.PAGES,
    *parked.PAGES,
    *payment_cards.PAGES,
    *charging.PAGES,
    *health.PAGES,
    *figures.PAGES,
    *recorded.PAGES,
)
"""Every page behind the entrance."""


def console(desk: Desk) -> Starlette:
    """The pages, and what stands before them."""

    async def missing(request: Request, _: Exception) -> Response:
        return console_page("missing", 404, operator=await who(desk, request))

    return Starlette(
        routes=[FILES, *entrance(desk), *routes_of(desk, PAGES)],
        exception_handlers={
            404: missing,
            405: missing,
            FormError: _no_form,
            OperationalError: _away,
            PoolTimeout: _away,
            Refused: _sent_before,
            BaohaoError: _away,
            Exception: _failed,
        },
        middleware=[
            Middleware(
                Guard, origin=desk.origin, form_targets=(), scripted=frozenset(), exempt=(), refusal=_from_elsewhere
            )
        ],
    )


def beside(desk: Desk | None, holders: ASGIApp) -> ASGIApp:
    """The holders' pages and, at its own host, the console."""
    return holders if desk is None else ByHost(urlsplit(desk.origin).netloc.lower(), console(desk), holders)


def _from_elsewhere(_: Request) -> Response:
    return console_page("failed", 403, trouble="elsewhere")


async def _no_form(request: Request, error: Exception) -> Response:
    log.warning("console.refused", path=_named(request), reason=str(error))
    return console_page("failed", 400, trouble="form")


async def _sent_before(request: Request, error: Exception) -> Response:
    log.warning("console.refused", path=_named(request), reason=str(error))
    return console_page("failed", 409, trouble="form")


async def _away(request: Request, error: Exception) -> Response:
    log.warning("console.cannot_be_shown", path=_named(request), error=type(error).__name__)
    return console_page("failed", 503, trouble="away")


async def _failed(request: Request, error: Exception) -> Response:
    log.error("console.failed", path=_named(request), exc_info=error)
    return console_page("failed", 500, trouble="ours")


def _named(request: Request) -> str:
    """The path without the token of a set-up."""
    path = request.url.path
    return "/set-up/…" if path.startswith("/set-up/") else path
