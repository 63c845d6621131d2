"""The contract as one page for people, without scripts and complete in itself."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from msgspec import json

from adapters.broker.commands import ANSWERS_STREAM, ANSWERS_SUBJECT, ASK_SUBJECT, COMMANDS_STREAM, COMMANDS_SUBJECT
from adapters.broker.documents.commands import QUEUED, CommandExample, name_of
from adapters.broker.documents.dialect import Json
from adapters.broker.documents.shapes import ANSWER_HEADERS, CARD_HEADERS, MESSAGES, STREAM_HEADERS, Example, headers_of
from adapters.broker.events import EVENTS_STREAM, TYPE_PREFIX, subject_of
from adapters.broker.jobs import JOBS
from adapters.broker.messages import answers, card, charging, epochs, money, renewal, replays
from adapters.broker.messages.replays import REPLAY_FINISHED
from adapters.broker.replays import REPLAY_SUBJECT

_environment = Environment(
    loader=PackageLoader("adapters.broker.documents", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_SECTIONS = (
    ("The card", card),
    ("Renewal", renewal),
    ("Charges", charging),
    ("Money beside charges", money),
    ("The stream itself", epochs),
    ("A replay", replays),
    ("Answers to commands", answers),
)


def _code(text: str) -> Markup:
    """What stands between backquotes, as code."""
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part)
        for number, part in enumerate(text.split("`"))
    )


_environment.filters["code"] = _code


class Field(NamedTuple):
    """One row of a table of fields."""

    name: str
    type: str
    always: bool
    """Whether former messages of the version have it too."""
    description: str


class Shown(NamedTuple):
    """One message as it is shown."""

    name: str
    type: str
    subject: str
    summary: str
    fields: list[Field]
    example: str


def page(schemas: Mapping[str, Json], examples: Mapping[str, Example], commands: Mapping[str, CommandExample]) -> str:
    """The page as HTML."""
    sections = [
        (title, [_shown(name, schemas[name], examples[name]) for name in MESSAGES if _is_of(name, module.__name__)])
        for title, module in _SECTIONS
    ]
    return _environment.get_template("page.html").render(
        sections=sections,
        stream=EVENTS_STREAM,
        headers=[("of a message about a card", list(_fields(schemas[CARD_HEADERS])))],
        stream_headers=[one.name for one in _fields(schemas[STREAM_HEADERS])],
        answer_headers=[one.name for one in _fields(schemas[ANSWER_HEADERS])],
        subject_of_all=subject_of("<event>", "<card id>"),
        commands=[_shown_command(name, schemas[name_of(name)], commands[name]) for name in QUEUED],
        doors=[f"{door}.<sender>.<command>" for door in (COMMANDS_SUBJECT, ASK_SUBJECT)],
        answers=f"{ANSWERS_SUBJECT}.<sender>.<answer>",
        answers_stream=ANSWERS_STREAM,
        commands_stream=COMMANDS_STREAM,
        jobs=list(JOBS),
    )


def _is_of(name: str, module: str) -> bool:
    return MESSAGES[name].__module__ == module


def _shown(name: str, schema: Json, example: Example) -> Shown:
    lines = [f"{header}: {value}" for header, value in example.headers.items()]
    return Shown(
        name,
        TYPE_PREFIX + name,
        _SUBJECTS[headers_of(name)](name),
        schema["description"].replace("\n", " "),
        list(_fields(schema)),
        "\n".join([*lines, "", _body(example.data)]),
    )


_REPLAY_END = f"{REPLAY_SUBJECT}.<reader>.stream.replay_finished"
_SUBJECTS: Mapping[str, Callable[[str], str]] = {
    CARD_HEADERS: lambda name: subject_of(name, "<card id>"),
    STREAM_HEADERS: lambda name: _REPLAY_END if name == REPLAY_FINISHED else subject_of(name, None),
    ANSWER_HEADERS: lambda name: f"{ANSWERS_SUBJECT}.<sender>.{name.partition('.')[0]}",
}


def _shown_command(name: str, schema: Json, example: CommandExample) -> Shown:
    subject = f"{COMMANDS_SUBJECT}.<sender>.{name}"
    return Shown(name, name, subject, schema["description"], list(_fields(schema)), _body(example.body))


def _body(data: Json) -> str:
    return json.format(json.encode(data), indent=2).decode()


def _fields(schema: Json) -> Iterator[Field]:
    for name, shape in schema["properties"].items():
        yield Field(name, _type(shape), name in schema.get("required", ()), shape.get("description", ""))


def _type(shape: Any) -> str:  # noqa: ANN401 (JSON of any kind)
    if "anyOf" in shape:
        return " or ".join(_type(one) for one in shape["anyOf"])
    if "$ref" in shape:
        return shape["$ref"].rpartition("/")[2]
    if "const" in shape or "enum" in shape:
        return " | ".join(f"“{one}”" if isinstance(one, str) else str(one) for one in _choices(shape))
    if shape["type"] == "object" and shape["properties"].keys() == {"minor", "currency"}:
        return "Amount"
    if shape["type"] == "array":
        return f"list of {_type(shape['items'])}"
    named: str = shape["type"]
    return {"date": "day", "date-time": "instant", "uuid": "UUID"}.get(shape.get("format", ""), named)


def _choices(shape: Json) -> list[object]:
    return shape.get("enum", [shape.get("const")])
