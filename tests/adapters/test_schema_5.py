"""What version 5 of the schema adds to a database of version 4."""

import psycopg

from adapters.schema import SCHEMA_VERSION, check_schema, migrate
from projections.parked_cards import count_parked_cards

VERSION_4 = """
    DROP TABLE parked_cards;
    ALTER TABLE published DROP COLUMN epoch, DROP COLUMN epoch_id;
    INSERT INTO published (stream_created, last_sequence) VALUES ('then', 7);
    UPDATE schema_version SET version = 4;
"""


def test_read_models_park_cards_and_the_stream_is_in_its_first_epoch(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(VERSION_4)
        assert migrate(database_url) == 4 < SCHEMA_VERSION
        check_schema(database_url)
        assert connection.execute("SELECT * FROM published").fetchall() == [(True, "then", 7, 1, None)]
        assert count_parked_cards(connection, "read_models") == {}
