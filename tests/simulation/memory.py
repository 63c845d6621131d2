"""The recorder in memory: what the store asks of PostgreSQL, with the very bytes, and faults on request."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from eventsourcing.persistence import OperationalError, StoredEvent

from engine.networks import LimitBook, Limited
from engine.store.recorder import Answers, Besides, Remembered, Snapshot, StreamTail

_WAKE_AT = re.compile(rb'"wake_at":(?:null|"([^"]+)")')


class Row(NamedTuple):
    """One row of the log, as a reader of the table gets it."""

    position: int
    card_id: UUID
    version: int
    topic: str
    state: bytes


class CrashError(Exception):
    """The process was killed here."""


@dataclass(slots=True)
class Trouble:
    """What goes wrong in appends while it is set."""

    crash_before: bool = False
    crash_after: bool = False
    lost_reply: bool = False
    rival: Callable[[], None] | None = None
    """Somebody else's work, done once between load and append."""


@dataclass(slots=True)
class _Kept:
    """One stream."""

    rows: list[Row] = field(default_factory=list[Row])
    snapshot: Snapshot | None = None


class MemoryRecorder:
    """As far as Store uses it like CardRecorder: versions, limits and command memory are checked in batch order."""

    def __init__(self, heard: Callable[[Row], None], due: Callable[[UUID, datetime | None], None]) -> None:
        self.trouble = Trouble()
        self.position = 0
        self.limits = LimitBook()
        self.commands: dict[str, Remembered] = {}
        self._heard = heard
        self._due = due
        self._streams: dict[UUID, _Kept] = {}

    def append_many(
        self, stored_events: Sequence[StoredEvent], besides: Besides, starts: Mapping[UUID, int]
    ) -> Answers:
        """Append, unless something goes wrong on the way; see CardRecorder."""
        trouble, rival = self.trouble, self.trouble.rival
        if rival is not None:
            trouble.rival = None
            rival()
        if trouble.crash_before:
            raise CrashError
        answers = self._append(stored_events, besides, starts)
        if trouble.crash_after:
            raise CrashError
        if trouble.lost_reply:
            trouble.lost_reply = False
            raise OperationalError("the reply to the commit was lost")
        return answers

    def recall(self, command_ids: Sequence[str]) -> dict[str, Remembered]:
        """What is remembered of accepted commands."""
        known = self.commands
        return {one: known[one] for one in command_ids if one in known}

    def load_many(self, card_ids: Sequence[UUID], state_version: int) -> list[StreamTail]:
        """Snapshot and what came after it, per card."""
        del state_version
        return [self._tail(card_id) for card_id in card_ids]

    def select_events(self, card_id: UUID, *, gt: int = 0, lte: int | None = None) -> list[StoredEvent]:
        """The stored events with versions in (gt, lte]."""
        kept = self._streams.get(card_id)
        rows = kept.rows[gt:lte] if kept else []
        return [StoredEvent(card_id, row.version, row.topic, row.state) for row in rows]

    def rows(self, card_id: UUID) -> list[Row]:
        """All rows of a card."""
        kept = self._streams.get(card_id)
        return kept.rows if kept else []

    def _tail(self, card_id: UUID) -> StreamTail:
        kept = self._streams.get(card_id)
        if kept is None:
            return StreamTail(None, [])
        since = kept.snapshot.version if kept.snapshot else 0
        return StreamTail(kept.snapshot, [(row.version, row.topic, row.state) for row in kept.rows[since:]])

    def _append(self, stored_events: Sequence[StoredEvent], besides: Besides, starts: Mapping[UUID, int]) -> Answers:
        conflicts = {one for one, version in starts.items() if version <= self._version(one)}
        conflicts |= self._repeated(besides.commands)
        limited: dict[UUID, Limited] = {}
        for one in besides.effects:
            if not conflicts or one.card_id not in conflicts:
                limit = self.limits.append(one)
                if limit is not None:
                    limited[one.card_id] = limit
        left_out = conflicts.union(limited)  # mostly nothing; then no UUID need be hashed, which is done in Python
        self._write([one for one in stored_events if not left_out or one.originator_id not in left_out])
        for snapshot in besides.snapshots:
            if not left_out or snapshot.card_id not in left_out:
                self._streams[snapshot.card_id].snapshot = snapshot
        for command_id, kept in besides.commands:
            if not left_out or kept.card_id not in left_out:
                self.commands[command_id] = kept
        return Answers(frozenset(conflicts), limited)

    def _repeated(self, commands: Sequence[tuple[str, Remembered]]) -> set[UUID]:
        seen: set[str] = set()
        repeated: set[UUID] = set()
        for command_id, kept in commands:
            if command_id in self.commands or command_id in seen:
                repeated.add(kept.card_id)
            seen.add(command_id)
        return repeated

    def _version(self, card_id: UUID) -> int:
        kept = self._streams.get(card_id)
        return len(kept.rows) if kept else 0

    def _write(self, stored_events: Sequence[StoredEvent]) -> None:
        last: list[Row] = []
        kept, of = _Kept(), None
        for event in stored_events:  # those of a card stand together
            card_id: UUID = event.originator_id  # type: ignore[assignment] (our streams are known by UUIDs)
            self.position += 1
            row = Row(self.position, card_id, event.originator_version, event.topic, event.state)
            if card_id is not of:
                kept, of = self._streams.get(card_id) or self._streams.setdefault(card_id, _Kept()), card_id
                last.append(row)
            last[-1] = row
            kept.rows.append(row)
            self._heard(row)
        for row in last:
            self._due(row.card_id, wake_time(row.state))


def wake_time(state: bytes) -> datetime | None:
    """When a card wakes by the last fact of an append: the envelope's word, as the read model `due` takes it."""
    found = _WAKE_AT.search(state)
    return datetime.fromisoformat(found[1].decode()) if found and found[1] else None
