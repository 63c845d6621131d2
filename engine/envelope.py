"""A recorded fact: the fact in its envelope, and its JSON; knows no database."""

from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Generic, NamedTuple, TypeVar, cast
from uuid import UUID

from msgspec import Struct, convert, json

from engine.calendar import Instant
from engine.card.event import Event
from engine.card.facts import STORED_NAMES, CardFact
from engine.errors import CorruptHistoryError, UnknownFactError
from engine.operations import OPERATIONS_NAMES, OperationsFact
from engine.upcasts import UPCASTS, Json

Fact = CardFact | OperationsFact
"""Every fact of the log: a closed union."""

F = TypeVar("F", bound=Event)


class Recorded(NamedTuple):
    """A fact in its envelope, as it is stored in the log."""

    position: int
    """Place in the log; 0 where only the stream was read."""
    card_id: UUID
    """Id of its stream: a card's, or OPERATIONS_ID."""
    version: int
    event_id: UUID
    recorded_at: datetime
    actor: str
    cause: str
    wake_at: datetime | None
    """When the card wakes next; meaningful on the last fact of an append."""
    last: bool
    """Whether this is the last fact of its append."""
    fact: Fact


class _Stored(Struct, Generic[F], frozen=True, forbid_unknown_fields=True):
    """The JSON of a stored fact."""

    event_id: UUID
    recorded_at: Instant
    actor: str
    cause: str
    wake_at: Instant | None
    last: bool
    fact: F


def card_fact(recorded: Recorded) -> CardFact:
    """The fact of a card's stream; raises CorruptHistoryError for one of operations."""
    fact = recorded.fact
    if isinstance(fact, OperationsFact):
        raise CorruptHistoryError(f"card {recorded.card_id}: {type(fact).__name__} is no fact of a card")
    return fact


KIND_OF: dict[str, type[Fact]] = {**STORED_NAMES, **OPERATIONS_NAMES}
"""The kind of fact by stored name."""

NAME_OF: dict[type[Event], str] = {kind: name for name, kind in KIND_OF.items()}
"""The stored name by kind of fact."""


def names_of(kind: type[Event]) -> tuple[str, ...]:
    """All the names under which facts of a kind are stored, of every version of its shape."""
    old = (name for name, upcast in UPCASTS.items() if upcast.kind is kind)
    return NAME_OF[kind], *(name for name in old if name != NAME_OF[kind])


def kind_of(name: str) -> type[Fact] | None:
    """The kind of the facts that are stored under a name, of whatever version; None for an unknown one."""
    upcast = UPCASTS.get(name)
    return KIND_OF.get(name) if upcast is None else upcast.kind


_encode = json.Encoder().encode

NOT_YET = datetime.max.replace(tzinfo=UTC)
"""The time of recording of a fact that is not recorded yet: the recorder replaces it, by bytes of the same number."""
_ID = slice(13, 49)  # a stored fact begins {"event_id":"…","recorded_at":"…"
_TIME = slice(66, 93)
_TIME_NOT_YET = b"9999-12-31T23:59:59.999999Z"

_Decode = Callable[[bytes], _Stored[Any]]
_decoders: dict[str, _Decode] = {}
_building = Lock()
"""Held while a decoder is made: msgspec shows other threads types that are half made, and they end the process."""


def _decoder(topic: str) -> _Decode:
    """The decoder of a stored name; raises KeyError for an unknown one."""
    decode = _decoders.get(topic)
    if decode is None:
        with _building:
            decode = _decoders[topic] = _made_decoder(topic)
    return decode


def _made_decoder(topic: str) -> _Decode:
    upcast, kind = UPCASTS.get(topic), kind_of(topic)
    if kind is None:
        raise KeyError(topic)
    envelope = _envelope_of(kind)
    decode = json.Decoder(envelope).decode  # also for an old shape: it makes the types that `convert` needs
    if upcast is None:
        return decode
    return lambda state: convert(_with_fact(json.decode(state), upcast.change), envelope)


def _envelope_of(kind: type[Fact]) -> type[_Stored[Any]]:
    return cast("type[_Stored[Any]]", cast("Any", _Stored)[kind])


def _with_fact(stored: Json, change: Callable[[Json], Json]) -> Json:
    return {**stored, "fact": change(stored["fact"])}


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


def event_id_of(state: bytes) -> UUID:
    """The event id of a stored fact, with which its JSON begins, whatever its version."""
    return convert(state[_ID].decode(), UUID)


def timed(state: bytes, recorded_at: datetime) -> bytes:
    """A stored fact with the time at which it is recorded, in UTC; one that has its time already keeps it."""
    if state[_TIME] != _TIME_NOT_YET:
        return state
    time = recorded_at.replace(tzinfo=None).isoformat(timespec="microseconds").encode()
    return b"%b%bZ%b" % (state[: _TIME.start], time, state[_TIME.stop :])


def without_time(state: bytes) -> tuple[bytes, bytes]:
    """A stored fact without the time at which it was recorded: what stands before it, and after it."""
    return state[: _TIME.start], state[state.find(b'"', _TIME.start) :]


def read_fact(position: int, card_id: UUID, version: int, topic: str, state: bytes) -> Recorded:
    """One row of the log as a Recorded; raises CorruptHistoryError when name or content is invalid."""
    try:
        decode = _decoder(topic)
    except KeyError:
        message = f"card {card_id}, version {version}: no fact is called {topic!r}; is this program too old?"
        raise UnknownFactError(message) from None
    try:
        stored = decode(state)
    except (ValueError, LookupError) as error:  # no JSON, not of this shape, or not even text
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
