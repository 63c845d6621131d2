"""What version 13 of the schema adds to a database of version 12."""

import psycopg

from adapters.schema import SCHEMA_VERSION, check_schema, migrate

VERSION_12 = """
    ALTER TABLE outbox DROP COLUMN correlation_id;
    INSERT INTO outbox (key, channel, kind, caused_at, not_before, expires_at)
    VALUES ('1:5:renewed', 'email', 'renewed', now(), now(), now());
    UPDATE schema_version SET version = 12;
"""


def test_what_led_to_a_notice_of_before_is_not_known(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(VERSION_12)
        assert migrate(database_url) == 12 < SCHEMA_VERSION
        check_schema(database_url)
        assert connection.execute("SELECT key, correlation_id FROM outbox").fetchall() == [("1:5:renewed", None)]
