"""What version 11 of the schema adds to a database of version 10."""

import psycopg

from adapters.schema import SCHEMA_VERSION, check_schema, migrate

READ_MODELS = ("cards", "due", "charges", "ledger", "cases")

VERSION_10 = """
    DROP TABLE differences;
    ALTER TABLE followers DROP COLUMN version, DROP COLUMN paused_at, DROP COLUMN paused_by, DROP COLUMN paused_why,
        DROP COLUMN failed_at, DROP COLUMN failure;
    INSERT INTO followers VALUES ('publisher', 6), ('read_models', 7);
    DROP TABLE skipped_facts;
    DROP TABLE seals;
    UPDATE schema_version SET version = 10;
"""


def test_a_database_of_version_10_is_brought_up_to_date(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(VERSION_10)
        assert migrate(database_url) == 10 < SCHEMA_VERSION
        check_schema(database_url)
        assert connection.execute("SELECT count(*) FROM differences").fetchone() == (0,)


def test_each_read_model_goes_on_from_the_position_that_they_had_together(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(VERSION_10)
        migrate(database_url)
        query = "SELECT name, position, version FROM followers ORDER BY name"
        *of_models, other = sorted(connection.execute(query).fetchall(), key=lambda row: row[0] == "publisher")
        assert of_models == [(f"read_models.{name}", 7, 1) for name in sorted(READ_MODELS)]
        assert other == ("publisher", 6, None)
