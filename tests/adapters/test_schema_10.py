"""What version 10 of the schema adds to a database of version 9."""

from uuid import uuid4

import psycopg

from adapters.schema import SCHEMA_VERSION, check_schema, migrate
from engine.store.recorder import CardRecorder, datastore
from tests.engine.writes import ALL_STORED, append, write

VERSION_9 = """
    ALTER TYPE card_events_stream DROP ATTRIBUTE after;
    DROP TABLE receipt_issuers;
    DROP FUNCTION operator_actions_forget;
    ALTER TABLE codes DROP COLUMN redeemed_at;
    UPDATE schema_version SET version = 9;
"""


def test_a_database_of_version_9_is_brought_up_to_date(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection, datastore(database_url, pool_size=1) as pool:
        connection.execute(VERSION_9)
        assert migrate(database_url) == 9 < SCHEMA_VERSION
        check_schema(database_url)
        card_id, recorder = uuid4(), CardRecorder(pool)
        assert append(recorder, write(card_id, 1)) == ALL_STORED
        assert append(recorder, write(card_id, 2, after=uuid4())).conflicts == {card_id}
        assert connection.execute("SELECT count(*) FROM receipt_issuers").fetchone() == (0,)
        assert connection.execute("SELECT count(redeemed_at) FROM codes").fetchone() == (0,)
