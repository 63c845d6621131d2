"""All that is generated of the contract, as it stands beside the examples in `adapters/broker/schemas/`."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import json

from adapters.broker.documents.asyncapi import document
from adapters.broker.documents.commands import command_examples, command_schemas
from adapters.broker.documents.compatible import broken_promises
from adapters.broker.documents.dialect import Json
from adapters.broker.documents.page import page
from adapters.broker.documents.shapes import examples, schemas

FOLDER = Path(__file__).parent.parent / "schemas"


def generated(folder: Path = FOLDER) -> dict[str, str]:
    """The text of each file by its name; the examples are read from `folder`. Raises BaohaoError for a wrong one."""
    told, commands = examples(folder), command_examples(folder)
    shapes = all_schemas()
    files = {f"{name}.json": _text(schema) for name, schema in shapes.items()}
    return {**files, "asyncapi.json": _text(document(told, commands)), "index.html": page(shapes, told, commands)}


def all_schemas() -> dict[str, Json]:
    """Those of messages, of commands and of headers, by name."""
    return schemas() | command_schemas()


def broken(folder: Path = FOLDER) -> list[str]:
    """Promises of the schemas in `folder` that today's messages do not keep, as sentences."""
    files = sorted([*folder.glob("*.v*.json"), *folder.glob("commands/*.v*.json")])
    former = {file.relative_to(folder).with_suffix("").as_posix(): json.decode(file.read_bytes()) for file in files}
    return broken_promises(former, all_schemas())


def drifted(files: Mapping[str, str], folder: Path = FOLDER) -> list[str]:
    """Names of the files that are missing in `folder`, or stand there with another text."""
    return [name for name, text in files.items() if not _holds(folder / name, text)]


def _holds(file: Path, text: str) -> bool:
    return file.is_file() and file.read_text("utf-8") == text


def _text(value: Json) -> str:
    return json.format(json.encode(value), indent=2).decode() + "\n"
