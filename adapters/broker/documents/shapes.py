"""The JSON Schema of each public message, and of the headers of all of them; the examples that stand beside them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import json

from adapters.broker.events import TYPE_PREFIX
from adapters.broker.messages import EVENTS
from adapters.broker.messages.epochs import EPOCH_STARTED, EpochStarted
from adapters.broker.messages.parts import Message
from engine.errors import BaohaoError

Json = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
MESSAGES: Mapping[str, type[Message]] = {**EVENTS, EPOCH_STARTED: EpochStarted}
"""Every public message by its name and version."""

CARD_HEADERS, STREAM_HEADERS = "card_headers.v1", "stream_headers.v1"
"""Names of the schemas of headers."""


class Example(NamedTuple):
    """A canonical message: its headers and its data."""

    headers: Mapping[str, str]
    data: Json


def schemas() -> dict[str, Json]:
    """Every schema by its name, each complete in itself."""
    found = {name: _standalone(name, kind) for name, kind in MESSAGES.items()}
    return {**found, CARD_HEADERS: _of_headers(CARD_HEADERS), STREAM_HEADERS: _of_headers(STREAM_HEADERS)}


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
    "ce-epoch": {**_COUNT, "description": "Grows when the log was restored from a backup; see epoch_started."},
    "ce-position": {**_COUNT, "description": "Grows with each event of an epoch; not every number is used."},
    "Nats-Msg-Id": {"type": "string", "description": "By which the broker stores the message once."},
}
_ABOUT_CARD: Json = {
    "ce-subject": {"type": "string", "format": "uuid", "description": "The card's id."},
    "ce-cardversion": {**_COUNT, "description": "Counts the card's facts, also those that are not public."},
    "ce-actorkind": {"enum": ["holder", "operator", "system"], "description": "Who acted."},
    "ce-correlationid": {
        "type": "string",
        "description": "The command or wake-up that led to it, percent-encoded; missing where it must not be told.",
    },
}


def _of_headers(name: str) -> Json:
    about_card = name == CARD_HEADERS
    properties = {**_ATTRIBUTES, **(_ABOUT_CARD if about_card else {})}
    return {
        "$schema": DIALECT,
        "$id": f"urn:baohao:{name}",
        "title": "CardHeaders" if about_card else "StreamHeaders",
        "description": "Attributes of a CloudEvent 1.0 in binary mode; the broker's own headers stand beside them.",
        "type": "object",
        "properties": properties,
        "required": [one for one in properties if one not in {"Nats-Msg-Id", "ce-correlationid"}],
    }


def headers_of(name: str) -> str:
    """The name of the schema of a message's headers."""
    return STREAM_HEADERS if name == EPOCH_STARTED else CARD_HEADERS


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
