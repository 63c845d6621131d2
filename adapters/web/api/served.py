"""The API as an application of its own, which the web role serves under `/api/v1`, with its OpenAPI document."""

from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI

from adapters.web.api.binding import binding
from adapters.web.api.gate import OPENAPI, Gate
from adapters.web.api.paying_on_page import paying_on_page
from adapters.web.api.problems import Problem, answer_problems
from adapters.web.api.reading import reading
from adapters.web.api.receipts import receipts
from adapters.web.api.renewing import renewing
from adapters.web.api.topping_up import topping_up
from adapters.web.pace import BURST, PER_SECOND
from adapters.web.pages.portal import Portal
from adapters.web.payments.printing import Printer

PREFIX = "/api/v1"
_ABOUT = f"""What holders do on the pages, for programs: an app for one holder, or a reseller's back office.

Each request has a token: `Authorization: Bearer …`. Writes have an `Idempotency-Key`; a request that got no answer is
sent again with the same one. Errors are `application/problem+json` with a stable `code`. Lists go on with
`cursor`, the `next` of the page before. A token may ask {BURST:.0f} times at once and {PER_SECOND:.0f} times a second.
"""


def api(portal: Portal, now: Callable[[], datetime], printer: Printer) -> FastAPI:
    """The application; `now` judges tokens."""
    app = FastAPI(
        title="Baohao",
        version=version("baohao"),
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url=OPENAPI,
    )
    app.state.portal, app.state.printer = portal, printer
    for router in (reading, renewing, binding, topping_up, paying_on_page, receipts):
        app.include_router(router)
    answer_problems(app)
    app.add_middleware(Gate, portal=portal, now=now)
    _describe(app)
    return app


def _describe(app: FastAPI) -> None:
    """The document gets the shape of problems, which no route answers as its own."""
    made = app.openapi

    def with_problems() -> dict[str, Any]:
        document = made()
        shapes = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        inner = shapes.pop("$defs", {})
        document["components"]["schemas"] |= {"Problem": shapes, **inner}
        return document

    app.openapi = with_problems
