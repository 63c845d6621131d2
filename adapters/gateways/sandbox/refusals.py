"""What Stripe answers when it refuses: one exception, in Stripe's error shape."""

from collections.abc import Mapping
from typing import Any

BAD_REQUEST, DECLINED, NOT_FOUND, CONFLICT = 400, 402, 404, 409
_DOC = "https://stripe.com/docs/error-codes/"


class RefusedError(Exception):
    """An answer that is an error: its HTTP status and the `error` object.

    `judged` is false where the parameters themselves were refused: such an answer is not kept under its key.
    `happened` is true where something changed all the same, as it does with a decline.
    """

    def __init__(self, status: int, error: Mapping[str, Any], *, judged: bool = True, happened: bool = False) -> None:
        super().__init__(error.get("code") or error["type"])
        self.status = status
        self.error = error
        self.judged = judged
        self.happened = happened


def invalid(message: str, *, code: str | None = None, param: str | None = None, judged: bool = True) -> RefusedError:
    """A request that cannot be carried out (400)."""
    return RefusedError(BAD_REQUEST, _error("invalid_request_error", message, code, param), judged=judged)


def unreadable(message: str, *, code: str | None = None, param: str | None = None) -> RefusedError:
    """A request whose parameters are refused before anything begins (400); nothing is kept of it."""
    return invalid(message, code=code, param=param, judged=False)


def missing(what: str, object_id: str, param: str = "id") -> RefusedError:
    """An object that is not there: 404 where the address names it, else 400."""
    error = _error("invalid_request_error", f"No such {what}: '{object_id}'", "resource_missing", param)
    return RefusedError(NOT_FOUND if param in {"id", "intent", "charge", "session"} else BAD_REQUEST, error)


def key_in_use() -> RefusedError:
    """The first request with this idempotency key is still under way (409)."""
    message = (
        "There is currently another in-progress request using this Idempotent Key (that probably means you submitted "
        "twice, and the other request is still going through). Please try again later."
    )
    error = _error("invalid_request_error", message, "idempotency_key_in_use", None)
    return RefusedError(CONFLICT, error, judged=False)


def key_of_another(message: str) -> RefusedError:
    """The idempotency key belongs to another request (400)."""
    return RefusedError(BAD_REQUEST, {"message": message, "type": "idempotency_error"}, judged=False)


def _error(kind: str, message: str, code: str | None, param: str | None) -> dict[str, Any]:
    error = {"message": message, "type": kind}
    if code:
        error |= {"code": code, "doc_url": _DOC + code.replace("_", "-")}
    if param:
        error["param"] = param
    return error


def doc_url(code: str) -> str:
    """Where Stripe explains an error code."""
    return _DOC + code.replace("_", "-")
