"""Instants as stored facts hold them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from engine.instant import Instant

INSTANTS = TypeAdapter(Instant)


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_is_read_as_it_was_written_in_utc_itself(instant):
    read = INSTANTS.validate_json(INSTANTS.dump_json(instant))

    assert read == instant
    assert read.tzinfo is UTC


@given(st.datetimes(timezones=st.just(UTC)))
def test_it_is_written_as_any_datetime_is(instant):
    assert INSTANTS.dump_json(instant) == TypeAdapter(datetime).dump_json(instant)


@pytest.mark.parametrize("garbage", ["7", "null", '"yesterday"', '"2027-13-01T00:00:00Z"', "[]"])
def test_anything_else_is_no_instant(garbage):
    with pytest.raises(ValidationError):
        INSTANTS.validate_json(garbage)
