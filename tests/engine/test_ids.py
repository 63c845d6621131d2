"""Ids are the standard's own: of version 5 if they follow from their purpose, of version 4 if they are random."""

from uuid import RFC_4122, UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from engine.card.ids import derived_id
from engine.store.appending import random_event_ids


@given(st.uuids(), st.text())
def test_a_derived_id_is_the_version_5_uuid_of_its_purpose(card_id, purpose):
    assert derived_id(card_id, purpose) == uuid5(card_id, purpose)


def test_event_ids_are_random_uuids_of_version_4():
    ids = list(random_event_ids(2000))
    assert {(type(one), one.version, one.variant) for one in ids} == {(UUID, 4, RFC_4122)}
    assert [UUID(str(one)) for one in ids] == ids
    assert len(set(ids)) == 2000
    differing = 0
    for one in ids:
        differing |= one.int ^ ids[0].int
    assert differing == 2**128 - 1 - (0xF << 76) - (0b11 << 62)  # every other bit is chance
