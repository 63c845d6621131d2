"""Streams on which one reader gets history: events as they were told, on subjects of its own.

`baohao.v1.replay.<reader>.card.<card id>.<event>` in the stream `BAOHAO_REPLAY_<reader>`, in the order of the log, each
with the headers and the body that it has among the live ones. The last message of a replay is `replay_finished.v1`: the
reader goes on with the live events after its `sequence`, without a gap and with none twice.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID, uuid4

from msgspec import json
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, StorageType, StreamConfig, StreamInfo
from nats.js.errors import APIError, NotFoundError

from adapters.broker.contract import INTERNAL_FACTS
from adapters.broker.events import EVENTS_SUBJECT, Cell, card_event, headers_of
from adapters.broker.messages import EVENTS
from adapters.broker.messages.replays import REPLAY_FINISHED, ReplayFinished
from adapters.broker.names import SYSTEM_NAME
from adapters.broker.sending import Outgoing
from adapters.settings import Settings
from engine.envelope import Recorded
from engine.errors import BaohaoError

REPLAY_SUBJECT = f"{EVENTS_SUBJECT}.replay"
REPLAY = "Baohao-Replay"
"""Header that names the replay to which a message belongs: what was asked for."""
RETENTION = timedelta(days=7)
"""How long a replay stays on the broker."""
MAX_BYTES = 1024**3
"""Room for about a million events; a replay that finds no room ends, and loses none of what it has told."""


class Asked(NamedTuple):
    """What a reader wants to hear again; empty `types` and `cards`: all."""

    reader: str
    after: int
    """A position; the facts after it are told."""
    types: frozenset[str] = frozenset()
    """Names of events without version."""
    cards: frozenset[UUID] = frozenset()

    @property
    def name(self) -> str:
        """The same for whoever asks for the same."""
        parts = [str(self.after), ",".join(sorted(self.types)), ",".join(sorted(map(str, self.cards)))]
        return sha256(" ".join(parts).encode()).hexdigest()[:16]

    def wants(self, recorded: Recorded, kind: str) -> bool:
        """Whether this event is asked for."""
        return (not self.cards or recorded.card_id in self.cards) and (not self.types or kind in self.types)


KINDS = frozenset(name.partition(".")[0] for name in EVENTS)
UNREAD = INTERNAL_FACTS


def stream_of(reader: str) -> str:
    """The name of a reader's stream."""
    return f"BAOHAO_REPLAY_{reader}"


def replayed(recorded: Recorded, cell: Cell, asked: Asked, run: int) -> Outgoing | None:
    """The event of a fact as the reader gets it; None for one that it did not ask for, or that is not public.

    `run` is the stream's last sequence when it began: what is told anew is no duplicate to the broker.
    """
    event = card_event(recorded, cell)
    if event is None:
        return None
    kind = event.subject.rpartition(".")[2]
    if not asked.wants(recorded, kind):
        return None
    subject = event.subject.replace(EVENTS_SUBJECT, f"{REPLAY_SUBJECT}.{asked.reader}", 1)
    return Outgoing(subject, f"{run} {event.message_id}", event.body, {**event.headers, REPLAY: asked.name})


def finished(asked: Asked, cell: Cell, end: ReplayFinished, at: datetime) -> Outgoing:
    """The last message of a replay."""
    event_id = str(uuid4())
    headers = {**headers_of(event_id, REPLAY_FINISHED, at, end.position, cell), REPLAY: asked.name}
    return Outgoing(f"{REPLAY_SUBJECT}.{asked.reader}.stream.replay_finished", event_id, json.encode(end), headers)


async def ensure_replay_stream(jetstream: JetStreamContext, reader: str, settings: Settings) -> StreamInfo:
    """The reader's stream: created if it is missing; raises BaohaoError for a name that is none, or without room."""
    if not SYSTEM_NAME.fullmatch(reader):
        raise BaohaoError(f"{reader!r} should begin with a letter a-z, then up to 31 letters, digits, - or _")
    try:
        return await jetstream.stream_info(stream_of(reader))
    except NotFoundError:
        config = StreamConfig(
            name=stream_of(reader),
            subjects=[f"{REPLAY_SUBJECT}.{reader}.>"],
            num_replicas=settings.stream_replicas,
            storage=StorageType.FILE,
            max_age=RETENTION.total_seconds(),
            max_bytes=MAX_BYTES,
            discard=DiscardPolicy.NEW,
        )
        try:
            return await jetstream.add_stream(config)
        except APIError as error:
            raise BaohaoError(f"the broker refuses a stream of 1 GB for {reader}: {error.description}") from error


class Reached(NamedTuple):
    """How far a replay is: the stream's last sequence, and the position of its last event (None: it has none)."""

    sequence: int
    position: int | None


async def reached(jetstream: JetStreamContext, info: StreamInfo, asked: Asked, epoch: int) -> Reached:
    """How far this replay is, if it was begun in this epoch of the log and is not finished."""
    last = info.state.last_seq
    if not info.state.messages:
        return Reached(last, None)
    try:
        headers: Mapping[str, str] = (await jetstream.get_msg(stream_of(asked.reader), seq=last)).headers or {}
    except NotFoundError:
        return Reached(last, None)
    goes_on = (headers.get(REPLAY), headers.get("ce-epoch")) == (asked.name, str(epoch))
    position = str(headers.get("ce-position"))
    is_finished = str(headers.get("ce-type")).endswith(REPLAY_FINISHED)
    return Reached(last, int(position) if goes_on and not is_finished and position.isdecimal() else None)


def check_types(types: Collection[str]) -> None:
    """Raise BaohaoError for a name that no event has."""
    if unknown := sorted(set(types) - KINDS):
        raise BaohaoError(f"there is no event {', '.join(map(repr, unknown))}; there are {', '.join(sorted(KINDS))}")
