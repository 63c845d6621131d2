"""What version 11 of the schema adds to a database of version 10."""

import psycopg

from adapters.schema import SCHEMA_VERSION, check_schema, migrate

VERSION_10 = """
    DROP TABLE seals;
    UPDATE schema_version SET version = 10;
"""


def test_a_database_of_version_10_is_brought_up_to_date(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(VERSION_10)
        assert migrate(database_url) == 10 < SCHEMA_VERSION
        check_schema(database_url)
