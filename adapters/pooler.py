"""Refuses a pooler between us and PostgreSQL that hands each transaction to another session.

Behind one (PgBouncer's `pool_mode = transaction` or `statement`) notifications never arrive, a leader's lease names a
session that is not its own, and the migration's lock stays locked: nothing would be renewed, and nobody told why.
"""

from contextlib import suppress
from datetime import timedelta
from uuid import uuid4

import psycopg
from psycopg import sql

from engine.errors import SchemaError

HEARD_WITHIN = timedelta(seconds=3)
"""A notification takes milliseconds; only a pooler that lost it costs this time, twice."""
LOOKS = 2
"""The second one is for a process that stood still during the first."""


def refuse_transaction_pooler(database_url: str) -> None:
    """Raise SchemaError unless what a session listens to outlives its transaction.

    Which session a pooler hands out next is chance; whether an idle client still has one is not. A client that listens
    and then waits hears a notification only if its session is its own all the time.
    """
    channel = sql.Identifier(f"baohao_{uuid4().hex}")
    with psycopg.connect(database_url, autocommit=True) as listening:
        listening.execute(sql.SQL("LISTEN {}").format(channel))
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute(sql.SQL("NOTIFY {}").format(channel))
        for _ in range(LOOKS):
            if list(listening.notifies(timeout=HEARD_WITHIN.total_seconds(), stop_after=1)):
                return
        with suppress(psycopg.Error):
            listening.execute("UNLISTEN *")  # for whoever gets the session next
    raise SchemaError(
        "the database is reached through a pooler in transaction mode, which loses what a session keeps (LISTEN, "
        "leases, locks), so nothing would be renewed; use session mode, or the server's own address, in DATABASE_URL"
    )
