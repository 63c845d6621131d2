"""Moments that a command names, as places in the log."""

from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import Connection

from adapters.cli.inspecting import utc
from engine.errors import BaohaoError
from projections.audit.as_of import place_at

_LEAST = timedelta(microseconds=1)
_FIRST = datetime(1000, 1, 1, tzinfo=UTC)
"""Before it there is no fact, and soon no time that can be reckoned with."""


class MomentError(BaohaoError):
    """The log has nothing of a moment; the message says what is wrong with it."""


def place_of(connection: Connection[Any], moment: datetime) -> int:
    """The position of the last fact up to a moment, which is in UTC; raises MomentError where there is none."""
    place = place_at(connection, utc(moment))
    if not place:
        raise MomentError(f"the log has no fact of {utc(moment):%Y-%m-%d %H:%M:%S} UTC or before")
    return place


def place_before(connection: Connection[Any], moment: datetime) -> int:
    """The position of the last fact before a moment; raises MomentError where there is none."""
    place = place_at(connection, max(utc(moment), _FIRST) - _LEAST)
    if not place:
        raise MomentError(f"the log has no fact from before {utc(moment):%Y-%m-%d %H:%M:%S} UTC")
    return place
