"""Ids that follow from their purpose are the standard's own."""

from uuid import uuid5

from hypothesis import given
from hypothesis import strategies as st

from engine.card.ids import derived_id


@given(st.uuids(), st.text())
def test_a_derived_id_is_the_version_5_uuid_of_its_purpose(card_id, purpose):
    assert derived_id(card_id, purpose) == uuid5(card_id, purpose)
