"""What version 6 of the schema adds to a database of version 5."""

import psycopg

from adapters.control import read_control
from adapters.schema import SCHEMA_VERSION, check_schema, migrate

VERSION_5 = """
    ALTER TABLE control DROP COLUMN restored_since, DROP COLUMN restored_until, DROP COLUMN restore_open;
    UPDATE schema_version SET version = 5;
"""


def test_nothing_is_to_be_looked_up_after_the_upgrade(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(VERSION_5)
        assert migrate(database_url) == 5 < SCHEMA_VERSION
        check_schema(database_url)
        assert read_control(connection, virtual_clock=False).restored is None
