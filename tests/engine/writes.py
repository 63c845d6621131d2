"""Writes of made-up facts, for tests of recorders, which do not decode facts."""

from datetime import datetime
from uuid import UUID

from engine.envelope import encode_fact
from engine.store.port import Refusals, StoredFact, Write
from tests.engine.samples import PAYING

ALL_STORED = Refusals(frozenset(), {})


def fact_of(recorded_at: datetime) -> bytes:
    """A whole fact in its envelope."""
    return encode_fact(UUID(int=1), recorded_at, "system:tests", "cause", None, last=True, fact=PAYING[0])


def facts(card_id: UUID, *versions: int, state: bytes = b'{"wake_at":null}') -> list[StoredFact]:
    return [StoredFact(card_id, version, "topic", state) for version in versions]


def write(card_id: UUID, *versions: int, state: bytes = b'{"wake_at":null}', **besides) -> Write:
    return Write(card_id, versions[0], facts(card_id, *versions, state=state), **besides)


def append(recorder, *writes: Write) -> Refusals:
    return recorder.append_many(writes)


def versions_of(recorder, card_id: UUID) -> list[int]:
    return [fact.version for fact in recorder.read_stream(card_id)]
