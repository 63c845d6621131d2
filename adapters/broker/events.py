"""Public messages as CloudEvents 1.0 on NATS, in binary mode: attributes as `ce-` headers, the message as JSON body.

Beside the standard's attributes each has extensions: `epoch` and `position` (together they grow, but for what is sent
again), `cardversion` (which fact of the card), `actorkind` (who acted: holder, operator, system) and `correlationid`
(the command or wake-up that led to it: all that followed from it, the payment provider's answer included, has the same
one).

After the log was restored from a backup its positions are given again, in a new epoch. It begins with
`epoch_started.v1` on `baohao.v1.stream.epoch_started`: what earlier epochs said of facts after its `position` is no
longer in the log, unless it is said again.

https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/nats-protocol-binding.md, section 3.1.
"""

import re
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple, get_args
from uuid import UUID

from msgspec import json

from adapters.broker.contract import message_of
from adapters.broker.due import is_wake
from adapters.broker.messages import EVENTS
from adapters.broker.messages.epochs import EPOCH_STARTED, EpochStarted
from adapters.broker.sending import Outgoing
from engine.actor import ActorKind
from engine.envelope import Recorded
from engine.text import has_card_number, is_contact

EVENTS_STREAM, EVENTS_SUBJECT = "BAOHAO_EVENTS", "baohao.v1"
CARD_EVENTS_SUBJECT = f"{EVENTS_SUBJECT}.card"
EPOCHS_SUBJECT = f"{EVENTS_SUBJECT}.stream"
SUBJECTS = (f"{CARD_EVENTS_SUBJECT}.>", f"{EPOCHS_SUBJECT}.>")
"""What the stream of public events keeps."""
TYPE_PREFIX = "baohao."

_ACTOR_KINDS = get_args(ActorKind)
_NAME_OF = {kind: name for name, kind in EVENTS.items()}
_encode = json.Encoder().encode


class Cell(NamedTuple):
    """Where messages come from: the name of this installation, and the epoch of its log."""

    name: str
    epoch: int = 1


def card_event(recorded: Recorded, cell: Cell) -> Outgoing | None:
    """The CloudEvent of a fact; None for an internal one."""
    message = message_of(recorded.fact)
    if message is None:
        return None
    kind = _NAME_OF[type(message)]
    event_id, card_id, actor = str(recorded.event_id), str(recorded.card_id), recorded.actor.partition(":")[0]
    headers = headers_of(event_id, kind, recorded.fact.at, recorded.position, cell) | {
        "ce-subject": card_id,
        "ce-cardversion": str(recorded.version),
        "ce-actorkind": actor if actor in _ACTOR_KINDS else "system",  # as in older facts, by its process's name
    }
    cause = recorded.cause
    if is_wake(cause, card_id):  # as nearly all of them
        headers["ce-correlationid"] = cause
    elif (shown := shown_cause(cause)) is not None:
        headers["ce-correlationid"] = shown
    return Outgoing(subject_of(kind, card_id), message_id(event_id, cell.epoch), _encode(message), headers)


def epoch_event(event_id: UUID, cell: Cell, position: int, at: datetime) -> Outgoing:
    """The message with which an epoch begins."""
    headers = headers_of(str(event_id), EPOCH_STARTED, at, position, cell)
    body = _encode(EpochStarted(position=position))
    return Outgoing(subject_of(EPOCH_STARTED, None), str(event_id), body, headers)


def subject_of(kind: str, card_id: str | None) -> str:
    """Where an event of that name and version is published: about a card, or (None) about the stream itself."""
    event = kind.partition(".")[0]
    return f"{EPOCHS_SUBJECT}.{event}" if card_id is None else f"{CARD_EVENTS_SUBJECT}.{card_id}.{event}"


def message_id(event_id: str, epoch: int) -> str:
    """The id under which the broker stores a message once: what a later epoch says again is none of those."""
    return event_id if epoch == 1 else f"{event_id}.{epoch}"


def encoded(value: str) -> str:
    """An attribute as the value of a header: percent-encoded as the binding of CloudEvents to NATS says (3.1.3.2)."""
    return _TO_ENCODE.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "replace")), value)


_TO_ENCODE = re.compile(r"[^!#$&-~]")
"""All but printable ASCII, and of that the space, the double quote and the percent sign."""


def headers_of(event_id: str, kind: str, at: datetime, position: int, cell: Cell) -> dict[str, str]:
    """The attributes that every message has."""
    return {
        "ce-specversion": "1.0",
        "ce-id": event_id,
        "ce-source": source_of(cell.name),
        "ce-type": TYPE_PREFIX + kind,
        "ce-time": time_of(at),
        "ce-datacontenttype": "application/json",
        "ce-epoch": str(cell.epoch),
        "ce-position": str(position),
    }


@lru_cache
def source_of(cell_name: str) -> str:
    """Where messages come from, as the attribute says it."""
    return f"/baohao/{encoded(cell_name)}"


def time_of(at: datetime) -> str:
    """An instant in UTC as the attribute says it."""
    return f"{at.isoformat().removesuffix('+00:00')}Z"


def shown_cause(cause: str) -> str | None:
    """The cause, unless whoever chose the command's id put into it what must not be published."""
    return None if is_contact(cause) or has_card_number(cause) else encoded(cause)
