"""What version 9 of the schema adds to a database of version 8."""

import psycopg

from adapters.schema import SCHEMA_VERSION, check_schema, migrate
from adapters.web.console.tables import OPERATOR_RIGHTS


def test_operators_have_tables_of_their_own(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"DROP TABLE {', '.join(OPERATOR_RIGHTS)}; UPDATE schema_version SET version = 8")
        assert migrate(database_url) == 8 < SCHEMA_VERSION
        check_schema(database_url)
        for table in OPERATOR_RIGHTS:
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
