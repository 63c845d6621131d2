"""Puts facts into their envelopes, and sends a batch of writes until it is known whether it was stored."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from os import urandom
from uuid import UUID

from msgspec import convert

from engine.card.event import Event
from engine.envelope import NAME_OF, encode_fact, without_time
from engine.errors import ConnectionLostError
from engine.store.port import Recorder, Refusals, StoredFact, Write

APPEND_TRIES = 10
"""How often an append is sent when the connection fails."""
APPEND_PAUSE_S = 0.1
"""Time for a database to restart, and for the pool to notice."""

Sleep = Callable[[float], None]
"""Waits for so many seconds."""
EventIds = Callable[[int], Iterator[UUID]]
"""Yields at least so many new event ids."""


def random_event_ids(count: int) -> Iterator[UUID]:
    """Random ids (version 4), from one call of urandom, since one per id costs more than writing its fact.

    msgspec makes UUIDs of bytes in a third of the time that their constructor takes.
    """
    chance = bytearray(urandom(16 * count))
    chance[6::16] = chance[6::16].translate(_VERSION_4)
    chance[8::16] = chance[8::16].translate(_VARIANT)
    every = bytes(chance)
    return (convert(every[start : start + 16], UUID) for start in range(0, 16 * count, 16))


_VERSION_4 = bytes(byte & 0x0F | 0x40 for byte in range(256))
_VARIANT = bytes(byte & 0x3F | 0x80 for byte in range(256))


def stored_fact(  # noqa: PLR0913, PLR0917 (a Recorded without its position; to make one first costs a fifth)
    card_id: UUID,
    version: int,
    event_id: UUID,
    recorded_at: datetime,
    actor: str,
    cause: str,
    wake_at: datetime | None,
    last: bool,  # noqa: FBT001 (all in the order of a Recorded)
    fact: Event,
) -> StoredFact:
    """A fact in its envelope under its stored name."""
    state = encode_fact(event_id, recorded_at, actor, cause, wake_at, last, fact)
    return StoredFact(card_id, version, NAME_OF[type(fact)], state)


def append_writes(recorder: Recorder, writes: Sequence[Write], sleep: Sleep) -> Refusals:
    """Append a batch, again if the connection fails; raises ConnectionLostError after APPEND_TRIES.

    When the reply to a commit is lost, a stream in conflict whose facts are stored already, with our event ids, is
    no conflict. A write without facts remains one: `accepted_commands` shows whether its command was accepted.
    """
    tries = 1
    while True:
        try:
            refusals = recorder.append_many(writes)
        except ConnectionLostError:
            if tries == APPEND_TRIES:
                raise
            tries += 1
            sleep(APPEND_PAUSE_S)
            continue
        if tries == 1 or not refusals.conflicts:
            return refusals
        return refusals._replace(conflicts=refusals.conflicts - _stored_before(recorder, writes, refusals.conflicts))


def _stored_before(recorder: Recorder, writes: Sequence[Write], conflicts: frozenset[UUID]) -> frozenset[UUID]:
    """The streams among `conflicts` that hold the first fact of their write, byte for byte but for when it came."""
    return frozenset(write.card_id for write in writes if write.card_id in conflicts and _holds_first(recorder, write))


def _holds_first(recorder: Recorder, write: Write) -> bool:
    before = write.first_version - 1
    stored = recorder.read_stream(write.card_id, after=before, upto=write.first_version) if write.facts else []
    return bool(stored) and without_time(stored[0].state) == without_time(write.facts[0].state)
