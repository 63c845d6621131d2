"""The JSON Schema of each command and job that other systems may give, and the examples that stand beside them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import json
from pydantic import ValidationError

from adapters.broker.commands import ANSWER_TO, ID_CHARS, KINDS
from adapters.broker.documents.dialect import DIALECT, Json
from adapters.broker.jobs import JOBS, Job
from engine.commands import AnyCommand
from engine.errors import BaohaoError

FOLDER = "commands"
COMMAND_HEADERS = "command_headers.v1"

QUEUED: Mapping[str, type[AnyCommand | Job]] = {**KINDS, **JOBS}
"""What may be given to the queue, by the name that ends its subject."""

_KNOWN = {
    "command_id": "Chosen by the sender: the same command under the same id has the same effect once, and the same "
    "answer for ever.",
    "card_id": "The card that it is about; that of a new card is chosen by whoever registers it.",
}


class CommandExample(NamedTuple):
    """A canonical command: its subject's last word and its body."""

    name: str
    body: Json


def name_of(command: str) -> str:
    """The name of a command's schema, as of its file and its example."""
    return f"{FOLDER}/{command}.v1"


def command_schemas() -> dict[str, Json]:
    """Every schema by its name, each complete in itself, and that of the headers."""
    found = {name_of(name): _of_body(name, kind.model_json_schema()) for name, kind in QUEUED.items()}
    return found | {COMMAND_HEADERS: _HEADERS}


def command_examples(folder: Path) -> dict[str, CommandExample]:
    """The example of each command; raises BaohaoError for one that is missing or is no such command."""
    return dict(_examples(folder))


def _examples(folder: Path) -> Iterator[tuple[str, CommandExample]]:
    for name, kind in QUEUED.items():
        file = folder / "examples" / f"{name_of(name)}.json"
        try:
            body = json.decode(file.read_bytes())
            kind.model_validate_json(json.encode(body))
        except (OSError, ValueError, ValidationError) as error:
            raise BaohaoError(f"{file.name}: the example of {name} is missing or wrong: {error}") from None
        yield name, CommandExample(name, body)


def _of_body(name: str, schema: Json) -> Json:
    """As it is on the wire: the subject says which command it is, and programs need no titles."""
    fields = {field: _plain(shape) for field, shape in schema["properties"].items() if field != "command"}
    for field, description in _KNOWN.items():
        if field in fields:
            fields[field] = {**fields[field], "description": description}
    fields["command_id"]["maxLength"] = ID_CHARS
    return {
        "$schema": DIALECT,
        "$id": f"urn:baohao:{FOLDER}:{name}.v1",
        "title": schema["title"],
        "description": schema["description"],
        "type": "object",
        "properties": fields,
        "required": schema["required"],
        "additionalProperties": False,
    }


def _plain(shape: Any) -> Any:  # noqa: ANN401 (JSON of any kind)
    if isinstance(shape, list):
        return [_plain(one) for one in shape]
    if not isinstance(shape, dict):
        return shape
    return {
        key: {field: _plain(one) for field, one in value.items()} if key == "properties" else _plain(value)
        for key, value in shape.items()
        if key != "title"
    }


_HEADERS: Json = {
    "$schema": DIALECT,
    "$id": f"urn:baohao:{COMMAND_HEADERS}",
    "title": "CommandHeaders",
    "description": "Of a command in the queue; a request needs none.",
    "type": "object",
    "properties": {
        ANSWER_TO: {
            "type": "string",
            "pattern": r"^_INBOX(\.[A-Za-z0-9_-]+){1,8}$",
            "description": "The sender's inbox to which a copy of the answer goes.",
        },
        "Nats-Msg-Id": {"type": "string", "description": "By which the broker stores the command once."},
    },
    "required": [],
}
