"""A recorder in memory: what the store asks of PostgreSQL, with the very bytes; and one with faults on request."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from engine.envelope import event_id_of, timed
from engine.errors import ConnectionLostError
from engine.networks import LimitBook, Limited
from engine.store.port import AcceptedCommand, Refusals, Snapshot, StoredFact, StreamTail, Write

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


def _ignore(*_: object) -> None:
    pass


class MemoryRecorder:
    """Implements the port `Recorder`: versions, limits and commands are checked in the order of the batch."""

    def __init__(
        self,
        recorded_now: Callable[[], datetime],
        heard: Callable[[Row], None] = _ignore,
        due: Callable[[UUID, datetime | None], None] = _ignore,
    ) -> None:
        self.position = 0
        self.limits = LimitBook()
        self.commands: dict[str, AcceptedCommand] = {}
        self.recorded_now = recorded_now
        self._recorded_at = datetime.min.replace(tzinfo=UTC)
        """Of the last append."""
        self._heard = heard
        self._due = due
        self._streams: dict[UUID, _Kept] = {}

    def append_many(self, writes: Sequence[Write]) -> Refusals:
        """See Recorder."""
        self._recorded_at = max(self._recorded_at, self.recorded_now())
        conflicts = {write.card_id for write in writes if not self._goes_on(write)}
        conflicts |= self._repeated(writes)
        limited: dict[UUID, Limited] = {}
        for write in writes:
            if write.limit_effects is not None and (not conflicts or write.card_id not in conflicts):
                limit = self.limits.append(write.limit_effects)
                if limit is not None:
                    limited[write.card_id] = limit
        left_out = conflicts.union(limited)  # mostly nothing; then no UUID need be hashed, which is done in Python
        for write in writes:
            if not left_out or write.card_id not in left_out:
                self._write(write)
        return Refusals(frozenset(conflicts), limited)

    def accepted_commands(self, command_ids: Sequence[str]) -> dict[str, AcceptedCommand]:
        """What is remembered of accepted commands."""
        known = self.commands
        return {one: known[one] for one in command_ids if one in known}

    def load_many(self, card_ids: Sequence[UUID], state_version: int) -> list[StreamTail]:
        """Snapshot, the fact it was taken after and what came after that, per card."""
        return [self._tail(card_id, state_version) for card_id in card_ids]

    def read_stream(self, card_id: UUID, *, after: int = 0, upto: int | None = None) -> list[StoredFact]:
        """The stored facts with versions in (after, upto]."""
        return [StoredFact(*row[1:]) for row in self.rows(card_id)[after:upto]]

    def rows(self, card_id: UUID) -> list[Row]:
        """All rows of a card."""
        kept = self._streams.get(card_id)
        return kept.rows if kept else []

    def _tail(self, card_id: UUID, state_version: int) -> StreamTail:
        kept = self._streams.get(card_id)
        if kept is None:
            return StreamTail(None, [])
        snapshot = kept.snapshot
        if snapshot is not None and snapshot.state_version != state_version:
            snapshot = None
        since = snapshot.version - 1 if snapshot else 0
        return StreamTail(snapshot, [StoredFact(*row[1:]) for row in kept.rows[since:]])

    def _repeated(self, writes: Sequence[Write]) -> set[UUID]:
        seen: set[str] = set()
        repeated: set[UUID] = set()
        for write in writes:
            if write.command is not None:
                command_id = write.command.command_id
                if command_id in self.commands or command_id in seen:
                    repeated.add(write.card_id)
                seen.add(command_id)
        return repeated

    def _goes_on(self, write: Write) -> bool:
        """Whether the write follows the last fact of its stream."""
        kept = self._streams.get(write.card_id)
        if kept is None:
            return write.first_version == 1
        if write.first_version != len(kept.rows) + 1:
            return False
        return write.after is None or event_id_of(kept.rows[-1].state) == write.after

    def _write(self, write: Write) -> None:
        card_id, first_version, events, snapshot, _, command, _ = write
        if command is not None:
            self.commands[command.command_id] = AcceptedCommand(command.body_hash, card_id, first_version, len(events))
        if not events:
            return
        kept = self._streams.get(card_id) or self._streams.setdefault(card_id, _Kept())
        for event in events:
            self.position += 1
            state = timed(event.state, self._recorded_at)
            row = Row(self.position, card_id, event.version, event.topic, state)
            kept.rows.append(row)
            self._heard(row)
        if snapshot is not None:
            kept.snapshot = snapshot
        self._due(card_id, wake_time(events[-1].state))


class TroubledRecorder(MemoryRecorder):
    """A recorder in memory whose appends meet with what `trouble` says."""

    trouble = Trouble()

    def append_many(self, writes: Sequence[Write]) -> Refusals:
        """Append, unless something goes wrong on the way."""
        trouble, rival = self.trouble, self.trouble.rival
        if rival is not None:
            trouble.rival = None
            rival()
        if trouble.crash_before:
            raise CrashError
        refusals = super().append_many(writes)
        if trouble.crash_after:
            raise CrashError
        if trouble.lost_reply:
            trouble.lost_reply = False
            raise ConnectionLostError("the reply to the commit was lost")
        return refusals


def wake_time(state: bytes) -> datetime | None:
    """When a card wakes by the last fact of an append: the envelope's word, as the read model `due` takes it."""
    found = _WAKE_AT.search(state)
    return datetime.fromisoformat(found[1].decode()) if found and found[1] else None
