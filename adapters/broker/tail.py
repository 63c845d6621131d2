"""The end of the events stream: which of its last messages are ours, and up to which fact of the log."""

from typing import Any, NamedTuple
from uuid import UUID

import structlog
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError
from psycopg import Connection
from pydantic import BaseModel, Field, ValidationError

from adapters.broker.events import EVENTS_STREAM, TYPE_PREFIX, subject_of
from adapters.broker.messages.epochs import EPOCH_STARTED
from engine.errors import StandstillError
from engine.store.log import Unreadable, read_rows_of

log = structlog.get_logger()

_EPOCH_STARTED = TYPE_PREFIX + EPOCH_STARTED


class Claim(BaseModel):
    """What the headers of a message say; anybody who may publish can have written them."""

    event_id: UUID = Field(alias="ce-id")
    epoch: int = Field(alias="ce-epoch", ge=1, lt=2**53)
    position: int = Field(alias="ce-position", ge=0, lt=2**63)
    type: str = Field(alias="ce-type")
    card_id: UUID | None = Field(None, alias="ce-subject")


class Epoch(NamedTuple):
    """The current epoch, and the id of the message that began it; None in the first one."""

    number: int
    event_id: UUID | None


def claim_of(message: RawStreamMsg) -> Claim | None:
    """The claim of a message that has the shape of ours; None for any other, which nobody reads further."""
    try:
        claim = Claim.model_validate(message.headers or {})
    except ValidationError:
        return None
    card_id = None if claim.card_id is None else str(claim.card_id)
    return claim if message.subject == subject_of(claim.type.removeprefix(TYPE_PREFIX), card_id) else None


async def published_upto(
    jetstream: JetStreamContext, connection: Connection[Any], sequences: range, above: int, epoch: Epoch
) -> int | None:
    """The position of the last fact above `above` that is stored among `sequences` (from the end); None: there is none.

    Messages without the shape of ours are passed over. Raises StandstillError for one that names a fact which the log
    does not have.
    """
    strange: list[int] = []
    for sequence in sequences:
        try:
            claim = claim_of(await jetstream.get_msg(EVENTS_STREAM, seq=sequence))
        except NotFoundError:  # removed by retention or by hand
            continue
        position = None if claim is None else _position(connection, sequence, claim, epoch)
        if position is not None and position > above:
            break
        strange.append(sequence)
    else:
        position = None
    if strange:
        log.warning(
            "publisher.foreign_messages", stream=EVENTS_STREAM, count=len(strange), first=strange[-1], last=strange[0]
        )
    return position


def _position(connection: Connection[Any], sequence: int, claim: Claim, epoch: Epoch) -> int | None:
    if claim.type == _EPOCH_STARTED and (claim.event_id == epoch.event_id or claim.epoch <= epoch.number):
        return claim.position if claim.event_id == epoch.event_id else None
    if claim.card_id is not None:
        for row in read_rows_of(connection, claim.card_id, claim.position, claim.position):
            if isinstance(row, Unreadable) or row.event_id == claim.event_id:
                return claim.position
    if claim.epoch < epoch.number:
        return None  # of a log that was restored since: somebody sent it again, and readers pass it over
    raise StandstillError(
        f"message {sequence} of stream {EVENTS_STREAM} is about fact {claim.event_id} at position {claim.position}, "
        "which the log does not have, so nothing is published: if the database was restored from a backup, run "
        "`baohao events new-epoch`, which tells the readers; if not, find out who else publishes there, first"
    )


async def newest_epoch(jetstream: JetStreamContext, sequences: range) -> int:
    """The epoch of the last message that has the shape of ours among `sequences` (from the end); 0 without one."""
    for sequence in sequences:
        try:
            claim = claim_of(await jetstream.get_msg(EVENTS_STREAM, seq=sequence))
        except NotFoundError:
            continue
        if claim is not None:
            return claim.epoch
    return 0
