"""What version 12 of the schema adds to a database of version 11."""

import psycopg

from adapters.parked import list_parked
from adapters.schema import SCHEMA_VERSION, check_schema, migrate

VERSION_11 = """
    ALTER TABLE parked DROP COLUMN subject, DROP COLUMN headers, DROP COLUMN tries;
    DROP TABLE terms;
    INSERT INTO parked (message, reason) VALUES ('{', 'malformed message');
    UPDATE schema_version SET version = 11;
"""


def test_what_was_parked_stays_so_and_how_it_came_is_not_known(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(VERSION_11)
        assert migrate(database_url) == 11 < SCHEMA_VERSION
        check_schema(database_url)
        [parked] = list_parked(connection)
        assert (parked.reason, parked.subject, parked.headers, parked.tries) == ("malformed message", None, None, None)
        assert connection.execute("SELECT count(*) FROM terms").fetchone() == (0,)
