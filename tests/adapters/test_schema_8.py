"""What version 8 of the schema adds to a database of version 7."""

import psycopg

from adapters.directory.tables import DIRECTORY
from adapters.schema import SCHEMA_VERSION, check_schema, migrate

BESIDE = ("outbox", "optional_notices", "api_tokens")
VERSION_7 = f"DROP TABLE {', '.join((*DIRECTORY, *BESIDE))}, directory_secret; UPDATE schema_version SET version = 7;"
SECRET = "SELECT length(secret), secret FROM directory_secret"


def test_the_directory_begins_with_a_secret_that_stays(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(VERSION_7)
        assert migrate(database_url) == 7 < SCHEMA_VERSION
        check_schema(database_url)
        assert connection.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
        length, secret = connection.execute(SECRET).fetchone()
        assert length == 32
        connection.execute("UPDATE schema_version SET version = 7")
        migrate(database_url)
        assert connection.execute(SECRET).fetchone() == (32, secret)


def test_each_database_has_a_secret_of_its_own(database_url, migrated_url):
    migrate(database_url)
    found = set()
    for url in (database_url, migrated_url):
        with psycopg.connect(url) as connection:
            found.add(connection.execute(SECRET).fetchone()[1])
    assert len(found) == 2
