"""A state that does not fit its facts: a changed snapshot is not used, an attempt is recorded once whatever happens."""

import pytest
from eventsourcing.persistence import IntegrityError

from engine.errors import CorruptHistoryError
from engine.store.port import Refusals
from engine.store.streams import Store
from tests.engine.samples import CHARGING, DECLINED, PAYING, switched_off
from tests.engine.test_store import append, long_lived, stored

WRONG = {
    "changed": "state = overlay(state PLACING '7'::bytea FROM position('1'::bytea IN state))",
    "of another version": "version = version - 1",
    "of a fact that the log does not have": "version = version + 100",
    "without a checksum": "state = substring(state FROM 17)",
    "empty": "state = ''",
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_a_snapshot_that_does_not_fit_its_facts_is_told_and_the_card_is_loaded_from_them(recorder, connection, change):
    told = []
    store = Store(recorder, wrong_snapshot=told.append)
    stream, other = long_lived(store), stored(store, *PAYING)
    connection.execute(f"UPDATE card_events_snapshots SET {change}")
    assert store.load_many([stream.card_id, other.card_id]) == {stream.card_id: stream, other.card_id: other}
    assert told == [stream.card_id]


def test_nobody_need_be_told(store, connection):
    stream = long_lived(store)
    connection.execute("UPDATE card_events_snapshots SET state = ''")
    assert store.load_many([stream.card_id]) == {stream.card_id: stream}


def test_the_snapshot_of_another_card_is_not_used(recorder, connection):
    told = []
    store = Store(recorder, wrong_snapshot=told.append)
    stream = long_lived(store)
    other = stored(store, *DECLINED, *[switched_off()] * 3)
    connection.execute(
        "UPDATE card_events_snapshots s SET state = o.state, version = o.version FROM card_events_snapshots o "
        "WHERE s.card_id = %s AND o.card_id = %s",
        (other.card_id, stream.card_id),
    )
    assert store.load_many([other.card_id])[other.card_id] == other
    assert told == [other.card_id]


@pytest.mark.parametrize("change", ["DELETE FROM card_events", "UPDATE card_events SET originator_version = 99"])
def test_a_card_one_of_whose_facts_is_missing_is_not_read(store, connection, change):
    stream, other = stored(store, *PAYING), stored(store, *DECLINED)
    connection.execute("DELETE FROM card_events_snapshots")
    connection.execute("ALTER TABLE card_events DISABLE TRIGGER USER")
    connection.execute(f"{change} WHERE originator_id = %s AND originator_version = 2", [stream.card_id])
    loaded = store.load_many([stream.card_id, other.card_id])
    assert isinstance(loaded[stream.card_id], CorruptHistoryError)
    assert loaded[other.card_id] == other
    with pytest.raises(CorruptHistoryError, match="the fact of version 2 is missing"):
        store.history(stream.card_id)


# Attempts


def test_an_attempt_that_the_log_holds_is_not_recorded_again_and_the_others_are_stored(store):
    stream, other = stored(store, *CHARGING), stored(store, *PAYING)
    twice = append(stream, CHARGING[-1])
    refusals = store.append_many([twice, append(other, switched_off())])
    assert refusals == Refusals(frozenset(), {}, frozenset({stream.card_id}))
    assert len(store.history(stream.card_id)) == len(CHARGING)
    assert len(store.history(other.card_id)) == len(PAYING) + 1


def test_a_batch_with_two_writes_for_one_stream_is_an_error_of_the_caller(store):
    stream = stored(store, *PAYING)
    with pytest.raises(IntegrityError):
        store.append_many([append(stream, switched_off()), append(stream, switched_off())])
    assert len(store.history(stream.card_id)) == len(PAYING)
