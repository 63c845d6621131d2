"""What version 9 of the schema adds to a database of version 8."""

import psycopg

from adapters.schema import SCHEMA_VERSION, check_schema, migrate

PASSKEYS_OF_8 = "DROP TABLE passkeys, passkey_challenges; UPDATE schema_version SET version = 8;"


def test_holders_have_passkeys(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(PASSKEYS_OF_8)
        assert migrate(database_url) == 8 < SCHEMA_VERSION
        check_schema(database_url)
        for table in ("passkeys", "passkey_challenges"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
