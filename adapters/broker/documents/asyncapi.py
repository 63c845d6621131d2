"""The AsyncAPI 3.0.0 document of the public messages: where they are told, what they say, an example of each.

https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import json

from adapters.broker.commands import (
    ANSWERS_STREAM,
    ANSWERS_SUBJECT,
    ASK_SUBJECT,
    COMMANDS_STREAM,
    COMMANDS_SUBJECT,
    KINDS,
)
from adapters.broker.documents.commands import COMMAND_HEADERS, QUEUED, CommandExample, command_schemas, name_of
from adapters.broker.documents.dialect import DIALECT, Json
from adapters.broker.documents.shapes import HEADERS, MESSAGES, Example, headers_of, schemas
from adapters.broker.events import CARD_EVENTS_SUBJECT, EVENTS_STREAM, TYPE_PREFIX, subject_of
from adapters.broker.messages import EVENTS
from adapters.broker.messages.answers import ANSWERS
from adapters.broker.messages.epochs import EPOCH_STARTED
from adapters.broker.messages.replays import REPLAY_FINISHED
from adapters.broker.replays import REPLAY_SUBJECT

VERSION = "1.2.0"
"""Of the contract: the first number with the subjects, the second with a new message, the third with a new field."""

_ABOUT = f"""\
Public messages of Baohao: CloudEvents 1.0 in binary mode on NATS JetStream, in the stream {EVENTS_STREAM}.

* Each event is told at least once. `ce-id` stays the same when it is told again: pass over what you have seen.
* Events about one card come in the order in which they happened, and so do those about all of them.
* Within an epoch `ce-position` grows, but for what is told again. After the log was restored from a backup a new epoch
  begins with `epoch_started`: what was told of positions after its `position` holds only if it is told again.
* A reader that was away goes on with a durable consumer, as long as the stream keeps messages (30 days, or the room it
  was given).
* A reader that needs what is older asks for a replay: by the job `replay_events`, or the operators by
  `baohao events replay`.
* Pass over fields and events that you do not know: new ones are added. A field is never removed, renamed or retyped
  within a version.
* Money is whole minor units of an ISO 4217 currency. Days are local days of the card's zone, instants are UTC.
* No personal data, no payment card data, and no decline code that a holder must not learn.

Commands: who may give them is a setting (`BAOHAO_SENDERS`), and the sender's name stands in the subject.

* A command in the queue ({COMMANDS_STREAM}) is executed once it is acknowledged by the broker, however long that takes;
  a request is executed at once, and its reply is the answer. Both have the same ids: what got no answer is given
  again under the same id, by either door, and has its effect once.
* Commands for one card that depend on each other wait for the answer: several processes execute what is queued.
* Every answer is told on the stream {ANSWERS_STREAM}, at least once, for 7 days; a copy goes to the reply of a request,
  and to the inbox in the header `Baohao-Answer-To` of a queued command.
* A job (`announce_prices`, `replay_events`) concerns many cards and is given to the queue. `job_progress` is told until
  its answer; one that is interrupted begins again and does nothing twice. What `replay_events` asks for comes on the
  stream `BAOHAO_REPLAY_<sender>`.
* A field that is not in the schema is refused. New fields of commands come with a default.
"""


def document(examples: Mapping[str, Example], commands: Mapping[str, CommandExample]) -> Json:
    """The document; `examples` by the name of their message, `commands` by that of the command."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Baohao: public events and commands",
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
        "channels": {
            "cards": _cards(),
            "stream": _stream(),
            "replays": _replays(),
            "replaysEnd": _replays_end(),
            "commands": _door(COMMANDS_SUBJECT, "Commands and jobs in the queue", QUEUED),
            "requests": _door(ASK_SUBJECT, "Commands as requests", KINDS),
            "answers": _answers(),
            "replies": {"address": None, "title": "Replies to requests", "messages": _answer_messages()},
        },
        "operations": {
            "tellOfCards": _operation("cards", "What became of a card is told, in the order in which it happened."),
            "tellOfStream": _operation("stream", "What readers have to know of the stream itself."),
            "tellAgain": _operation("replays", "History that a reader asked for, on a stream of its own."),
            "endTellingAgain": _operation("replaysEnd", "Where the live stream goes on."),
            "answer": _operation("answers", "What became of a command is told its sender."),
            "takeCommands": _taking("commands", "A command is executed once it could be, and answered.", "answers"),
            "takeRequests": _taking("requests", "A command is executed at once; the reply is the answer.", "replies"),
        },
        "components": {
            "messages": {name: _message(name, example) for name, example in examples.items()}
            | {f"{name}.v1": _command(example) for name, example in commands.items()},
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


_SENDER: Json = {"description": "The sender's name, as the operators know it.", "examples": ["crm"]}


def _door(subject: str, title: str, kinds: Iterable[str]) -> Json:
    return {
        "address": f"{subject}.{{sender}}.{{command}}",
        "title": title,
        "messages": {f"{name}.v1": {"$ref": f"#/components/messages/{name}.v1"} for name in kinds},
        "parameters": {"sender": _SENDER, "command": {"description": "What to do.", "enum": list(kinds)}},
    }


def _answers() -> Json:
    answers = [name.partition(".")[0] for name in ANSWERS]
    return {
        "address": f"{ANSWERS_SUBJECT}.{{sender}}.{{answer}}",
        "title": "Answers to commands",
        "messages": _answer_messages(),
        "parameters": {"sender": _SENDER, "answer": {"description": "What became of the command.", "enum": answers}},
    }


def _answer_messages() -> Json:
    return {name: {"$ref": f"#/components/messages/{name}"} for name in ANSWERS}


def _taking(channel: str, summary: str, reply: str) -> Json:
    reply_channel = {"channel": {"$ref": f"#/channels/{reply}"}}
    return {**_operation(channel, summary), "action": "receive", "reply": reply_channel}


_READER: Json = {"description": "The reader's name, as it was given to the replay.", "examples": ["finance"]}


def _replays() -> Json:
    cards = _cards()
    return {
        **cards,
        "address": f"{REPLAY_SUBJECT}.{{reader}}.card.{{card_id}}.{{event}}",
        "title": "Cards, told again",
        "description": "In the stream BAOHAO_REPLAY_<reader>: the same events as live, in the order of the log.",
        "parameters": {"reader": _READER, **cards["parameters"]},
    }


def _replays_end() -> Json:
    return {
        "address": f"{REPLAY_SUBJECT}.{{reader}}.stream.replay_finished",
        "title": "The end of a replay",
        "messages": {REPLAY_FINISHED: {"$ref": f"#/components/messages/{REPLAY_FINISHED}"}},
        "parameters": {"reader": _READER},
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
    if "ce-correlationid" in HEADERS[headers_of(name)][1]:
        found["correlationId"] = {"location": "$message.header#/ce-correlationid"}
    return found


def _command(example: CommandExample) -> Json:
    kind = QUEUED[example.name]
    return {
        "name": example.name,
        "title": kind.__name__,
        "summary": kind.__doc__,
        "contentType": "application/json",
        "headers": {"$ref": f"#/components/schemas/{COMMAND_HEADERS}"},
        "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
        "examples": [{"name": example.name, "payload": example.body}],
    }


def _schemas() -> Json:
    _, parts = json.schema_components(list(MESSAGES.values()), ref_template="#/components/schemas/{name}")
    alone, commands = schemas(), command_schemas()
    headers: dict[str, Any] = {name: _plain(alone[name]) for name in HEADERS}
    bodies: dict[str, Any] = {kind.__name__: _plain(commands[name_of(name)]) for name, kind in QUEUED.items()}
    return {**headers, COMMAND_HEADERS: _plain(commands[COMMAND_HEADERS]), **parts, **bodies}


def _plain(schema: Json) -> Json:
    """As a part of a document, which says its dialect itself."""
    return {name: value for name, value in schema.items() if (name, value) != ("$schema", DIALECT) and name != "$id"}
