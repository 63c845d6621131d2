"""The application that the web role serves: what other parts offer, under one roof."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import NamedTuple
from uuid import UUID

import structlog
from fastapi import APIRouter, FastAPI, Response
from psycopg import OperationalError
from psycopg_pool import PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Mount, Route

from adapters.directory.sessions import SignedIn
from adapters.web.door import FormError, language_of, missing
from adapters.web.frame import page
from adapters.web.guard import Guard
from engine.errors import BaohaoError

log = structlog.get_logger()

MACHINES = ("/notifications/", "/notices/", "/unsubscribe/", "/health", "/api/v1/")
"""Addresses of programs, which have no cookie and prove who they are in another way."""

Visitor = Callable[[Request], Awaitable[SignedIn | None]]
"""Whose session it is."""


class Guarded(NamedTuple):
    """Where the pages are, and where else their forms may lead."""

    origin: str
    form_targets: tuple[str, ...]
    scripted: frozenset[str] = frozenset()
    """Paths of the pages that have a script."""


def application(
    routers: Sequence[APIRouter],
    pages: Sequence[Route | Mount] = (),
    guard: Guarded | None = None,
    visitor: Visitor | None = None,
) -> FastAPI:
    """All routers and pages, and `/health`, which says only that the process answers.

    `visitor` tells who asks, so that a page that is not there is in their language and leads on.
    """
    app = FastAPI(title="Baohao", docs_url=None, redoc_url=None, openapi_url=None)
    for router in routers:
        app.include_router(router)
    app.router.routes.extend(pages)

    @app.get("/health")
    async def health() -> Response:
        return Response(status_code=204)

    if pages:
        app.add_exception_handler(404, partial(_missing, visitor))
        app.add_exception_handler(405, partial(_missing, visitor))
        app.add_exception_handler(FormError, _no_form)
        app.add_exception_handler(OperationalError, _away)
        app.add_exception_handler(PoolTimeout, _away)
        app.add_exception_handler(BaohaoError, _away)
        app.add_exception_handler(Exception, _failed)
    if guard is not None:
        app.add_middleware(
            Guard,
            origin=guard.origin,
            form_targets=guard.form_targets,
            exempt=MACHINES,
            scripted=guard.scripted,
            refusal=_from_elsewhere,
        )
    return app


async def _missing(visitor: Visitor | None, request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    try:
        answer = missing(request, None if visitor is None else await visitor(request))
    except (OperationalError, PoolTimeout):  # whoever it is: what is not there needs no database
        answer = missing(request)
    answer.status_code = status
    return answer


async def _no_form(request: Request, error: Exception) -> Response:
    log.warning("page.refused", path=_named(request), reason=str(error))
    return page("failed", language_of(request), 400, trouble="form")


def _from_elsewhere(request: Request) -> Response:
    return page("failed", language_of(request), 403, trouble="elsewhere")


async def _away(request: Request, error: Exception) -> Response:
    log.warning("page.cannot_be_shown", path=_named(request), error=type(error).__name__)
    return page("failed", language_of(request), 503, trouble="away")


async def _failed(request: Request, error: Exception) -> Response:
    log.error("page.failed", path=_named(request), exc_info=error)
    return page("failed", language_of(request), 500, trouble="ours")


def _named(request: Request) -> str:
    """The path for the log, in full only where all that changes in it are ids: anything else may open something."""
    path, parts = request.url.path, request.path_params.values()
    if "endpoint" in request.scope and all(isinstance(part, UUID) for part in parts):
        return path
    route = request.scope.get("route")
    return f"{path.rpartition('/')[0]}/…" if route is None else route.path
