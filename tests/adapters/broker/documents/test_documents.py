"""The contract as it is committed: complete, up to date, valid by the standards, and true of real messages."""

import json
import lzma
from pathlib import Path

import jsonschema_rs
import msgspec
import pytest

from adapters.broker.commands import GivenJob, read
from adapters.broker.contract import message_of
from adapters.broker.documents.asyncapi import document
from adapters.broker.documents.building import FOLDER, all_schemas, broken, drifted, generated
from adapters.broker.documents.commands import QUEUED, command_examples, name_of
from adapters.broker.documents.shapes import MESSAGES, examples, headers_of
from adapters.broker.events import Cell, card_event
from adapters.broker.messages.answers import CommandRefused
from engine.errors import BaohaoError
from tests.engine.random_histories import random_history
from tests.projections.folding import recorded

OFFICIAL = Path(__file__).with_name("asyncapi-3.0.0.json.xz")
EXAMPLES = examples(FOLDER)
COMMANDS = command_examples(FOLDER)
DOCUMENT = document(EXAMPLES, COMMANDS)


@pytest.fixture(scope="module")
def validators():
    """By name, the judge of each committed schema, formats included."""
    return {
        name: jsonschema_rs.Draft202012Validator(
            json.loads((FOLDER / f"{name}.json").read_bytes()), validate_formats=True
        )
        for name in all_schemas()
    }


def test_what_is_committed_is_what_would_be_generated():
    assert drifted(generated()) == []


def test_nothing_that_readers_were_promised_is_broken():
    assert broken() == []


def test_each_message_has_its_files_and_there_are_no_others():
    named = [*MESSAGES, *map(name_of, QUEUED)]
    built = {*generated(), *(f"examples/{name}.json" for name in named)}
    assert {file.relative_to(FOLDER).as_posix() for file in FOLDER.rglob("*") if file.is_file()} == built


def test_the_document_is_valid_by_the_official_schema():
    official = jsonschema_rs.validator_for(json.loads(lzma.decompress(OFFICIAL.read_bytes())))
    assert [error.message for error in official.iter_errors(DOCUMENT)] == []
    assert not official.is_valid(DOCUMENT | {"channels": {"cards": {"address": 5}}})


def references(value):
    if isinstance(value, list):
        return [found for one in value for found in references(one)]
    if not isinstance(value, dict):
        return []
    own = [value["$ref"]] if "$ref" in value else []
    return [*own, *(found for one in value.values() for found in references(one))]


def test_each_reference_in_the_document_leads_somewhere():
    assert len(references(DOCUMENT)) > 100
    for reference in references(DOCUMENT):
        found = DOCUMENT
        for key in reference.removeprefix("#/").split("/"):
            found = found[key]


def test_the_document_names_each_message_at_its_address():
    cards, stream = DOCUMENT["channels"]["cards"], DOCUMENT["channels"]["stream"]
    channels = [DOCUMENT["channels"][name]["messages"] for name in ("cards", "stream", "replaysEnd", "answers")]
    assert {name for channel in channels for name in channel} == set(MESSAGES)
    assert set(DOCUMENT["components"]["messages"]) == {*MESSAGES, *(f"{name}.v1" for name in QUEUED)}
    for name in cards["messages"]:
        event, card_id = name.partition(".")[0], EXAMPLES[name].headers["ce-subject"]
        assert event in cards["parameters"]["event"]["enum"]
        address = cards["address"].replace("{card_id}", card_id).replace("{event}", event)
        assert address == f"baohao.v1.card.{card_id}.{event}"
    assert stream["address"] == "baohao.v1.stream.epoch_started"


@pytest.mark.parametrize("name", MESSAGES)
def test_the_example_of_a_message_fits_its_schemas_and_its_struct(name, validators):
    """Examples stay as they were first written: today's program and schema take the messages of then."""
    example = EXAMPLES[name]
    validators[name].validate(example.data)
    validators[headers_of(name)].validate(dict(example.headers))
    assert example.headers["ce-type"] == f"baohao.{name}"
    today = msgspec.to_builtins(msgspec.convert(example.data, MESSAGES[name]))
    assert {field: today[field] for field in example.data} == example.data


@pytest.mark.parametrize("name", QUEUED)
def test_the_example_of_a_command_fits_its_schema_and_is_read_as_that_command(name, validators):
    body = COMMANDS[name].body
    validators[name_of(name)].validate(body)
    assert isinstance(said(name, body), QUEUED[name])
    without_id = {field: value for field, value in body.items() if field != "command_id"}
    for changed in (body | {"colour": "red"}, body | {"command_id": "x" * 101}, without_id):
        assert not validators[name_of(name)].is_valid(changed)
        assert isinstance(said(name, changed), CommandRefused)


def said(name, body):
    given = read(f"baohao.v1.command.crm.{name}", json.dumps(body).encode(), {"crm"})
    return given.job if isinstance(given, GivenJob) else given.said


def test_messages_of_random_histories_fit_their_schemas(validators):
    kinds = set()
    for seed in range(30):
        for version, fact in enumerate(random_history(seed, 60).facts, start=1):
            if message_of(fact) is None:
                continue
            event = card_event(recorded(fact, version), Cell("main"))
            name = event.headers["ce-type"].removeprefix("baohao.")
            kinds.add(name)
            validators[name].validate(json.loads(event.body))
            validators[headers_of(name)].validate({**event.headers, "Nats-Msg-Id": event.message_id})
    assert len(kinds) > 30


@pytest.mark.parametrize(
    "data", [{"by": "somebody"}, {}, {"by": None}], ids=["an unknown word", "a missing field", "null"]
)
def test_a_schema_refuses_what_is_no_such_message(validators, data):
    assert not validators["card_held.v1"].is_valid(data)


def test_the_page_names_each_message_and_needs_nothing_from_elsewhere():
    text = (FOLDER / "index.html").read_text("utf-8")
    for name in (*MESSAGES, *QUEUED):
        assert f'<section id="{name}">' in text
        assert f'href="#{name}"' in text
    assert "http" not in text.replace("https://json-schema.org", "")
    assert "<script" not in text


def test_a_message_without_an_example_is_refused(tmp_path):
    with pytest.raises(BaohaoError, match=r"the example of card_registered\.v1 is missing or wrong"):
        generated(tmp_path)
