"""The recorder on a real PostgreSQL: the library's own cases, append-only, whole cards, positions in order."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.tests import persistence as published

from engine.store.recorder import Answers, Besides, CardRecorder, Snapshot, datastore

NOBODY = Answers(frozenset(), {})


def events(card_id: UUID, *versions: int, state: bytes = b"{}") -> list[StoredEvent]:
    return [StoredEvent(card_id, version, "topic", state) for version in versions]


def versions_of(recorder: CardRecorder, card_id: UUID) -> list[int]:
    return [event.originator_version for event in recorder.select_events(card_id)]


class OnAnEmptyDatabase:
    """Gives a published case the recorder that it asks for."""

    @pytest.fixture(autouse=True)
    def _database(self, database_url):
        with datastore(database_url, pool_size=7) as self.pool:
            yield

    def create_recorder(self) -> CardRecorder:
        recorder = CardRecorder(self.pool)
        recorder.create_table()
        return recorder


class TestAsAnApplicationRecorder(OnAnEmptyDatabase, published.ApplicationRecorderTestCase):
    test_performance = None  # timings, which hold for no machine but their own
    test_concurrent_throughput = None

    def test_insert_subscribe(self):
        self.optional_test_insert_subscribe()


class TestNotificationIdsDoNotInterleave(OnAnEmptyDatabase, published.NonInterleavingNotificationIDsBaseCase):
    pass


# Append-only


CHANGES = {
    "update": "UPDATE card_events SET state = ''",
    "update of nothing": "UPDATE card_events SET topic = 'x' WHERE false",
    "delete": "DELETE FROM card_events",
    "truncate": "TRUNCATE card_events",
    "upsert": """
        INSERT INTO card_events SELECT * FROM card_events
        ON CONFLICT (originator_id, originator_version) DO UPDATE SET state = ''
    """,
    "merge": "MERGE INTO card_events USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
}


@pytest.mark.parametrize("statement", CHANGES.values(), ids=CHANGES)
def test_the_database_refuses_to_change_a_fact(recorder, connection, statement):
    card_id = uuid4()
    recorder.append_many(events(card_id, 1, 2, state=b"as it was"))
    with pytest.raises(psycopg.errors.RestrictViolation, match="card_events is append-only"):
        connection.execute(statement)
    assert recorder.select_events(card_id) == events(card_id, 1, 2, state=b"as it was")


def test_creating_the_tables_again_harms_nothing(recorder):
    card_id = uuid4()
    recorder.append_many(events(card_id, 1))
    recorder.create_table()
    assert versions_of(recorder, card_id) == [1]


# Many cards at a time


def test_many_cards_are_stored_in_one_transaction_in_the_order_given(recorder, connection):
    cards = [uuid4() for _ in range(400)]
    batch = [event for card_id in cards for event in events(card_id, 1, 2, 3)]
    assert recorder.append_many(batch) == NOBODY
    rows = connection.execute(
        "SELECT originator_id, originator_version, xmin::text FROM card_events ORDER BY notification_id"
    ).fetchall()
    assert [(card_id, version) for card_id, version, _ in rows] == [(c, v) for c in cards for v in (1, 2, 3)]
    assert len({transaction for *_, transaction in rows}) == 1


def test_nothing_to_append_is_no_conflict(recorder):
    assert recorder.append_many([]) == NOBODY


def test_a_card_in_conflict_is_left_out_whole_and_the_others_are_stored(recorder):
    taken, free, new = uuid4(), uuid4(), uuid4()
    recorder.append_many(events(taken, 1, 2) + events(free, 1))
    batch = events(taken, 2, 3, 4) + events(free, 2, 3) + events(new, 1, 2)
    assert recorder.append_many(batch) == Answers(frozenset({taken}), {})
    assert versions_of(recorder, taken) == [1, 2]
    assert versions_of(recorder, free) == [1, 2, 3]
    assert versions_of(recorder, new) == [1, 2]


def test_when_all_are_in_conflict_nothing_is_stored(recorder, connection):
    one, other = uuid4(), uuid4()
    recorder.append_many(events(one, 1) + events(other, 1))
    assert recorder.append_many(events(one, 1, 2) + events(other, 1, 2)) == Answers(frozenset({one, other}), {})
    assert connection.execute("SELECT count(*) FROM card_events").fetchone() == (2,)


def test_a_card_in_conflict_gets_no_snapshot(recorder):
    taken, free = uuid4(), uuid4()
    recorder.append_many(events(taken, 1))
    snapshots = [Snapshot(taken, 2, 1, b"wrong"), Snapshot(free, 2, 1, b"right")]
    recorder.append_many(events(taken, 1, 2) + events(free, 1, 2), Besides(snapshots))
    of_taken, of_free = recorder.load_many([taken, free], 1)
    assert of_taken.snapshot is None
    assert of_free.snapshot == Snapshot(free, 2, 1, b"right")


def test_inserting_at_a_taken_version_inserts_nothing(recorder):
    taken, new = uuid4(), uuid4()
    recorder.insert_events(events(taken, 1))
    with pytest.raises(IntegrityError):
        recorder.insert_events(events(new, 1) + events(taken, 1))
    assert versions_of(recorder, new) == []


def test_loading_gives_the_latest_snapshot_of_the_wanted_kind_and_the_events_after_it(recorder):
    with_one, without, never_heard_of = uuid4(), uuid4(), uuid4()
    recorder.append_many(events(with_one, 1, 2) + events(without, 1, 2), Besides([Snapshot(with_one, 2, 7, b"two")]))
    recorder.append_many(events(with_one, 3, 4, 5), Besides([Snapshot(with_one, 4, 7, b"four")]))
    with_snapshot = (Snapshot(with_one, 4, 7, b"four"), [(5, "topic", b"{}")])
    assert recorder.load_many([without, with_one, never_heard_of, with_one], 7) == [
        (None, [(1, "topic", b"{}"), (2, "topic", b"{}")]),
        with_snapshot,
        (None, []),
        with_snapshot,
    ]
    (of_another_kind,) = recorder.load_many([with_one], 8)
    assert of_another_kind == (None, [(version, "topic", b"{}") for version in (1, 2, 3, 4, 5)])


# Several writers


def test_many_streams_are_loaded_each_in_its_order_however_their_events_are_mixed(recorder):
    cards = [uuid4() for _ in range(60)]
    for version in range(1, 8):
        snapshots = [Snapshot(card_id, version, 1, b"state") for card_id in cards[::3]] if version == 4 else []
        recorder.append_many([event for card_id in cards for event in events(card_id, version)], Besides(snapshots))
    for place, tail in enumerate(recorder.load_many(cards, 1)):
        first = 5 if place % 3 == 0 else 1
        assert (tail.snapshot is not None) == (place % 3 == 0)
        assert [version for version, _, _ in tail.events] == list(range(first, 8))


def test_of_several_writers_exactly_one_wins_each_version(new_recorder):
    cards, versions, writers = [uuid4() for _ in range(4)], range(1, 26), 5
    at_once = Barrier(writers, timeout=20)

    def write(name: bytes) -> Counter:
        recorder, won = new_recorder(), Counter()
        for version in versions:
            at_once.wait()
            batch = [event for card_id in cards for event in events(card_id, version, state=name)]
            won.update((card_id, version) for card_id in set(cards) - recorder.append_many(batch).conflicts)
        return won

    with ThreadPoolExecutor(writers) as pool:
        won = sum(pool.map(write, [b"%d" % n for n in range(writers)]), Counter())
    assert won == dict.fromkeys([(card_id, version) for card_id in cards for version in versions], 1)
    assert {tuple(versions_of(new_recorder(), card_id)) for card_id in cards} == {tuple(versions)}


def test_whoever_follows_the_positions_sees_each_event_once_in_its_order(new_recorder, connect):
    """Positions are drawn before their transactions commit: one that commits late must not be passed over."""
    writers, batches, per_card = 4, 40, 3
    done = Event()

    def write(_: int) -> None:
        recorder = new_recorder()
        for number in range(batches):
            cards = [uuid4() for _ in range(1 + number * 7 % 40)]
            append = recorder.append_many if number % 2 else recorder.insert_events
            append([event for card_id in cards for event in events(card_id, *range(1, per_card + 1))])

    def follow() -> list[tuple[int, UUID, int]]:
        connection, seen, position = connect(), [], 0
        while True:
            finished = done.is_set()
            rows = connection.execute(
                "SELECT notification_id, originator_id, originator_version FROM card_events "
                "WHERE notification_id > %s ORDER BY notification_id LIMIT 100",
                (position,),
            ).fetchall()
            if not rows and finished:
                return seen
            seen += rows
            position = seen[-1][0] if seen else 0

    with ThreadPoolExecutor(writers + 1) as pool:
        following = pool.submit(follow)
        try:
            list(pool.map(write, range(writers)))
        finally:
            done.set()
        seen = following.result()
    stored = connect().execute(
        "SELECT notification_id, originator_id, originator_version FROM card_events ORDER BY notification_id"
    )
    assert seen == stored.fetchall()
    assert len(seen) == writers * per_card * sum(1 + number * 7 % 40 for number in range(batches))
    assert [position for position, _, _ in seen] == list(range(1, len(seen) + 1))
