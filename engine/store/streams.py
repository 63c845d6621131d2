"""The event store as the engine sees it: streams of cards, facts with their envelope, answers per card."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from os import urandom
from time import sleep
from typing import NamedTuple, cast
from uuid import UUID

from eventsourcing.persistence import (
    InterfaceError,
    Notification,
    OperationalError,
    StoredEvent,
)
from msgspec import Struct, json

from engine.actor import Actor
from engine.calendar import Instant
from engine.card.events import Event, Events
from engine.card.evolve import replay
from engine.card.refunds import charge_in
from engine.card.state import STATE_VERSION, Card, Payment
from engine.envelope import NAME_OF, Recorded, encode_fact, read_fact
from engine.errors import CorruptHistoryError
from engine.networks import effects_of
from engine.store.recorder import Answers, Besides, CardRecorder, Remembered, Snapshot, StreamTail

SNAPSHOT_EVERY = 8
"""A snapshot is written when a stream's version passes a multiple of this: with every second renewal.

Measured in the simulation: rarer ones cost more to replay than they save, twice as rare a twentieth of all its work.
"""

APPEND_TRIES = 10
"""How often an append is sent when the connection fails; a lost commit reply is recognised by its event ids."""
APPEND_PAUSE_S = 0.1
"""Time for a database that was started anew, and for the pool to notice."""


class Stream(NamedTuple):
    """A card as loaded: its state, the version of its last fact and its wake time."""

    card_id: UUID
    card: Card | None
    version: int
    wake_at: datetime | None


class CommandMark(NamedTuple):
    """By what an accepted command is known again: its id, and a hash of its body."""

    command_id: str
    body_hash: bytes


class Append(NamedTuple):
    """Facts to append to one stream, and what the card is after them; no facts if a command found all so already."""

    stream: Stream
    facts: Events
    card: Card
    wake_at: datetime | None
    cause: str
    """Id of the command or message that led to it."""
    actor: Actor
    command: CommandMark | None = None
    """Remembered in the same transaction, for ever; if it is known already, the append is a conflict."""

    @property
    def stored(self) -> Stream:
        """The stream once this is stored."""
        card_id, _, version, _ = self.stream
        return Stream(card_id, self.card, version + len(self.facts), self.wake_at)


class _StoredSnapshot(Struct, frozen=True):
    """The JSON of a snapshot."""

    card: Card
    wake_at: Instant | None


_encode = json.Encoder().encode
_decode_snapshot = json.Decoder(_StoredSnapshot).decode


def stored_event(  # noqa: PLR0913, PLR0917 (a Recorded without its position; to make one first costs a fifth)
    card_id: UUID,
    version: int,
    event_id: UUID,
    recorded_at: datetime,
    actor: str,
    cause: str,
    wake_at: datetime | None,
    last: bool,  # noqa: FBT001 (all in the order of a Recorded)
    fact: Event,
) -> StoredEvent:
    """A fact in its envelope as the library stores it, under a short name with a version."""
    state = encode_fact(event_id, recorded_at, actor, cause, wake_at, last, fact)
    return StoredEvent(card_id, version, NAME_OF[type(fact)], state)


def recorded_of(event: StoredEvent) -> Recorded:
    """What was stored; raises CorruptHistoryError when name or content is not ours."""
    position = event.id if isinstance(event, Notification) else 0
    return read_fact(position, cast("UUID", event.originator_id), event.originator_version, event.topic, event.state)


class Store:
    """Loads and appends many cards at a time."""

    def __init__(self, recorder: CardRecorder) -> None:
        self._recorder = recorder

    def load_many(self, card_ids: Sequence[UUID]) -> Mapping[UUID, Stream | CorruptHistoryError]:
        """Each card's stream, in one query; a history that cannot be read gives its error and harms no other."""
        loaded: dict[UUID, Stream | CorruptHistoryError] = {}
        for card_id, tail in zip(card_ids, self._recorder.load_many(card_ids, STATE_VERSION), strict=True):
            try:
                loaded[card_id] = self._stream(card_id, tail)
            except CorruptHistoryError as error:
                loaded[card_id] = error
        return loaded

    def history(self, card_id: UUID) -> list[Recorded]:
        """All facts of one card, oldest first."""
        return [recorded_of(event) for event in self._recorder.select_events(card_id)]

    def charge(self, card_id: UUID, attempt_id: UUID) -> Payment | None:
        """A charge of a card, however old, with what went back of it; read from the whole history."""
        return charge_in((one.fact for one in self.history(card_id)), attempt_id)

    def append_many(self, appends: Sequence[Append], recorded_at: datetime) -> Answers:
        """Record facts of many cards in one transaction; answers the cards in conflict and the limited ones.

        A card's facts are stored all or not at all. When the reply to a commit is lost, the same append is
        sent again; a card whose facts turn out to be stored already, with our event ids, is no conflict. An
        append without facts is then answered as one: recalling its command tells that it was accepted.
        """
        ids = event_ids(sum(len(append.facts) for append in appends))
        events = [event for append in appends for event in self._events_of(append, ids, recorded_at)]
        starts = {append.stream.card_id: append.stream.version + 1 for append in appends}
        besides = Besides(
            snapshots=[_snapshot(append) for append in appends if _passes_snapshot(append)],
            effects=[effects_of(append.stream.card_id, append.facts) for append in appends],
            commands=[_remembered(append, append.command) for append in appends if append.command is not None],
            recorded_at=recorded_at,
        )
        tries = 1
        while True:
            try:
                answers = self._recorder.append_many(events, besides, starts)
            except (InterfaceError, OperationalError):
                if tries == APPEND_TRIES:
                    raise
                tries += 1
                sleep(APPEND_PAUSE_S)
                continue
            if tries == 1 or not answers.conflicts:
                return answers
            return answers._replace(conflicts=answers.conflicts - self._ours(events, answers.conflicts))

    def recall(self, command_ids: Sequence[str]) -> Mapping[str, Remembered]:
        """What is remembered of those commands that were accepted before, by their id."""
        return self._recorder.recall(command_ids)

    def answer_of(self, remembered: Remembered) -> Events:
        """The facts that an accepted command led to, as stored; () when all was so already."""
        if not remembered.facts:
            return ()
        before = remembered.first_version - 1
        events = self._recorder.select_events(remembered.card_id, gt=before, lte=before + remembered.facts)
        return tuple(recorded_of(event).fact for event in events)

    def _stream(self, card_id: UUID, tail: StreamTail) -> Stream:
        card, version, wake_at = None, 0, None
        if tail.snapshot is not None:
            try:
                stored = _decode_snapshot(tail.snapshot.state)
            except ValueError as error:
                message = f"card {card_id}: its snapshot cannot be read; delete it, it is but a cache"
                raise CorruptHistoryError(message) from error
            card, version, wake_at = stored.card, tail.snapshot.version, stored.wake_at
        if tail.events:
            facts = [read_fact(0, card_id, *event) for event in tail.events]
            card = replay(card, card_id, (one.fact for one in facts))
            version, wake_at = facts[-1].version, facts[-1].wake_at
        return Stream(card_id, card, version, wake_at)

    def _events_of(self, append: Append, ids: Iterator[UUID], recorded_at: datetime) -> Iterable[StoredEvent]:
        (card_id, _, version, _), facts, _, wake_at, cause, actor, _ = append
        last = version + len(facts)
        for fact in facts:
            version += 1
            yield stored_event(card_id, version, next(ids), recorded_at, actor, cause, wake_at, version == last, fact)

    def _ours(self, events: Sequence[StoredEvent], conflicts: frozenset[UUID]) -> frozenset[UUID]:
        """The cards among `conflicts` whose stored facts carry the event ids of `events`."""
        firsts = {one.originator_id: one for one in reversed(events)}
        ours: set[UUID] = set()
        for card_id in conflicts:
            first = firsts.get(card_id)
            if first is None:  # an append without facts
                continue
            version = first.originator_version
            stored = self._recorder.select_events(card_id, gt=version - 1, lte=version)
            if stored and recorded_of(stored[0]).event_id == recorded_of(first).event_id:
                ours.add(card_id)
        return frozenset(ours)


def event_ids(count: int) -> Iterator[UUID]:
    """Random ids; the system is asked for chance once, which for each of them costs more than to write its fact."""
    chance = urandom(16 * count)
    return (UUID(bytes=chance[start : start + 16], version=4) for start in range(0, 16 * count, 16))


def _passes_snapshot(append: Append) -> bool:
    before = append.stream.version
    return before // SNAPSHOT_EVERY != (before + len(append.facts)) // SNAPSHOT_EVERY


def _snapshot(append: Append) -> Snapshot:
    state = _encode(_StoredSnapshot(append.card, append.wake_at))
    version = append.stream.version + len(append.facts)
    return Snapshot(append.stream.card_id, version, STATE_VERSION, state)


def _remembered(append: Append, command: CommandMark) -> tuple[str, Remembered]:
    first_version = append.stream.version + 1
    kept = Remembered(command.body_hash, append.stream.card_id, first_version, len(append.facts))
    return command.command_id, kept
