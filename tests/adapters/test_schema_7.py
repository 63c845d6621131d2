"""What version 7 of the schema adds to a database of version 6."""

import psycopg

from adapters.schema import SCHEMA_VERSION, check_schema, migrate

VERSION_6 = "DROP TABLE gateway_pace; UPDATE schema_version SET version = 6;"


def test_the_pace_of_requests_begins_with_its_row(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(VERSION_6)
        assert migrate(database_url) == 6 < SCHEMA_VERSION
        check_schema(database_url)
        assert connection.execute("SELECT count(*) FROM gateway_pace").fetchone() == (1,)
