"""The schema is created once, checked by everybody, and never mistaken for another version."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from adapters.schema import SCHEMA_VERSION, check_schema, migrate
from engine.errors import SchemaError
from engine.recorder import CardRecorder, datastore


def set_version(database_url, version):
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE schema_version SET version = %s", (version,))


def test_an_empty_database_is_refused_with_its_cure(database_url):
    with pytest.raises(SchemaError, match=f"at schema 0, this program needs {SCHEMA_VERSION}; run `baohao migrate`"):
        check_schema(database_url)


def test_a_migrated_database_is_accepted_and_migrating_again_is_harmless(database_url):
    assert migrate(database_url) == 0
    check_schema(database_url)
    assert migrate(database_url) == SCHEMA_VERSION
    check_schema(database_url)


def test_a_migration_that_was_cut_short_is_completed(database_url):
    pool = datastore(database_url, pool_size=1)
    CardRecorder(pool).create_table()
    pool.close()
    with pytest.raises(SchemaError):
        check_schema(database_url)
    migrate(database_url)
    check_schema(database_url)


def test_processes_that_migrate_at_once_take_turns(database_url):
    with ThreadPoolExecutor() as threads:
        found = list(threads.map(migrate, [database_url] * 4))
    assert sorted(found) == [0, *[SCHEMA_VERSION] * 3]
    check_schema(database_url)


def test_the_database_of_a_newer_program_is_left_alone(database_url):
    migrate(database_url)
    set_version(database_url, SCHEMA_VERSION + 1)
    for use in (check_schema, migrate):
        with pytest.raises(SchemaError, match="newer than this program's"):
            use(database_url)


def test_the_database_of_an_older_program_is_refused(database_url):
    migrate(database_url)
    set_version(database_url, SCHEMA_VERSION - 1)
    with pytest.raises(SchemaError, match="run `baohao migrate`"):
        check_schema(database_url)
