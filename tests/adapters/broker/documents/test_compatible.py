"""A change of the contract that would break a reader is named; one that would not is let through."""

from copy import deepcopy

import pytest

from adapters.broker.documents.compatible import broken_promises
from adapters.broker.documents.shapes import schemas

NAME = "card_renewed.v1"
FORMER = schemas()[NAME]


def changed(change):
    today = deepcopy(FORMER)
    change(today, today["properties"])
    return broken_promises({NAME: FORMER}, {NAME: today})


def without_months(schema, fields):
    del fields["months"]
    schema["required"].remove("months")


def one_choice_less(_, fields):
    fields["attempt_id"]["anyOf"].pop()


def amount_without_currency(schema, _):
    amount = schema["$defs"]["Amount"]
    del amount["properties"]["currency"]
    amount["required"].remove("currency")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (without_months, "card_renewed.v1: field months was removed"),
        (
            lambda schema, _: schema["required"].remove("months"),
            "card_renewed.v1: field months may be missing now, on which readers rely",
        ),
        (
            lambda schema, fields: (fields.update(colour={"type": "string"}), schema["required"].append("colour")),
            "card_renewed.v1: field colour is required now, and former messages may be without it",
        ),
        (
            lambda _, fields: fields["months"].update(type="string"),
            "card_renewed.v1: field months was {'type': 'integer'}, and is {'type': 'string'} now",
        ),
        (
            lambda _, fields: fields["months"].update(maximum=12),
            "card_renewed.v1: field months was {'type': 'integer'}, and is {'type': 'integer', 'maximum': 12} now",
        ),
        (
            lambda _, fields: fields["term_number"].pop("minimum"),
            "card_renewed.v1: field term_number was {'type': 'integer', 'minimum': 0}, and is {'type': 'integer'} now",
        ),
        (one_choice_less, "card_renewed.v1: field attempt_id was {'choices': 2}, and is {'choices': 1} now"),
        (
            lambda schema, _: schema.update(additionalProperties=False),
            "card_renewed.v1: it was {'type': 'object'}, and is {'type': 'object', 'additionalProperties': False} now",
        ),
    ],
)
def test_a_change_that_breaks_a_reader_is_named(change, sentence):
    assert changed(change) == [sentence]


def test_a_part_of_several_fields_is_named_in_each():
    assert changed(amount_without_currency) == [
        f"card_renewed.v1: field {field}.currency was removed"
        for field in ("price", "from_balance", "reactivation_fee")
    ]


def test_a_message_that_is_gone_is_named():
    assert broken_promises({NAME: FORMER}, {}) == ["card_renewed.v1 was removed: readers wait for it in silence"]


@pytest.mark.parametrize(
    "change",
    [
        lambda _, fields: fields.update(colour={"type": "string", "default": ""}),
        lambda schema, _: schema["$defs"]["Amount"]["properties"].update(shown={"type": "string"}),
        lambda schema, _: schema.update(description="Other words."),
        lambda _, fields: fields["months"].update(description="Other words."),
    ],
    ids=["a new field", "a new field of a part", "other words", "other words of a field"],
)
def test_what_breaks_no_reader_is_allowed(change):
    assert changed(change) == []


def test_a_new_message_breaks_nobody():
    assert broken_promises({}, {NAME: FORMER}) == []
