"""Writes of made-up facts, for tests of recorders, which do not decode facts."""

from uuid import UUID

from engine.store.port import Refusals, StoredFact, Write
from tests.engine.random_histories import RECORDED_AT

ALL_STORED = Refusals(frozenset(), {})


def facts(card_id: UUID, *versions: int, state: bytes = b'{"wake_at":null}') -> list[StoredFact]:
    return [StoredFact(card_id, version, "topic", state) for version in versions]


def write(card_id: UUID, *versions: int, state: bytes = b'{"wake_at":null}', **besides) -> Write:
    return Write(card_id, versions[0], facts(card_id, *versions, state=state), **besides)


def append(recorder, *writes: Write) -> Refusals:
    return recorder.append_many(writes, RECORDED_AT)


def versions_of(recorder, card_id: UUID) -> list[int]:
    return [fact.version for fact in recorder.read_stream(card_id)]
