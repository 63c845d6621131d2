"""The event store as the engine sees it: streams of cards, loaded and appended to many at a time."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct, json

from engine.actor import Actor
from engine.calendar import Instant
from engine.card.attempt import ClosedAttempt
from engine.card.card import STATE_VERSION, Card
from engine.card.evolve import replay
from engine.card.facts import CardFacts
from engine.card.limits import effects_of
from engine.card.payments import Payment
from engine.card.recall import charge_in, failed_in
from engine.envelope import NOT_YET, Recorded, card_fact, event_id_of, read_fact, without_time
from engine.errors import CorruptHistoryError
from engine.store.appending import EventIds, Sleep, append_writes, random_event_ids, stored_fact
from engine.store.port import (
    AcceptedCommand,
    CommandIdentity,
    Recorder,
    Refusals,
    Snapshot,
    StoredFact,
    StreamTail,
    Write,
)

SNAPSHOT_EVERY = 8
"""A snapshot is written when a stream's version passes a multiple of this: with every second renewal.

Measured in the simulation: at twice this distance, replays cost a twentieth of all work more than snapshots save.
"""


class Stream(NamedTuple):
    """A card as loaded: its state, the version of its last fact and its wake time."""

    card_id: UUID
    card: Card | None
    version: int
    wake_at: datetime | None
    last_id: UUID | None = None
    """Event id of the last fact."""


class Append(NamedTuple):
    """Facts to append to one stream, and the card after them; no facts if a command changed nothing."""

    stream: Stream
    facts: CardFacts
    card: Card
    wake_at: datetime | None
    cause: str
    """Id of the command or message that led to it."""
    actor: Actor
    command: CommandIdentity | None = None
    """Kept for ever, in the same transaction; if it was accepted already, the append is a conflict."""
    event_ids: Sequence[UUID] = ()
    """One for each fact; the store chooses them where there are none."""

    @property
    def stored(self) -> Stream:
        """The stream after this append."""
        card_id, _, version, _, last_id = self.stream
        last_id = self.event_ids[-1] if self.event_ids else None if self.facts else last_id
        return Stream(card_id, self.card, version + len(self.facts), self.wake_at, last_id)


class _StoredSnapshot(Struct, frozen=True):
    """The JSON of a snapshot."""

    card: Card
    wake_at: Instant | None


CHECKSUM_BYTES = 16
"""Of a snapshot, before its JSON."""

_encode = json.Encoder().encode
_decode_snapshot = json.Decoder(_StoredSnapshot).decode


def _ignore(_: UUID) -> None:
    pass


class Store:
    """Loads and appends many cards at a time."""

    def __init__(
        self,
        recorder: Recorder,
        *,
        sleep: Sleep = time.sleep,
        event_ids: EventIds = random_event_ids,
        wrong_snapshot: Callable[[UUID], None] = _ignore,
    ) -> None:
        """`wrong_snapshot` is told of each card whose snapshot does not fit its facts and was not used."""
        self._recorder = recorder
        self._wrong_snapshot = wrong_snapshot
        self._sleep = sleep
        self._event_ids = event_ids

    def load_many(self, card_ids: Sequence[UUID]) -> Mapping[UUID, Stream | CorruptHistoryError]:
        """Each card's stream, in one query; for a history that cannot be read, its error."""
        loaded: dict[UUID, Stream | CorruptHistoryError] = {}
        for card_id, tail in zip(card_ids, self._recorder.load_many(card_ids, STATE_VERSION), strict=True):
            try:
                loaded[card_id] = self._stream(card_id, tail)
            except CorruptHistoryError as error:
                loaded[card_id] = error
        return loaded

    def history(self, card_id: UUID) -> list[Recorded]:
        """All facts of one card, oldest first; raises CorruptHistoryError for one that cannot be read or is missing."""
        return _read(card_id, 0, self._recorder.read_stream(card_id))

    def charge(self, card_id: UUID, attempt_id: UUID) -> Payment | None:
        """A charge of a card, however old, with what was refunded of it; reads the whole history."""
        return charge_in((one.fact for one in self.history(card_id)), attempt_id)

    def failed(self, card_id: UUID, attempt_id: UUID) -> ClosedAttempt | None:
        """An attempt of a card that failed, however long ago; reads the whole history."""
        return failed_in((one.fact for one in self.history(card_id)), attempt_id)

    def append_many(self, appends: Sequence[Append]) -> Refusals:
        """Record facts of many cards in one transaction; returns the cards in conflict and the limited ones.

        A card's facts are stored all or not at all. Raises ConnectionLostError if the connection fails repeatedly.
        An append without facts whose reply was lost is a conflict: `accepted_commands` shows that it was stored.
        """
        return append_writes(self._recorder, [self._write(append) for append in appends], self._sleep)

    def event_ids(self, count: int) -> Iterator[UUID]:
        """At least so many new ids of facts."""
        return self._event_ids(count)

    def accepted_commands(self, command_ids: Sequence[str]) -> Mapping[str, AcceptedCommand]:
        """Those of the commands that were accepted before, by their id."""
        return self._recorder.accepted_commands(command_ids)

    def facts_of(self, accepted: AcceptedCommand) -> CardFacts:
        """The facts that an accepted command led to, as stored; () if it changed nothing."""
        if not accepted.fact_count:
            return ()
        before = accepted.first_version - 1
        events = self._recorder.read_stream(accepted.card_id, after=before, upto=before + accepted.fact_count)
        return tuple(card_fact(read_fact(0, *event)) for event in events)

    def _stream(self, card_id: UUID, tail: StreamTail) -> Stream:
        card, version, wake_at, last_id, events = None, 0, None, None, tail.facts
        if tail.snapshot is not None:
            stored = _checked(tail)
            if stored is None:
                self._wrong_snapshot(card_id)
                events = self._recorder.read_stream(card_id)
            else:
                card, version, wake_at = stored.card, tail.snapshot.version, stored.wake_at
                last_id, events = event_id_of(events[0].state), events[1:]
        if events:
            facts = _read(card_id, version, events)
            card = replay(card, card_id, (card_fact(one) for one in facts))
            version, wake_at, last_id = facts[-1].version, facts[-1].wake_at, facts[-1].event_id
        return Stream(card_id, card, version, wake_at, last_id)

    def _write(self, append: Append) -> Write:
        card_id, _, version, _, after = append.stream
        facts, ids = append.facts, iter(append.event_ids or self._event_ids(len(append.facts)))
        last, wake_at, cause, actor = version + len(facts), append.wake_at, append.cause, append.actor
        events = [
            stored_fact(card_id, at, next(ids), NOT_YET, actor, cause, wake_at, at == last, fact)
            for at, fact in enumerate(facts, start=version + 1)
        ]
        snapshot = _snapshot(append, events[-1]) if _passes_snapshot(append) else None
        return Write(card_id, version + 1, events, snapshot, effects_of(card_id, facts), append.command, after)


def _read(card_id: UUID, after: int, events: Sequence[StoredFact]) -> list[Recorded]:
    """All facts of a stream after a version; raises CorruptHistoryError for one that cannot be read or is missing."""
    facts = [read_fact(0, *event) for event in events]
    if facts and facts[-1].version != after + len(facts):
        versions = enumerate((one.version for one in facts), start=after + 1)
        missing = next(expected for expected, version in versions if version != expected)
        raise CorruptHistoryError(
            f"card {card_id}: the fact of version {missing} is missing from the log, so that nobody can say what "
            "became of the card; `baohao audit verify` shows what was removed or changed"
        )
    return facts


def _passes_snapshot(append: Append) -> bool:
    before = append.stream.version
    return before // SNAPSHOT_EVERY != (before + len(append.facts)) // SNAPSHOT_EVERY


def _snapshot(append: Append, last: StoredFact) -> Snapshot:
    """The state after `last`, the last fact of the append; its bytes are the checksum and the JSON."""
    state = _encode(_StoredSnapshot(append.card, append.wake_at))
    return Snapshot(last.card_id, last.version, STATE_VERSION, with_checksum(last, state))


def _checked(tail: StreamTail) -> _StoredSnapshot | None:
    """The snapshot of a tail; None if it was changed, or was not taken after the fact that the log has there."""
    if tail.snapshot is None or not tail.facts or tail.facts[0].version != tail.snapshot.version:
        return None
    state = tail.snapshot.state[CHECKSUM_BYTES:]
    return _decode_snapshot(state) if tail.snapshot.state == with_checksum(tail.facts[0], state) else None


def with_checksum(last: StoredFact, state: bytes) -> bytes:
    """The JSON of a state behind a checksum over it and the fact after which it was taken, but for when it is recorded.

    That fact names its event id; so a snapshot fits one place in one history.
    """
    checksum = sha256(b"%b %d " % (last.card_id.bytes, last.version))
    for part in without_time(last.state):
        checksum.update(part)
    checksum.update(state)
    return checksum.digest()[:CHECKSUM_BYTES] + state
