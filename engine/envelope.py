"""A recorded fact: the fact in its envelope, and both as JSON; knows no database."""

import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar, cast
from uuid import UUID

from msgspec import Struct, json

from engine.calendar import Instant
from engine.card.events import Event
from engine.card.names import STORED_NAMES, CardFact
from engine.errors import CorruptHistoryError
from engine.operations import OPERATIONS_NAMES, OperationsFact

Fact = CardFact | OperationsFact
"""Every fact of the log: a closed union."""

F = TypeVar("F", bound=Event)


class Recorded(NamedTuple):
    """A fact in its envelope, as it stands in the log."""

    position: int
    """Place in the log; 0 where only the stream was read."""
    card_id: UUID
    """Of its stream: a card's, or OPERATIONS_ID."""
    version: int
    event_id: UUID
    recorded_at: datetime
    actor: str
    cause: str
    wake_at: datetime | None
    """When time asks this card again, as of this fact; meaningful on the last fact of an append."""
    last: bool
    """Whether this is the last fact of its append."""
    fact: Fact


class _Stored(Struct, Generic[F], frozen=True):
    """The JSON of a stored fact."""

    event_id: UUID
    recorded_at: Instant
    actor: str
    cause: str
    wake_at: Instant | None
    last: bool
    fact: F


KIND_OF: dict[str, type[Fact]] = {**STORED_NAMES, **OPERATIONS_NAMES}
"""The kind of fact that is stored under a name."""

NAME_OF: dict[type[Event], str] = {kind: name for name, kind in KIND_OF.items()}
"""The name under which a kind of fact is stored."""

_encode = json.Encoder().encode


@cache
def _decoder(topic: str) -> Callable[[bytes], _Stored[Any]]:
    decode = json.Decoder(cast("type[_Stored[Any]]", cast("Any", _Stored)[KIND_OF[topic]])).decode
    if topic == "deadlines_moved.v1":
        return lambda state: decode(_IN_YEARS.sub(_in_days, state))
    return decode


_IN_YEARS = re.compile(rb'"by":"P(\d+)Y(?:(\d+)D)?')
"""How a duration of a year or more was once written; inside a text its quotes would be escaped."""


def _in_days(found: re.Match[bytes]) -> bytes:
    years, days = (int(part or 0) for part in found.groups())
    return b'"by":"P%dD' % (365 * years + days)


def encode_fact(  # noqa: PLR0917 (the fields of the envelope; to make a record of them first costs a fifth)
    event_id: UUID,
    recorded_at: datetime,
    actor: str,
    cause: str,
    wake_at: datetime | None,
    last: bool,  # noqa: FBT001 (all in the order of a Recorded)
    fact: Event,
) -> bytes:
    """A fact in its envelope as JSON."""
    return _encode(_Stored(event_id, recorded_at, actor, cause, wake_at, last, fact))


def read_fact(position: int, card_id: UUID, version: int, topic: str, state: bytes) -> Recorded:
    """One row of the log as a Recorded; raises CorruptHistoryError when name or content is not ours."""
    try:
        stored = _decoder(topic)(state)
    except KeyError:
        message = f"card {card_id}, version {version}: no fact is called {topic!r}; is this program too old?"
        raise CorruptHistoryError(message) from None
    except ValueError as error:  # no JSON, not of this shape, or not even text
        message = f"card {card_id}, version {version}: {topic} cannot be read: {error}"
        raise CorruptHistoryError(message) from error
    return Recorded(
        position,
        card_id,
        version,
        stored.event_id,
        stored.recorded_at,
        stored.actor,
        stored.cause,
        stored.wake_at,
        stored.last,
        stored.fact,
    )
