"""What version 14 of the schema adds to a database of version 13."""

from uuid import uuid4

import psycopg

from adapters.schema import SCHEMA_VERSION, check_schema, migrate
from engine.envelope import NOT_YET
from engine.store.recorder import CardRecorder, datastore
from tests.engine.writes import append, fact_of, write

VERSION_13 = """
    CREATE OR REPLACE FUNCTION card_events_append(
        ids uuid[], versions bigint[], topics text[], states bytea[],
        snapshots bytea[], writes jsonb, recorded_at timestamptz, limits jsonb
    ) RETURNS TABLE (refused_card uuid, refused_by text, refused_until timestamptz, refused_by_open boolean)
    LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the function of version 13';
    END $$;
    UPDATE schema_version SET version = 13;
"""


def test_a_database_of_version_13_is_brought_up_to_date(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection, datastore(database_url, pool_size=1) as pool:
        connection.execute(VERSION_13)
        assert migrate(database_url) == 13 < SCHEMA_VERSION
        check_schema(database_url)
        card_id, recorder = uuid4(), CardRecorder(pool)
        append(recorder, write(card_id, 1, state=fact_of(NOT_YET)))
        [stored] = recorder.read_stream(card_id)
        assert stored.state != fact_of(NOT_YET)
        assert len(stored.state) == len(fact_of(NOT_YET))
