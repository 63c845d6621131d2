"""What version 10 of the schema adds to a database of version 9."""

import psycopg

from adapters.schema import SCHEMA_VERSION, check_schema, migrate

VERSION_9 = """
    DROP TABLE receipt_issuers;
    DROP FUNCTION operator_actions_forget;
    ALTER TABLE codes DROP COLUMN redeemed_at;
    UPDATE schema_version SET version = 9;
"""


def test_a_database_of_version_9_is_brought_up_to_date(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(VERSION_9)
        assert migrate(database_url) == 9 < SCHEMA_VERSION
        check_schema(database_url)
        assert connection.execute("SELECT count(*) FROM receipt_issuers").fetchone() == (0,)
        assert connection.execute("SELECT count(redeemed_at) FROM codes").fetchone() == (0,)
