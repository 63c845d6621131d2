"""What version 6 of the schema adds to a database of version 5."""

import psycopg

from adapters.control import charging_stopped_since, read_control
from adapters.schema import SCHEMA_VERSION, check_schema, migrate

VERSION_5 = """
    ALTER TABLE control DROP COLUMN clock_ahead_until, DROP COLUMN clock_confirmed_until;
    ALTER TABLE control DROP COLUMN restored_since, DROP COLUMN restored_until, DROP COLUMN restore_open;
    UPDATE control SET charging_stopped_at = '2026-01-01Z', charging_stopped_why = 'tests', charging_stopped_by = 'me';
    UPDATE schema_version SET version = 5;
"""


def test_no_clock_was_ahead_so_far_and_the_row_is_kept(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(VERSION_5)
        assert migrate(database_url) == 5 < SCHEMA_VERSION
        check_schema(database_url)
        control = read_control(connection, virtual_clock=False)
        assert (control.clock_ahead_until, control.clock_confirmed_until, control.charging_stopped) == (
            None,
            None,
            True,
        )
        assert control.restored is None
        assert charging_stopped_since(connection).reason == "tests"
