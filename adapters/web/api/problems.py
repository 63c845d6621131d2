"""What goes wrong, as `application/problem+json` (RFC 9457): `code` is stable and for programs."""

from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from psycopg import OperationalError
from psycopg_pool import PoolTimeout
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from engine.errors import BaohaoError, Refused

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
AGAIN_AFTER_S = 2
"""When the database may be back."""
NO_STORE = {"Cache-Control": "no-store"}
_CHARACTERS_MOST = 200
_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


class FieldProblem(BaseModel):
    """What is wrong with one field of a request; `field` is its path, such as `body.amount.currency`."""

    field: str
    message: str


class Problem(BaseModel):
    """What went wrong; nothing was changed, unless it is a 5xx."""

    title: str
    status: int
    code: str = Field(description="Stable, for programs; for 409 the code of the refusal.")
    detail: str
    fields: list[FieldProblem] | None = None


class ProblemError(Exception):
    """A request that ends with a problem."""

    def __init__(
        self, status: int, code: str, detail: str, field: str | None = None, *, wait_s: int | None = None
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.field, self.wait_s = status, code, field, wait_s


def problem(status: int, code: str, detail: str, field: str | None = None, **headers: str) -> JSONResponse:
    """The answer; underscores in the names of headers stand for hyphens."""
    fields = None if field is None else [FieldProblem(field=field, message=detail)]
    return _answer(status, code, detail, fields, {name.replace("_", "-"): one for name, one in headers.items()})


def _answer(
    status: int, code: str, detail: str, fields: list[FieldProblem] | None, headers: dict[str, str]
) -> JSONResponse:
    found = Problem(title=HTTPStatus(status).phrase, status=status, code=code, detail=detail, fields=fields)
    content = found.model_dump(exclude_none=True)
    return JSONResponse(content, status, headers | NO_STORE, media_type=MEDIA_TYPE)


def no_card() -> ProblemError:
    """The same for a card that does not exist and for another holder's."""
    return ProblemError(404, "unknown_card", "there is no such card")


def away(path: str, error: Exception) -> JSONResponse:
    """The database does not answer."""
    log.warning("api.database_away", path=path, error=type(error).__name__)
    detail = "the database does not answer; ask again with the same Idempotency-Key"
    return problem(503, "unavailable", detail, Retry_After=str(AGAIN_AFTER_S))


def answer_problems(app: FastAPI) -> None:
    """Answer each error of a route with its problem."""

    @app.exception_handler(ProblemError)
    async def _(_: Request, error: ProblemError) -> Response:
        wait = {} if error.wait_s is None else {"Retry_After": str(error.wait_s)}
        return problem(error.status, error.code, str(error), error.field, **wait)

    @app.exception_handler(Refused)
    async def _(_: Request, error: Refused) -> Response:
        found = no_card() if error.code == "unknown_card" else None
        if found is not None:
            return problem(found.status, found.code, str(found))
        if error.code == "command_id_reused":
            detail = "this Idempotency-Key was used for another request; choose a new one"
            return problem(409, error.code, detail, "header.Idempotency-Key")
        return problem(409, error.code, str(error), None if error.field is None else _path(error.field))

    @app.exception_handler(RequestValidationError)
    async def _(_: Request, error: RequestValidationError) -> Response:
        return _invalid(error)

    @app.exception_handler(HTTPException)
    async def _(_: Request, error: HTTPException) -> Response:
        headers = {name.replace("-", "_"): one for name, one in (error.headers or {}).items()}
        return problem(error.status_code, _CODES.get(error.status_code, "bad_request"), error.detail, **headers)

    @app.exception_handler(Exception)
    async def _(request: Request, error: Exception) -> Response:
        log.error("api.failed", path=request.url.path, exc_info=error)
        return problem(500, "failed", "this is our fault; ask again with the same Idempotency-Key")

    for kind in (OperationalError, PoolTimeout, BaohaoError):
        app.add_exception_handler(kind, _away)


async def _away(request: Request, error: Exception) -> Response:
    return away(request.url.path, error)


def _path(field: str) -> str:
    """Where a field of a command stands in the request."""
    if field in ("card_id", "method_id"):
        return f"path.{field}"
    name, dot, part = field.rpartition(".")
    return f"body.{name}.amount_minor" if dot and part == "minor" else f"body.{field}"


def _invalid(error: RequestValidationError) -> JSONResponse:
    """The fields that are wrong, without what stood in them."""
    fields = [
        FieldProblem(field=".".join(_printed(one) for one in found["loc"]), message=_printed(found["msg"]))
        for found in error.errors()
    ]
    return _answer(422, "invalid", "the request is not as the OpenAPI document says; see `fields`", fields, {})


def _printed(part: object) -> str:
    """As JSON can hold it: callers choose the names of fields that there are not."""
    return str(part)[:_CHARACTERS_MOST].encode(errors="backslashreplace").decode()


_DESCRIPTIONS = {
    400: ("bad_request", "The body is no JSON."),
    401: ("unauthorized", "No token, or one that is unknown, revoked or has run out."),
    403: ("missing_scope", "The token lacks the scope that this operation needs."),
    404: ("unknown_card", "No such card, or another holder's: the answers are the same."),
    409: ("charge_under_way", "Refused by the rules; `code` says why. Nothing was changed."),
    413: ("too_large", "The body is larger than any of ours."),
    422: ("invalid", "The request is not as this document says; `fields` says where."),
    429: ("too_many_requests", "The token asks too fast; `Retry-After` has the seconds to wait."),
    503: ("unavailable", "The database does not answer; whether something was changed is unknown. Ask again."),
}


def documented(*statuses: int, unknown: str = "card") -> dict[int | str, dict[str, Any]]:
    """The problems of an operation for its OpenAPI description; 401, 403, 422, 429 and 503 are those of all.

    `unknown` is what a 404 does not know.
    """
    found: dict[int | str, dict[str, Any]] = {}
    for status in sorted({401, 403, 422, 429, 503, *statuses}):
        code, description = (one.replace("card", unknown) for one in _DESCRIPTIONS[status])
        example = {"title": HTTPStatus(status).phrase, "status": status, "code": code, "detail": description}
        content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
        found[status] = {"description": description, "content": {MEDIA_TYPE: content}}
    return found
