"""Values: frozen, small in JSON, and validated by pydantic where they come from outside."""

from collections.abc import Mapping
from typing import Annotated

import pytest
from msgspec import ValidationError as NotOfItsTypesError
from msgspec import json
from pydantic import BaseModel, Field, ValidationError

from engine.value import Value


class Inner(Value):
    name: Annotated[str, Field(min_length=1)]


class Outer(Value):
    inner: Inner
    count: Annotated[int, Field(ge=0)] = 0
    by_name: Mapping[str, int] = {}


class Model(BaseModel):
    given: Outer


PLAIN = Outer(Inner("a"))


def test_a_value_cannot_be_changed():
    with pytest.raises(AttributeError):
        PLAIN.count = 1


def test_values_are_compared_by_content():
    assert Outer(Inner("a")) == PLAIN
    assert hash(Inner("a")) == hash(Inner("a"))
    assert Outer(Inner("b")) != PLAIN


def test_a_field_that_holds_its_default_is_left_out_of_json_and_read_back():
    assert json.encode(PLAIN) == b'{"inner":{"name":"a"}}'
    assert json.decode(b'{"inner":{"name":"a"}}', type=Outer) == PLAIN


def test_our_own_json_is_validated_by_its_types():
    with pytest.raises(NotOfItsTypesError, match=r"\$\.inner\.name"):
        json.decode(b'{"inner":{"name":1}}', type=Outer)


def test_from_outside_it_becomes_a_value_whose_defaults_are_its_own():
    one, other = (Model.model_validate({"given": {"inner": {"name": "a"}}}).given for _ in range(2))
    assert one == other == PLAIN
    assert one.by_name is not other.by_name


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"inner": {"name": ""}}, ("given", "inner", "name")),
        ({"inner": {}}, ("given", "inner", "name")),
        ({"inner": {"name": "a"}, "count": -1}, ("given", "count")),
        ({"inner": {"name": "a"}, "unheard_of": 1}, ("given", "unheard_of")),
        (Outer(Inner("")), ("given", "inner", "name")),
        (Outer(Inner("a"), count=-1), ("given", "count")),
        ("no value", ("given",)),
    ],
)
def test_from_outside_everything_is_validated_and_the_place_is_reported(given, place):
    with pytest.raises(ValidationError) as refused:
        Model(given=given)
    assert [error["loc"] for error in refused.value.errors()] == [place]


def test_a_model_shows_all_of_a_value():
    shown = {"given": {"inner": {"name": "a"}, "count": 0, "by_name": {}}}
    assert Model(given=PLAIN).model_dump() == shown
    assert Model.model_validate_json(Model(given=PLAIN).model_dump_json()) == Model(given=PLAIN)
    assert Model.model_json_schema()["properties"]["given"]["required"] == ["inner"]
