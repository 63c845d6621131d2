"""Whatever a message at a door holds, it is a command or a refusal, and repeats nothing that must not be told."""

import json
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.broker.commands import KINDS, answer_event, own_id, read
from adapters.broker.events import Cell
from adapters.broker.messages.answers import CommandAccepted, CommandRefused
from adapters.clock import recorded_now
from tests.engine.every_command import EXAMPLES

CARD = "0b2f7d1e-5a3c-5d7e-9f10-2b6c8d4e1a90"
NAMES = st.sampled_from([*KINDS, "make_tea"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.just("4242424242424242"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.dictionaries(
    st.sampled_from(["command_id", "card_id", "amount", "holder_id", "method", "reason", "colour"])
    | st.text(max_size=9),
    VALUES,
    max_size=4,
)


def assert_answerable(name, body):
    given_by, said = read(f"baohao.v1.command.crm.{name}", body, {"crm"})
    assert given_by == "crm"
    answer = said
    if not isinstance(said, CommandRefused):
        assert type(said) is KINDS[name]
        answer = CommandAccepted(command_id=own_id(said), card_id=said.card_id, changed=True)
    told = answer_event(answer, "crm", "1", Cell("main"), recorded_now())
    assert json.loads(told.body).keys() >= {"command_id", "card_id"}
    assert len(told.body) + sum(len(key + value) for key, value in told.headers.items()) < 8000
    assert b"4242424242424242" not in told.body
    assert not any(sign in value for value in told.headers.values() for sign in "\r\n\0")


@given(NAMES, st.binary(max_size=200))
def test_any_bytes(name, body):
    assert_answerable(name, body)


@settings(max_examples=300)
@given(st.sampled_from(list(KINDS)), FIELDS)
def test_any_fields_in_place_of_the_right_ones(name, changed):
    body = {"command_id": "1", "card_id": CARD, **EXAMPLES[KINDS[name]].fields, **changed}
    assert_answerable(name, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        ({"command_id": "corr-77", "card_id": "nope"}, ("corr-77", None)),
        ({"command_id": 77, "card_id": CARD}, (None, UUID(CARD))),
        ({"command_id": "corr-77", "card_id": CARD, "colour": [[[]]]}, ("corr-77", UUID(CARD))),
    ],
)
def test_a_refusal_repeats_each_id_that_can_be_read(body, ids):
    _, said = read("baohao.v1.command.crm.hold_card", json.dumps({"reason": "asked", **body}).encode(), {"crm"})
    assert (said.command_id, said.card_id) == ids
    assert said.code == "malformed"


def test_a_field_that_does_not_exist_is_named_in_plain_words():
    body = {"command_id": "1", "card_id": CARD, "reason": "asked", "colour": "red"}
    _, said = read("baohao.v1.command.crm.hold_card", json.dumps(body).encode(), {"crm"})
    assert (said.field, said.message) == ("colour", "there is no such field; see the contract")


@given(NAMES, st.integers(0, 400), st.binary(min_size=1, max_size=4))
def test_any_bytes_within_a_right_one(name, place, dirt):
    fields = EXAMPLES[KINDS[name]].fields if name in KINDS else {}
    text = json.dumps({"command_id": "1", "card_id": CARD, **fields}).encode()
    assert_answerable(name, text[:place] + dirt + text[place:])


@given(st.text(max_size=40))
def test_any_sender_and_name_of_a_subject(name):
    assert isinstance(read(f"baohao.v1.command.{name}.{name}", b"{}", {"crm"}).said, CommandRefused)
