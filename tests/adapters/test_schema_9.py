"""What version 9 of the schema adds to a database of version 8."""

import psycopg

from adapters.schema import SCHEMA_VERSION, check_schema, migrate
from adapters.web.console.tables import OPERATOR_RIGHTS

ADDED = ("passkeys", "passkey_challenges", *OPERATOR_RIGHTS)
VERSION_8 = f"""
    DROP TABLE {", ".join(ADDED)};
    ALTER TABLE cards DROP COLUMN holder_since;
    UPDATE schema_version SET version = 8;
"""


def test_passkeys_operators_and_cards_that_change_hands(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(VERSION_8)
        assert migrate(database_url) == 8 < SCHEMA_VERSION
        check_schema(database_url)
        for table in ADDED:
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
        assert connection.execute("SELECT count(holder_since) FROM cards").fetchone() == (0,)
