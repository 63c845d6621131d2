"""The port `Recorder` and its values; knows no database.

PostgreSQL implements it in `recorder.py`, the simulation in memory.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

from engine.networks import Limited, LimitEffects


class StoredFact(NamedTuple):
    """A fact in its envelope as it is stored: stream, version, stored name and bytes."""

    card_id: UUID
    """Id of the stream: a card's, or OPERATIONS_ID."""
    version: int
    topic: str
    state: bytes


class Snapshot(NamedTuple):
    """The state of one stream at `version`, as bytes that are opaque to the recorder."""

    card_id: UUID
    version: int
    state_version: int
    state: bytes


class StreamTail(NamedTuple):
    """What is needed to load one stream: its latest snapshot, if there is one, and the facts from its version on.

    The first of them, after which the snapshot was taken, shows whether it belongs to this stream.
    """

    snapshot: Snapshot | None
    facts: list[StoredFact]


class CommandIdentity(NamedTuple):
    """By what a repeated command is recognised: its id, and a hash of its body."""

    command_id: str
    body_hash: bytes


class AcceptedCommand(NamedTuple):
    """What is kept of an accepted command: a hash of its body, and the place of its facts."""

    body_hash: bytes
    card_id: UUID
    first_version: int
    fact_count: int
    """0 if it changed nothing."""


class Write(NamedTuple):
    """What is to be stored of one stream: all of it or nothing; a batch has at most one for each stream."""

    card_id: UUID
    first_version: int
    """Of the first fact, or what it would be if there are none."""
    facts: Sequence[StoredFact]
    """In the order of their versions, without gaps."""
    snapshot: Snapshot | None = None
    limit_effects: LimitEffects | None = None
    command: CommandIdentity | None = None
    """Kept for ever; if it was accepted already, the write is a conflict."""
    after: UUID | None = None
    """Event id of the fact that it follows; None: whichever stands there."""


class Refusals(NamedTuple):
    """The streams of which nothing was stored; all others were stored whole."""

    conflicts: frozenset[UUID]
    """Another writer was faster, the command was accepted before, or the log does not hold the fact that it follows."""
    limited: Mapping[UUID, Limited]
    """Those that a network limit forbids."""
    repeated: frozenset[UUID] = frozenset()
    """Those with an attempt that the log holds already: they were decided on a wrong state."""


class Recorder(Protocol):
    """Stores and reads the streams of one log. Every method raises ConnectionLostError and LockHeldError."""

    def append_many(self, writes: Sequence[Write]) -> Refusals:
        """Store many streams' facts, and what goes with them, in one transaction.

        A fact whose time of recording is NOT_YET gets the recorder's, which never falls from one append to the next.
        Versions, commands and limits are checked in the order of the batch. After ConnectionLostError it is unknown
        whether it was stored.
        """
        ...

    def load_many(self, card_ids: Sequence[UUID], state_version: int) -> list[StreamTail]:
        """Each stream's latest snapshot, if it is of `state_version`, and the facts from its version on, in order."""
        ...

    def read_stream(self, card_id: UUID, *, after: int = 0, upto: int | None = None) -> list[StoredFact]:
        """The facts of one stream with versions greater than `after` and not greater than `upto`, oldest first."""
        ...

    def accepted_commands(self, command_ids: Sequence[str]) -> Mapping[str, AcceptedCommand]:
        """Those of the commands that were accepted, by their id."""
        ...
