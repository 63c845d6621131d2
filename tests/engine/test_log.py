"""The log as followers read it: in order, from any position, with a notification when there is more."""

from datetime import timedelta
from uuid import UUID

import pytest

from engine.envelope import NAME_OF
from engine.errors import CorruptHistoryError, UnknownFactError
from engine.store.log import (
    FACTS_CHANNEL,
    Listener,
    head,
    newest,
    newest_of,
    place,
    read_log,
    read_others,
    read_rows,
    read_rows_of,
    read_streams,
    read_stretch,
    stretches,
)
from tests.engine.random_histories import RECORDED_AT, random_history, store_all

AT_ONCE, LONG = timedelta(0), timedelta(seconds=10)


@pytest.fixture
def histories(store):
    histories = [random_history(seed, 20) for seed in range(8)]
    store_all(store, histories)
    return histories


def test_an_empty_log_has_no_facts_and_no_head(connection):
    assert (read_log(connection, 0, 10), head(connection)) == ([], 0)


def test_the_newest_time_of_the_facts_after_a_position_is_that_of_any_of_them(connection, histories):
    facts = read_log(connection, 0, 1000)
    found = newest(connection, 0)
    assert found.position == facts[-1].position
    latest = max(max(one.fact.at, RECORDED_AT) for one in facts)
    assert timedelta(0) <= found.time - latest <= timedelta(seconds=1)
    assert newest(connection, found.position) == (found.position, None)


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_a_follower_reads_every_fact_once_and_in_order_whatever_its_batch(connection, histories, limit):
    read = []
    while batch := read_log(connection, read[-1].position if read else 0, limit):
        assert len(batch) <= limit
        read += batch
    assert [one.position for one in read] == list(range(1, head(connection) + 1))
    for history in histories:
        theirs = [one for one in read if one.card_id == history.card_id]
        assert [one.fact for one in theirs] == list(history.facts)
        assert [one.version for one in theirs] == list(range(1, len(theirs) + 1))


@pytest.mark.parametrize("limit", [1, 3, 10_000])
def test_a_reader_of_all_but_some_kinds_of_facts_sees_each_other_one_once_and_reaches_the_end(
    connection, histories, limit
):
    skipped = [name for name in NAME_OF.values() if name not in {"charge_succeeded.v1", "card_renewed.v1"}]
    wanted = [one for one in read_log(connection, 0, 10_000) if NAME_OF[type(one.fact)] not in skipped]
    assert wanted
    read, position = [], 0
    while position < head(connection):
        rows, upto = read_others(connection, skipped, position, limit)
        assert len(rows) <= limit
        assert position < upto
        read, position = read + rows, upto
    assert read == wanted
    assert read_others(connection, skipped, position, limit) == ([], position)


def test_a_reader_that_finds_no_other_fact_reaches_the_end(connection, histories):
    assert read_others(connection, list(NAME_OF.values()), 0, 10) == ([], head(connection))


def test_a_reader_of_all_but_some_kinds_does_not_pass_over_a_fact_of_an_unknown_name(connection, histories):
    connection.execute(
        "INSERT INTO card_events (originator_id, originator_version, topic, state) VALUES (%s, 1000, 'x.v1', '{}')",
        (histories[0].card_id,),
    )
    [unknown] = read_others(connection, list(NAME_OF.values()), 0, 10).rows
    assert isinstance(unknown.error, UnknownFactError)


def test_the_last_fact_of_an_append_says_when_its_card_wakes(connection, histories):
    log = read_log(connection, 0, 10_000)
    for history in histories:
        lasts = [one.wake_at for one in log if one.card_id == history.card_id and one.last]
        assert lasts == [append.wake_at for append in history.appends]
    assert {one.recorded_at for one in log} == {RECORDED_AT}


def test_a_fact_that_cannot_be_read_stops_the_reader_and_is_not_skipped(connection, histories):
    connection.execute(
        "INSERT INTO card_events (originator_id, originator_version, topic, state) VALUES (%s, 1000, 'x.v1', '{}')",
        (histories[0].card_id,),
    )
    with pytest.raises(CorruptHistoryError, match=f"card {histories[0].card_id}, version 1000"):
        read_log(connection, 0, 10_000)


def test_a_reader_of_rows_gets_those_that_cannot_be_read_among_the_facts(connection, histories):
    card_id = histories[0].card_id
    before = read_log(connection, 0, 10_000)
    connection.execute(
        "INSERT INTO card_events (originator_id, originator_version, topic, state) VALUES (%s, 1000, 'x.v1', '{}')",
        (card_id,),
    )
    *facts, spoiled = read_rows(connection, 0, 10_000)
    assert facts == before
    assert (spoiled.position, spoiled.card_id, spoiled.version) == (head(connection), card_id, 1000)
    assert str(spoiled.error).startswith(f"card {card_id}, version 1000: no fact is called 'x.v1'")
    ours = [fact for fact in before if fact.card_id == card_id]
    *facts, last = read_rows_of(connection, card_id, ours[1].position, head(connection))
    assert (facts, last[:3]) == (ours[1:], spoiled[:3])
    assert read_rows_of(connection, card_id, ours[1].position, ours[2].position) == ours[1:3]


def test_a_listener_is_woken_by_new_facts_and_sleeps_otherwise(cards_url, store):
    with Listener(cards_url, (FACTS_CHANNEL,)) as listener:
        assert listener.wait(AT_ONCE) is False
        store_all(store, [random_history(1, 5)])
        assert listener.wait(LONG) is True
        while listener.wait(timedelta(milliseconds=50)):
            pass  # one append may be notified more than once
        assert listener.wait(AT_ONCE) is False


def test_the_newest_facts_of_a_card_are_those_before_a_version_oldest_first(connection, histories):
    of_one = histories[0]
    whole = newest_of(connection, of_one.card_id, None, 1000)
    assert [one.fact for one in whole] == list(of_one.facts)
    before = newest_of(connection, of_one.card_id, len(whole), 3)
    assert before == whole[-4:-1]
    assert newest_of(connection, of_one.card_id, 1, 3) == []


@pytest.mark.parametrize("facts", [1, 30, 10_000])
def test_stretches_divide_all_streams_and_each_reads_whole_ones(connection, histories, facts):
    parts = stretches(connection, facts)
    assert parts[0][0] == UUID(int=0)
    assert [first for first, _ in parts[1:]] == [before for _, before in parts[:-1]]
    assert parts[-1][1] is None
    upto, skipped = head(connection), ["charge_attempted.v1"]
    read = [row for first, before in parts for row in read_stretch(connection, skipped, first, before, upto)]
    everything = read_log(connection, 0, 10_000)
    wanted = [one for one in everything if NAME_OF[type(one.fact)] not in skipped]
    assert read == sorted(wanted, key=lambda one: (one.card_id.bytes, one.version))


def test_some_streams_are_read_each_in_order_up_to_a_position(connection, histories):
    everything, upto = read_log(connection, 0, 10_000), head(connection) - 5
    some = sorted({one.card_id for one in everything}, key=lambda one: one.bytes)[1::2]
    wanted = [one for one in everything if one.card_id in some and one.position <= upto]
    assert read_streams(connection, some, upto) == sorted(wanted, key=lambda one: (one.card_id.bytes, one.version))


def test_the_place_of_a_log_grows_with_it_and_names_its_database(connection, store):
    before = place(connection)
    store_all(store, [random_history(1, 20)])
    assert (before.head, place(connection).head) == (0, head(connection))
    assert place(connection).incarnation == before.incarnation != ""
