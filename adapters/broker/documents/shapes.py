"""The JSON Schema of each public message, and of the headers of all of them; the examples that stand beside them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from msgspec import json

from adapters.broker.documents.dialect import DIALECT, Json
from adapters.broker.events import TYPE_PREFIX
from adapters.broker.messages import EVENTS
from adapters.broker.messages.answers import ANSWERS
from adapters.broker.messages.epochs import EPOCH_STARTED, EpochStarted
from adapters.broker.messages.parts import Message
from adapters.broker.messages.replays import REPLAY_FINISHED, ReplayFinished
from engine.errors import BaohaoError

MESSAGES: Mapping[str, type[Message]] = {
    **EVENTS,
    EPOCH_STARTED: EpochStarted,
    REPLAY_FINISHED: ReplayFinished,
    **ANSWERS,
}
"""Every public message by its name and version."""

CARD_HEADERS, STREAM_HEADERS, ANSWER_HEADERS = "card_headers.v1", "stream_headers.v1", "answer_headers.v1"
"""Names of the schemas of headers."""


class Example(NamedTuple):
    """A canonical message: its headers and its data."""

    headers: Mapping[str, str]
    data: Json


def schemas() -> dict[str, Json]:
    """Every schema by its name, each complete in itself."""
    found = {name: _standalone(name, kind) for name, kind in MESSAGES.items()}
    return found | {name: _of_headers(name) for name in HEADERS}


def _standalone(name: str, kind: type[Message]) -> Json:
    schema = json.schema(kind)
    parts = schema["$defs"]
    root = parts.pop(kind.__name__)
    return {"$schema": DIALECT, "$id": f"urn:baohao:{name}", **root, **({"$defs": parts} if parts else {})}


_COUNT = {"type": "string", "pattern": "^[0-9]+$"}
_ATTRIBUTES: Json = {
    "ce-specversion": {"const": "1.0", "description": "Of CloudEvents."},
    "ce-id": {"type": "string", "format": "uuid", "description": "Stays the same when the event is told again."},
    "ce-source": {
        "type": "string",
        "pattern": "^/baohao/[A-Za-z0-9_.%-]+$",
        "description": "The installation.",
    },
    "ce-type": {"type": "string", "pattern": f"^{TYPE_PREFIX}[a-z_]+\\.v[0-9]+$", "description": "Event and version."},
    "ce-time": {"type": "string", "format": "date-time", "description": "When it happened, in UTC."},
    "ce-datacontenttype": {"const": "application/json"},
}
_IN_THE_LOG: Json = {
    "ce-epoch": {**_COUNT, "description": "Grows when the log was restored from a backup; see epoch_started."},
    "ce-position": {**_COUNT, "description": "Grows with each event of an epoch; not every number is used."},
}
_STORED_ONCE: Json = {"Nats-Msg-Id": {"type": "string", "description": "By which the broker stores the message once."}}
_SUBJECT: Json = {"ce-subject": {"type": "string", "format": "uuid", "description": "The card's id."}}
_ABOUT_CARD: Json = {
    **_SUBJECT,
    "ce-cardversion": {**_COUNT, "description": "Counts the card's facts, also those that are not public."},
    "ce-actorkind": {"enum": ["holder", "operator", "system"], "description": "Who acted."},
    "ce-correlationid": {
        "type": "string",
        "description": "The command or wake-up that led to it, percent-encoded; missing where it must not be told. "
        "A wake-up is `<card id>.<version>.<count>`: the card's fact of that version had set the time for it.",
    },
}
_OF_ANSWER: Json = {
    "ce-correlationid": {
        "type": "string",
        "description": "Sender and command id, `<sender>:<command id>`, percent-encoded: what the events that the "
        "command led to have, too.",
    },
}
HEADERS: Mapping[str, tuple[str, Json]] = {
    CARD_HEADERS: ("CardHeaders", {**_ATTRIBUTES, **_IN_THE_LOG, **_STORED_ONCE, **_ABOUT_CARD}),
    STREAM_HEADERS: ("StreamHeaders", {**_ATTRIBUTES, **_IN_THE_LOG, **_STORED_ONCE}),
    ANSWER_HEADERS: ("AnswerHeaders", {**_ATTRIBUTES, **_STORED_ONCE, **_SUBJECT, **_OF_ANSWER}),
}
"""By name, title and fields."""
_MAY_BE_MISSING = {
    CARD_HEADERS: {"Nats-Msg-Id", "ce-correlationid"},
    STREAM_HEADERS: {"Nats-Msg-Id"},
    ANSWER_HEADERS: {"Nats-Msg-Id", "ce-correlationid", "ce-subject"},
}


def _of_headers(name: str) -> Json:
    title, properties = HEADERS[name]
    return {
        "$schema": DIALECT,
        "$id": f"urn:baohao:{name}",
        "title": title,
        "description": "Attributes of a CloudEvent 1.0 in binary mode; the broker's own headers stand beside them.",
        "type": "object",
        "properties": properties,
        "required": [one for one in properties if one not in _MAY_BE_MISSING[name]],
    }


def headers_of(name: str) -> str:
    """The name of the schema of a message's headers."""
    if name in ANSWERS:
        return ANSWER_HEADERS
    return STREAM_HEADERS if name in {EPOCH_STARTED, REPLAY_FINISHED} else CARD_HEADERS


def examples(folder: Path) -> dict[str, Example]:
    """The example of each message; raises BaohaoError for one that is missing or does not fit its struct."""
    return dict(_examples(folder))


def _examples(folder: Path) -> Iterator[tuple[str, Example]]:
    for name, kind in MESSAGES.items():
        file = folder / "examples" / f"{name}.json"
        try:
            read = json.decode(file.read_bytes())
            json.decode(json.encode(read["data"]), type=kind)
        except (OSError, ValueError, LookupError) as error:
            raise BaohaoError(f"{file.name}: the example of {name} is missing or wrong: {error}") from None
        yield name, Example(read["headers"], read["data"])
