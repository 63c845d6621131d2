"""The AsyncAPI 3.0.0 document of the public messages: where they are told, what they say, an example of each.

https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

from collections.abc import Mapping
from typing import Any

from msgspec import json

from adapters.broker.documents.shapes import (
    CARD_HEADERS,
    DIALECT,
    MESSAGES,
    STREAM_HEADERS,
    Example,
    Json,
    headers_of,
    schemas,
)
from adapters.broker.events import CARD_EVENTS_SUBJECT, EVENTS_STREAM, TYPE_PREFIX, subject_of
from adapters.broker.messages import EVENTS
from adapters.broker.messages.epochs import EPOCH_STARTED

VERSION = "1.0.0"
"""Of the contract: the first number with the subjects, the second with a new message, the third with a new field."""

_ABOUT = f"""\
Public messages of Baohao: CloudEvents 1.0 in binary mode on NATS JetStream, in the stream {EVENTS_STREAM}.

* Each event is told at least once. `ce-id` stays the same when it is told again: pass over what you have seen.
* Events about one card come in the order in which they happened, and so do those about all of them.
* Within an epoch `ce-position` grows, but for what is told again. After the log was restored from a backup a new epoch
  begins with `epoch_started`: what was told of positions after its `position` holds only if it is told again.
* A reader that was away goes on with a durable consumer, as long as the stream keeps messages (30 days, or the room it
  was given).
* Pass over fields and events that you do not know: new ones are added. A field is never removed, renamed or retyped
  within a version.
* Money is whole minor units of an ISO 4217 currency. Days are local days of the card's zone, instants are UTC.
* No personal data, no payment card data, and no decline code that a holder must not learn.
"""


def document(examples: Mapping[str, Example]) -> Json:
    """The document; `examples` by the name of their message."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Baohao: public events",
            "version": VERSION,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "local": {
                "host": "localhost:4222",
                "protocol": "nats",
                "description": "The one that `baohao up` starts.",
            }
        },
        "channels": {"cards": _cards(), "stream": _stream()},
        "operations": {
            "tellOfCards": _operation("cards", "What became of a card is told, in the order in which it happened."),
            "tellOfStream": _operation("stream", "What readers have to know of the stream itself."),
        },
        "components": {
            "messages": {name: _message(name, example) for name, example in examples.items()},
            "schemas": _schemas(),
        },
    }


def _cards() -> Json:
    return {
        "address": f"{CARD_EVENTS_SUBJECT}.{{card_id}}.{{event}}",
        "title": "Cards",
        "description": "Subscribe to one card, to one kind of event, or to all: "
        + ", ".join(f"`{CARD_EVENTS_SUBJECT}.{rest}`" for rest in ("<card id>.>", "*.card_suspended", ">")),
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in EVENTS},
        "parameters": {
            "card_id": {"description": "The card's id, a UUID.", "examples": ["0b2f7d1e-5a3c-5d7e-9f10-2b6c8d4e1a90"]},
            "event": {
                "description": "What happened, without its version.",
                "enum": list(dict.fromkeys(name.partition(".")[0] for name in EVENTS)),
            },
        },
    }


def _stream() -> Json:
    return {
        "address": subject_of(EPOCH_STARTED, None),
        "title": "The stream itself",
        "messages": {EPOCH_STARTED: {"$ref": f"#/components/messages/{EPOCH_STARTED}"}},
    }


def _operation(channel: str, summary: str) -> Json:
    return {"action": "send", "channel": {"$ref": f"#/channels/{channel}"}, "summary": summary}


def _message(name: str, example: Example) -> Json:
    kind = MESSAGES[name]
    found: Json = {
        "name": TYPE_PREFIX + name,
        "title": kind.__name__,
        "summary": kind.__doc__,
        "contentType": "application/json",
        "headers": {"$ref": f"#/components/schemas/{headers_of(name)}"},
        "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
        "examples": [{"name": name, "headers": dict(example.headers), "payload": example.data}],
    }
    if headers_of(name) == CARD_HEADERS:
        found["correlationId"] = {"location": "$message.header#/ce-correlationid"}
    return found


def _schemas() -> Json:
    _, parts = json.schema_components(list(MESSAGES.values()), ref_template="#/components/schemas/{name}")
    alone = schemas()
    headers: dict[str, Any] = {name: _plain(alone[name]) for name in (CARD_HEADERS, STREAM_HEADERS)}
    return {**headers, **parts}


def _plain(schema: Json) -> Json:
    """As a part of a document, which says its dialect itself."""
    return {name: value for name, value in schema.items() if (name, value) != ("$schema", DIALECT) and name != "$id"}
