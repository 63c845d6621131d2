"""The upgrade from version 4 of the schema."""

from uuid import uuid4

import psycopg
import pytest

from adapters.schema import check_schema, migrate
from engine.actor import actor
from engine.errors import SchemaError
from engine.store.appending import stored_fact
from engine.store.parameters import fact_columns
from engine.store.recorder import CardRecorder, datastore
from engine.store.streams import Append, Store
from tests.engine.samples import CHARGING, OPENS_AT

ACTOR = actor("system", "consumer")
CARD_ID = uuid4()

VERSION_4 = """
    DROP INDEX card_events_attempts;
    DROP FUNCTION card_events_attempt;
    DROP TABLE leaders;
    INSERT INTO card_events_snapshots VALUES (gen_random_uuid(), 8, 7, '{}');
    UPDATE schema_version SET version = 4;
"""


def version_4(database_url: str, *facts) -> None:
    """A database as version 4 made it, with a snapshot without checksum and these facts."""
    migrate(database_url)
    rows = [
        stored_fact(CARD_ID, version, uuid4(), OPENS_AT, "v4", "cause", None, last=True, fact=fact)
        for version, fact in enumerate(facts, start=1)
    ]
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(VERSION_4)
        connection.execute(
            "SELECT card_events_insert(%s::uuid[], %s::bigint[], %s::text[], %s::bytea[])", fact_columns(rows)
        )


def test_a_database_of_version_4_loses_its_snapshots_and_records_an_attempt_once(database_url):
    version_4(database_url, *CHARGING)
    assert migrate(database_url) == 4
    check_schema(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection, datastore(database_url, pool_size=1) as pool:
        assert connection.execute("SELECT count(*) FROM card_events_snapshots").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM leaders").fetchone() == (0,)
        store = Store(CardRecorder(pool))
        stream = store.load_many([CARD_ID])[CARD_ID]
        again = Append(stream, CHARGING[-1:], stream.card, None, "cause", ACTOR)
        assert store.append_many([again]).repeated == {CARD_ID}


def test_a_log_that_holds_an_attempt_twice_is_not_upgraded(database_url):
    version_4(database_url, *CHARGING, CHARGING[-1])
    with pytest.raises(SchemaError, match="the log holds an attempt twice"):
        migrate(database_url)
    with pytest.raises(SchemaError, match="at schema 4"):
        check_schema(database_url)
