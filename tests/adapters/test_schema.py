"""The schema is created once, upgraded from older versions, and checked before use."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest
from eventsourcing.postgres import PostgresApplicationRecorder
from msgspec.structs import replace

from adapters.control import charging_stopped_since
from adapters.schema import SCHEMA_VERSION, check_schema, migrate
from engine.actor import actor
from engine.card.evolve import replay
from engine.declines import Consequence
from engine.errors import SchemaError
from engine.operations import ChargingStopped, Stop
from engine.store.appending import stored_fact
from engine.store.operations import operations_history
from engine.store.parameters import fact_columns
from engine.store.recorder import CardRecorder, datastore
from engine.store.streams import Append, Store, Stream
from projections.follow import follow, positions
from projections.live import LIVE, MODELS
from tests.engine.payment_cards import append, tries
from tests.engine.samples import CHARGING, OPENS_AT, failed, switched_off
from tests.engine.writes import ALL_STORED


def set_version(database_url, version):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE schema_version SET version = %s", (version,))


def test_an_empty_database_is_refused_with_the_remedy(database_url):
    with pytest.raises(SchemaError, match=f"at schema 0, this program needs {SCHEMA_VERSION}; run `baohao migrate`"):
        check_schema(database_url)


def test_a_migrated_database_is_accepted_and_migrating_again_changes_nothing(database_url):
    assert migrate(database_url) == 0
    check_schema(database_url)
    assert migrate(database_url) == SCHEMA_VERSION
    check_schema(database_url)


def test_an_interrupted_migration_is_completed(database_url):
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


def functions_of_appends(connection) -> Counter[str]:
    """How many functions there are of each name: two would mean that an old one remained."""
    rows = connection.execute("SELECT proname FROM pg_proc WHERE proname LIKE 'card\\_events\\_%'")
    return Counter(name for (name,) in rows.fetchall())


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
    CREATE TABLE control (single boolean PRIMARY KEY DEFAULT true CHECK (single), virtual_now timestamptz,
        charging_stopped_at timestamptz, charging_stopped_why text);
    INSERT INTO control DEFAULT VALUES;
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
ACTOR = actor("system", "consumer")
CARD_ID, MASTERCARD, STOLEN = uuid4(), uuid4(), uuid4()


def facts_of_version_1() -> list:
    """A card's life; the last two tries have payment cards, so that the limits have something to count."""
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
        stored_fact(CARD_ID, version, uuid4(), OPENS_AT, "v1", "cause", None, last=True, fact=fact)
        for version, fact in enumerate(facts_of_version_1(), start=1)
    ]
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(VERSION_1)
        connection.execute(
            "SELECT card_events_append(%s, %s, %s, %s, '{}', '{}', '{}', '{}', '{}', '{}')",
            fact_columns(stored),
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
        assert set(functions_of_appends(connection).values()) == {1}


def test_an_interrupted_upgrade_from_version_1_is_completed(database_url):
    version_1(database_url)
    with datastore(database_url, pool_size=1) as pool:
        CardRecorder(pool).create_table()
    assert migrate(database_url) == 1
    check_schema(database_url)


# From version 2

VERSION_2 = """
    DROP TYPE card_events_stream, card_events_try, card_events_outcome, card_events_block CASCADE;
    DROP FUNCTION card_events_append;
    CREATE FUNCTION card_events_append(
        ids uuid[], versions bigint[], topics text[], states bytea[], streams uuid[], first_versions bigint[],
        snap_ids uuid[], snap_versions bigint[], snap_state_versions integer[], snap_states bytea[],
        c_cards uuid[], c_ids text[], c_hashes bytea[], c_versions bigint[], c_facts integer[], c_at timestamptz,
        rules jsonb, watched text[], t_cards uuid[], t_attempts uuid[], t_fingerprints text[], t_networks text[],
        t_amounts text[], t_ats timestamptz[], t_declined timestamptz[],
        o_cards uuid[], o_attempts uuid[], o_declined timestamptz[], b_cards uuid[], b_fingerprints text[]
    ) RETURNS TABLE (refused_card uuid, refused_by text, refused_until timestamptz) LANGUAGE plpgsql AS 'BEGIN END';
    CREATE FUNCTION card_events_limit(
        cards uuid[], left_out uuid[], rules jsonb, watched text[], t_cards uuid[], t_attempts uuid[],
        t_fingerprints text[], t_networks text[], t_amounts text[], t_ats timestamptz[], t_declined timestamptz[],
        o_cards uuid[], o_attempts uuid[], o_declined timestamptz[], b_cards uuid[], b_fingerprints text[]
    ) RETURNS TABLE (limited_card uuid, rule text, until timestamptz) LANGUAGE plpgsql AS 'BEGIN END';
    CREATE FUNCTION card_events_settle(
        only_card uuid, left_out uuid[], o_cards uuid[], o_attempts uuid[], o_declined timestamptz[]
    ) RETURNS void LANGUAGE plpgsql AS 'BEGIN END';
    CREATE FUNCTION card_events_broken(
        rules jsonb, fingerprints text[], networks text[], amounts text[], ats timestamptz[]
    ) RETURNS TABLE (nth bigint, fingerprint text, rule text, until timestamptz) LANGUAGE plpgsql AS 'BEGIN END';
    ALTER TABLE control DROP COLUMN charging_stopped_by;
    UPDATE schema_version SET version = 2;
"""


def version_2(database_url: str, *, stopped: bool = False) -> None:
    """A database as version 2 made it, with one card in it that the read models have seen."""
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection, datastore(database_url, pool_size=1) as pool:
        facts = tuple(facts_of_version_1())
        store, card = Store(CardRecorder(pool)), replay(None, CARD_ID, facts)
        store.append_many(
            [Append(Stream(CARD_ID, None, 0, None), facts, card, OPENS_AT, "cause", actor("system", "consumer"))],
        )
        follow(connection, LIVE, 1000)
        connection.execute(VERSION_2)
        if stopped:
            connection.execute("UPDATE control SET charging_stopped_at = %s, charging_stopped_why = 'x'", (OPENS_AT,))


def test_a_database_of_version_2_keeps_all_that_is_in_it_and_gets_the_new_functions(database_url):
    version_2(database_url)
    with pytest.raises(SchemaError, match="run `baohao migrate`"):
        check_schema(database_url)
    assert migrate(database_url) == 2
    check_schema(database_url)
    assert migrate(database_url) == SCHEMA_VERSION
    with psycopg.connect(database_url) as connection, datastore(database_url, pool_size=1) as pool:
        recorder = CardRecorder(pool)
        store = Store(recorder)
        assert [one.fact for one in store.history(CARD_ID)] == facts_of_version_1()
        assert positions(connection) == {"read_models": len(facts_of_version_1())}
        assert connection.execute("SELECT count(*) FROM due").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM card_events_tries").fetchone() == (2,)
        assert set(functions_of_appends(connection).values()) == {1}
        assert charging_stopped_since(connection) is None
        assert operations_history(recorder) == []
        stream = store.load_many([CARD_ID])[CARD_ID]
        assert store.append_many([Append(stream, (switched_off(),), stream.card, None, "cause", ACTOR)]) == ALL_STORED


def test_that_charging_is_stopped_becomes_a_fact(database_url):
    version_2(database_url, stopped=True)
    migrate(database_url)
    with psycopg.connect(database_url) as connection, datastore(database_url, pool_size=1) as pool:
        assert charging_stopped_since(connection) == Stop(OPENS_AT, "x", "migration")
        [recorded] = operations_history(CardRecorder(pool))
        assert (recorded.fact, recorded.actor) == (ChargingStopped(reason="x", at=OPENS_AT), "migration")


def test_an_interrupted_upgrade_from_version_2_is_completed(database_url):
    version_2(database_url)
    with datastore(database_url, pool_size=1) as pool:
        CardRecorder(pool).create_table()
    assert migrate(database_url) == 2
    check_schema(database_url)


# From version 3

VERSION_3 = """
    DROP FUNCTION card_events_append, card_events_limit, card_events_broken;
    CREATE FUNCTION card_events_append(
        ids uuid[], versions bigint[], topics text[], states bytea[],
        snapshots bytea[], writes jsonb, recorded_at timestamptz, limits jsonb
    ) RETURNS TABLE (refused_card uuid, refused_by text, refused_until timestamptz) LANGUAGE plpgsql AS 'BEGIN END';
    CREATE FUNCTION card_events_limit(
        cards uuid[], left_out uuid[],
        tries card_events_try[], outcomes card_events_outcome[], blocks card_events_block[], limits jsonb
    ) RETURNS TABLE (limited_card uuid, rule text, until timestamptz) LANGUAGE plpgsql AS 'BEGIN END';
    CREATE FUNCTION card_events_broken(wanted card_events_try[], limits jsonb)
    RETURNS TABLE (nth bigint, fingerprint text, rule text, until timestamptz) LANGUAGE plpgsql AS 'BEGIN END';
    ALTER TYPE card_events_try DROP ATTRIBUTE last_rung;
    ALTER TYPE card_events_block DROP ATTRIBUTE until, DROP ATTRIBUTE allowed;
    ALTER TABLE card_events_blocked DROP COLUMN until;
    UPDATE schema_version SET version = 3;
"""


@pytest.mark.parametrize("cut_short", [False, True])
def test_a_database_of_version_3_gets_functions_that_tell_open_tries_from_declines(database_url, cut_short):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(VERSION_3)
    if cut_short:
        migrate(database_url)
        set_version(database_url, 3)
    assert migrate(database_url) == 3
    check_schema(database_url)
    with psycopg.connect(database_url) as connection, datastore(database_url, pool_size=1) as pool:
        assert set(functions_of_appends(connection).values()) == {1}
        store = Store(CardRecorder(pool))
        batch = [append(tries()) for _ in range(11)]
        (limited,) = store.append_many(batch).limited.values()
        assert limited.open_only
