"""What version 10 of the schema adds to a database of version 9."""

from uuid import uuid4

import psycopg

from adapters.schema import SCHEMA_VERSION, check_schema, migrate
from engine.store.recorder import CardRecorder, datastore
from tests.engine.writes import ALL_STORED, append, write

VERSION_9 = """
    ALTER TYPE card_events_stream DROP ATTRIBUTE after;
    UPDATE schema_version SET version = 9;
"""


def test_a_stream_goes_on_only_from_the_fact_on_which_it_was_decided(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection, datastore(database_url, pool_size=1) as pool:
        connection.execute(VERSION_9)
        assert migrate(database_url) == 9 < SCHEMA_VERSION
        check_schema(database_url)
        card_id, recorder = uuid4(), CardRecorder(pool)
        assert append(recorder, write(card_id, 1)) == ALL_STORED
        assert append(recorder, write(card_id, 2, after=uuid4())).conflicts == {card_id}
