"""What only PostgreSQL's recorder has: the library's own cases, append-only, several writers, positions in order."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier, Event
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.tests import persistence as published

from engine.envelope import NOT_YET
from engine.errors import ConnectionLostError, LockHeldError, LogReplacedError
from engine.store.recorder import CardRecorder, datastore
from tests.engine.random_histories import RECORDED_AT
from tests.engine.writes import ALL_STORED, append, fact_of, facts, versions_of, write
from tests.journey.patience import until

MINUTE = timedelta(minutes=1)


def events(card_id: UUID, *versions: int) -> list[StoredEvent]:
    return [StoredEvent(card_id, version, "topic", b"{}") for version in versions]


class HeardRecorder(CardRecorder):
    """Its subscriptions begin once they listen: else the library misses what is stored before, and waits for ever."""

    def subscribe(self, *args, **given):
        with self.datastore.get_connection() as connection:
            [begun] = connection.execute("SELECT clock_timestamp()").fetchone().values()
            subscription = super().subscribe(*args, **given)
            query = """
                SELECT FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle'
                AND query LIKE 'LISTEN%%' AND query_start >= %s
            """
            until(lambda: connection.execute(query, (begun,)).rowcount)
        return subscription


class OnAnEmptyDatabase:
    """Provides the recorder for the library's test case."""

    @pytest.fixture(autouse=True)
    def _database(self, database_url):
        with datastore(database_url, pool_size=7) as self.pool:
            yield

    def create_recorder(self) -> CardRecorder:
        recorder = HeardRecorder(self.pool)
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
    append(recorder, write(card_id, 1, 2, state=b"as it was"))
    with pytest.raises(psycopg.errors.RestrictViolation, match="card_events is append-only"):
        connection.execute(statement)
    assert recorder.read_stream(card_id) == facts(card_id, 1, 2, state=b"as it was")


def test_creating_the_tables_again_changes_nothing(recorder):
    card_id = uuid4()
    append(recorder, write(card_id, 1))
    recorder.create_table()
    assert versions_of(recorder, card_id) == [1]


# Appending


def test_many_cards_are_stored_in_one_transaction_in_the_order_given(recorder, connection):
    cards = [uuid4() for _ in range(400)]
    assert append(recorder, *(write(card_id, 1, 2, 3) for card_id in cards)) == ALL_STORED
    rows = connection.execute(
        "SELECT originator_id, originator_version, xmin::text FROM card_events ORDER BY notification_id"
    ).fetchall()
    assert [(card_id, version) for card_id, version, _ in rows] == [(c, v) for c in cards for v in (1, 2, 3)]
    assert len({transaction for *_, transaction in rows}) == 1


def test_inserting_at_a_taken_version_inserts_nothing(recorder):
    taken, new = uuid4(), uuid4()
    recorder.insert_events(events(taken, 1))
    with pytest.raises(IntegrityError):
        recorder.insert_events(events(new, 1) + events(taken, 1))
    assert versions_of(recorder, new) == []


def test_a_failed_connection_is_a_connection_lost_error_and_the_other_stale_ones_are_replaced(new_recorder, connection):
    recorder = new_recorder(pool_size=20)
    recorder.datastore.pool.wait()
    end_all_others(connection)
    with pytest.raises(ConnectionLostError, match="connection"):
        append(recorder, write(uuid4(), 1))
    assert append(recorder, write(uuid4(), 1)) == ALL_STORED


def test_reads_are_repeated_over_another_connection(recorder, connection):
    card_id = uuid4()
    append(recorder, write(card_id, 1))
    for read in (
        lambda: versions_of(recorder, card_id),
        lambda: [fact.version for fact in recorder.load_many([card_id], 1)[0].facts],
        lambda: [1, *recorder.accepted_commands(["command"])],
    ):
        end_all_others(connection)
        assert read() == [1]


def end_all_others(connection) -> None:
    ended = connection.execute(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    ).fetchone()
    assert ended >= (1,)


# Several writers


def test_of_several_writers_exactly_one_wins_each_version(new_recorder):
    cards, versions, writers = [uuid4() for _ in range(4)], range(1, 26), 5
    at_once = Barrier(writers, timeout=60)

    def compete(name: bytes) -> Counter:
        recorder, won = new_recorder(), Counter()
        for version in versions:
            at_once.wait()
            refusals = append(recorder, *(write(card_id, version, state=name) for card_id in cards))
            won.update((card_id, version) for card_id in set(cards) - refusals.conflicts)
        return won

    with ThreadPoolExecutor(writers) as pool:
        won = sum(pool.map(compete, [b"%d" % n for n in range(writers)]), Counter())
    assert won == dict.fromkeys([(card_id, version) for card_id in cards for version in versions], 1)
    assert {tuple(versions_of(new_recorder(), card_id)) for card_id in cards} == {tuple(versions)}


def test_a_follower_of_positions_sees_each_event_once_in_order(new_recorder, connect):
    """Positions are drawn before their transactions commit: one that commits late must not be skipped."""
    writers, batches, per_card = 4, 40, 3
    done = Event()

    def work(_: int) -> None:
        recorder = new_recorder()
        for number in range(batches):
            cards = [uuid4() for _ in range(1 + number * 7 % 40)]
            versions = range(1, per_card + 1)
            if number % 2:
                append(recorder, *(write(card_id, *versions) for card_id in cards))
            else:
                recorder.insert_events([event for card_id in cards for event in events(card_id, *versions)])

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
            list(pool.map(work, range(writers)))
        finally:
            done.set()
        seen = following.result()
    stored = connect().execute(
        "SELECT notification_id, originator_id, originator_version FROM card_events ORDER BY notification_id"
    )
    assert seen == stored.fetchall()
    assert len(seen) == writers * per_card * sum(1 + number * 7 % 40 for number in range(batches))
    assert [position for position, _, _ in seen] == list(range(1, len(seen) + 1))


# When it is recorded


def test_the_database_says_when_facts_are_recorded_and_that_rises_with_their_position(cards_url, connect):
    """Whatever order writers come in: each waits for the lock, and gets its time with it."""
    began, writers = datetime.now(UTC), 4

    def work(_: int) -> None:
        with datastore(cards_url, pool_size=1) as pool:
            recorder = CardRecorder(pool)
            for _ in range(50):
                append(recorder, write(uuid4(), 1, state=fact_of(NOT_YET)))

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(work, range(writers)))
    query = "SELECT encode(substring(state FROM 67 FOR 26), 'escape') FROM card_events ORDER BY notification_id"
    times = [datetime.fromisoformat(f"{time}+00:00") for (time,) in connect().execute(query)]
    assert len(times) == writers * 50
    assert times == sorted(times)
    assert began - MINUTE < times[0] < times[-1] < began + MINUTE


@pytest.mark.parametrize("state", [b"", b"x", fact_of(NOT_YET)[:70], b'{"event_id"' + b"9" * 200])
def test_a_last_fact_without_a_time_holds_nobody_up(new_recorder, state):
    append(new_recorder(), write(uuid4(), 1, state=state))
    card_id = uuid4()
    append(new_recorder(), write(card_id, 1, state=fact_of(NOT_YET)))
    assert [one.state for one in new_recorder().read_stream(card_id)] == [fact_of(RECORDED_AT)]


# A lock that is not free


def test_a_held_lock_of_the_appends_is_a_sentence_and_nothing_is_stored(cards_url, connect, monkeypatch):
    monkeypatch.setattr("engine.store.recorder.LOCK_TIMEOUT_S", 1)
    holder, card_id = connect(), uuid4()
    with datastore(cards_url, pool_size=1) as pool:
        recorder = CardRecorder(pool)
        with holder.transaction():
            holder.execute("SELECT pg_advisory_xact_lock(hashtextextended('public.card_events', 0))")
            with pytest.raises(LockHeldError, match="held a lock of the event log for 1 s; nothing was stored"):
                append(recorder, write(card_id, 1))
        assert append(recorder, write(card_id, 1)) == ALL_STORED


def test_nothing_is_appended_to_another_database_than_the_one_that_was_looked_at(recorder):
    recorder.incarnation = "another"
    card_id = uuid4()
    with pytest.raises(LogReplacedError, match="nothing was stored"):
        append(recorder, write(card_id, 1))
    assert versions_of(recorder, card_id) == []
