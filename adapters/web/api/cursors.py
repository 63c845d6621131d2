"""Cursors: where a list goes on, opaque to who gets them."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Query

from adapters.web.api.problems import ProblemError

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=100, description="How many at most.")]
Cursor = Annotated[str | None, Query(max_length=200, description="`next` of the page before; none: the first page.")]


def cursor_of(place: str) -> str:
    """The cursor for what comes after a place."""
    return urlsafe_b64encode(place.encode()).decode().rstrip("=")


def place_of(cursor: str | None, read: Callable[[str], T]) -> T | None:
    """The place, as `read` makes it of the text; None at the beginning. Raises ProblemError for what is none."""
    if cursor is None:
        return None
    try:
        return read(urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode())
    except (ValueError, OverflowError):
        raise ProblemError(422, "invalid", "that is no cursor of this list", "query.cursor") from None
