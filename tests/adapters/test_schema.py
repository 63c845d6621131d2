"""The schema is created once, upgraded from its older versions, checked by everybody, never mistaken for another."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest
from eventsourcing.postgres import PostgresApplicationRecorder
from msgspec.structs import replace

from adapters.schema import SCHEMA_VERSION, check_schema, migrate
from engine.declines import Consequence
from engine.errors import SchemaError
from engine.store.recorder import CardRecorder, datastore
from engine.store.streams import Store, stored_event
from projections.follow import positions
from projections.live import MODELS
from tests.engine.samples import CHARGING, OPENS_AT, failed


def set_version(database_url, version):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE schema_version SET version = %s", (version,))


def test_an_empty_database_is_refused_with_its_cure(database_url):
    with pytest.raises(SchemaError, match=f"at schema 0, this program needs {SCHEMA_VERSION}; run `baohao migrate`"):
        check_schema(database_url)


def test_a_migrated_database_is_accepted_and_migrating_again_is_harmless(database_url):
    assert migrate(database_url) == 0
    check_schema(database_url)
    assert migrate(database_url) == SCHEMA_VERSION
    check_schema(database_url)


def test_a_migration_that_was_cut_short_is_completed(database_url):
    pool = datastore(database_url, pool_size=1)
    CardRecorder(pool).create_table()
    pool.close()
    with pytest.raises(SchemaError):
        check_schema(database_url)
    migrate(database_url)
    check_schema(database_url)


def test_processes_that_migrate_at_once_take_turns(database_url):
    with ThreadPoolExecutor() as threads:
        found = list(threads.map(migrate, [database_url] * 4))
    assert sorted(found) == [0, *[SCHEMA_VERSION] * 3]
    check_schema(database_url)


def test_the_database_of_a_newer_program_is_left_alone(database_url):
    migrate(database_url)
    set_version(database_url, SCHEMA_VERSION + 1)
    for use in (check_schema, migrate):
        with pytest.raises(SchemaError, match="newer than this program's"):
            use(database_url)


def test_the_database_of_an_older_program_is_refused(database_url):
    migrate(database_url)
    set_version(database_url, SCHEMA_VERSION - 1)
    with pytest.raises(SchemaError, match="run `baohao migrate`"):
        check_schema(database_url)


# From version 1

VERSION_1 = """
    CREATE TABLE card_events_snapshots (
        card_id uuid PRIMARY KEY, version bigint NOT NULL, state_version integer NOT NULL, state bytea NOT NULL
    ) WITH (fillfactor = 70);
    CREATE FUNCTION card_events_append(
        ids uuid[], versions bigint[], topics text[], states bytea[], streams uuid[], first_versions bigint[],
        snap_ids uuid[], snap_versions bigint[], snap_state_versions integer[], snap_states bytea[]
    ) RETURNS SETOF uuid LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO card_events (originator_id, originator_version, topic, state)
        SELECT * FROM unnest(ids, versions, topics, states);
    END $$;
    CREATE TABLE followers (name text PRIMARY KEY, position bigint NOT NULL);
    CREATE TABLE cards (card_id uuid PRIMARY KEY, holder_id text, plan text, currency text, zone text, status text,
        term_number integer, starts_on date, ends_on date, ends_at timestamptz, auto_renew_months integer,
        price_minor bigint, methods integer, last_decline text, outcome_unknown boolean, version bigint,
        changed_at timestamptz) WITH (fillfactor = 70);
    CREATE TABLE due (card_id uuid PRIMARY KEY, version bigint, wake_at timestamptz) WITH (fillfactor = 70);
    CREATE INDEX due_0 ON due (wake_at);
    CREATE TABLE charges (attempt_id uuid PRIMARY KEY, card_id uuid, term_number integer, method_id text, currency text,
        minor bigint, attempted_at timestamptz, status text, code text, gateway_ref text, settled_at timestamptz)
        WITH (fillfactor = 70);
    CREATE INDEX charges_0 ON charges (card_id);
    CREATE TABLE ledger (position bigint PRIMARY KEY, card_id uuid, attempt_id uuid, debit text, credit text,
        currency text, minor bigint, at timestamptz) WITH (fillfactor = 70);
    CREATE INDEX ledger_0 ON ledger (card_id);
    CREATE TABLE schema_version (version integer NOT NULL);
    INSERT INTO schema_version VALUES (1);
    INSERT INTO followers VALUES ('read_models', 7), ('publisher', 6);
    INSERT INTO due VALUES (gen_random_uuid(), 1, now());
"""
CARD_ID, MASTERCARD, STOLEN = uuid4(), uuid4(), uuid4()


def facts_of_version_1() -> list:
    """A card's life; the last two tries tell of their payment cards, so that the limits have something to count."""
    *paying, attempt, decline = *CHARGING, failed()
    tries = [
        replace(attempt, attempt_id=one, fingerprint=fingerprint, brand="mastercard")
        for one, fingerprint in ((MASTERCARD, "fp-1"), (STOLEN, "fp-2"))
    ]
    never = {"attempt_id": STOLEN, "fingerprint": "fp-2", "consequence": Consequence.NEVER}
    return [*paying, attempt, decline, tries[0], tries[1], replace(decline, **never)]


def version_1(database_url: str) -> None:
    """A database as version 1 made it, with one card in it."""
    with datastore(database_url, pool_size=1) as pool:
        PostgresApplicationRecorder(pool, events_table_name="card_events").create_table()
    stored = [
        stored_event(CARD_ID, version, uuid4(), OPENS_AT, "v1", "cause", None, last=True, fact=fact)
        for version, fact in enumerate(facts_of_version_1(), start=1)
    ]
    columns = [
        [one.originator_id for one in stored],
        [one.originator_version for one in stored],
        [one.topic for one in stored],
        [one.state for one in stored],
    ]
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(VERSION_1)
        connection.execute(
            "SELECT card_events_append(%s, %s, %s, %s, '{}', '{}', '{}', '{}', '{}', '{}')",
            (*columns,),
        )


def test_a_database_of_version_1_keeps_its_facts_and_gets_all_that_is_new(database_url):
    version_1(database_url)
    with pytest.raises(SchemaError, match="run `baohao migrate`"):
        check_schema(database_url)
    assert migrate(database_url) == 1
    check_schema(database_url)
    assert migrate(database_url) == SCHEMA_VERSION
    with psycopg.connect(database_url) as connection, datastore(database_url, pool_size=1) as pool:
        store = Store(CardRecorder(pool))
        assert [one.fact for one in store.history(CARD_ID)] == facts_of_version_1()
        assert positions(connection) == {"publisher": 6}
        for model in MODELS:
            assert connection.execute(f"SELECT count(*) FROM {model.name}").fetchone() == (0,)
        tries = "SELECT attempt_id, isfinite(declined_at) FROM card_events_tries"
        assert dict(connection.execute(tries).fetchall()) == {MASTERCARD: False, STOLEN: True}
        assert connection.execute("SELECT fingerprint FROM card_events_blocked").fetchall() == [("fp-2",)]
        functions = "SELECT pronargs > 10 FROM pg_proc WHERE proname = 'card_events_append'"
        assert connection.execute(functions).fetchall() == [(True,)]


def test_an_upgrade_from_version_1_that_was_cut_short_is_completed(database_url):
    version_1(database_url)
    with datastore(database_url, pool_size=1) as pool:
        CardRecorder(pool).create_table()
    assert migrate(database_url) == 1
    check_schema(database_url)
