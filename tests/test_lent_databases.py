"""A database that is lent again is as new, whatever the test before did to it."""

import psycopg
import pytest

from tests.lent_databases import LentDatabases

MADE = """
    CREATE TABLE facts (fact_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, word text);
    CREATE TABLE control (word text);
    INSERT INTO control VALUES ('as made');
    CREATE INDEX facts_words ON facts (word);
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$;
    CREATE TRIGGER facts_refuse_truncate BEFORE TRUNCATE ON facts EXECUTE FUNCTION refuse();
"""
ROWS = (
    "INSERT INTO facts (word) VALUES ('first'), ('second')",
    "UPDATE control SET word = 'changed'",
    "DELETE FROM control",
    "INSERT INTO control VALUES ('another')",
    "BEGIN; INSERT INTO facts (word) VALUES ('a number is used up'); ROLLBACK",
)
MORE_THAN_ROWS = (
    "DROP INDEX facts_words",
    "CREATE INDEX more ON facts (word)",
    "ALTER TABLE facts DISABLE TRIGGER USER",
    "DROP TRIGGER facts_refuse_truncate ON facts",
    "ALTER TABLE facts ADD COLUMN more text",
    "ALTER TABLE facts RENAME TO away",
    "ALTER TABLE facts ADD CONSTRAINT more CHECK (word <> '')",
    "ALTER TABLE facts ALTER COLUMN word SET DEFAULT 'more'",
    "ALTER TABLE facts SET (fillfactor = 50)",
    "GRANT SELECT ON facts TO PUBLIC",
    "GRANT ALL ON SCHEMA public TO PUBLIC",
    "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
    "CREATE FUNCTION more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE TABLE more ()",
    "CREATE VIEW more AS SELECT 1",
    "CREATE TYPE more AS ENUM ('a')",
    "CREATE SCHEMA more",
    "CREATE SEQUENCE more",
    "ALTER SEQUENCE facts_fact_id_seq INCREMENT 2",
    "CREATE RULE more AS ON INSERT TO facts DO INSTEAD NOTHING",
    "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = 1000', current_database()); END $$",
    "DO $$ BEGIN EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', current_database()); END $$",
)


def make(url):
    with psycopg.connect(url) as connection:
        connection.execute(MADE)


@pytest.fixture(scope="module")
def databases(postgres_url):
    lending = LentDatabases(postgres_url, "lent", make)
    yield lending
    lending.close()


def assert_as_new(url):
    with psycopg.connect(url, autocommit=True) as connection:
        assert connection.execute("SELECT word FROM control").fetchall() == [("as made",)]
        assert connection.execute("INSERT INTO facts (word) VALUES ('x') RETURNING *").fetchall() == [(1, "x")]
        with pytest.raises(psycopg.errors.RaiseException):
            connection.execute("TRUNCATE facts")


def after(databases, statement) -> tuple[str, str]:
    """The addresses of a database in which that was done, and of the one that is lent next, which is as new."""
    with databases.lent() as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
    with databases.lent() as later:
        assert_as_new(later)
    return url, later


@pytest.mark.parametrize("statement", ROWS)
def test_rows_and_numbers_are_put_back_in_the_same_database(databases, statement):
    before, later = after(databases, statement)
    assert later == before


@pytest.mark.parametrize("statement", MORE_THAN_ROWS)
def test_if_more_than_rows_changed_it_is_another_database(databases, statement):
    before, later = after(databases, statement)
    assert later != before


def test_a_connection_that_was_left_open_ends(databases):
    with databases.lent() as url:
        left = psycopg.connect(url)
        left.execute("LOCK TABLE facts")
    with databases.lent() as later:
        assert later == url
        assert_as_new(later)
    with pytest.raises(psycopg.OperationalError):
        left.execute("SELECT 1")


def test_databases_that_are_lent_at_the_same_time_are_different_ones(databases):
    with databases.lent() as one, databases.lent() as other:
        assert one != other
