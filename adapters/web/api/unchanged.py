"""What has not changed is not sent again: ETags (RFC 9110, sections 8.8.3 and 13.1.2)."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Header

IfNoneMatch = Annotated[str | None, Header(description="An ETag of before.")]
NOT_CHANGED = {"description": "As If-None-Match has it."}


def tagged(tag: str) -> dict[str, str]:
    """The headers of an answer with this ETag, which only its reader may keep."""
    return {"ETag": tag, "Cache-Control": "private, no-cache"}


def is_known(headers: Mapping[str, str], if_none_match: str | None) -> bool:
    """Whether the reader has the answer with these headers already; tags are compared weakly."""
    known = {one.strip().removeprefix("W/") for one in (if_none_match or "").split(",")}
    return headers["ETag"] in known
