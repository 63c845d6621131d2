"""A transaction around steps in other threads, of which one holds a follower's position."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection


@contextmanager
def transaction(connection: Connection[Any]) -> Iterator[None]:
    """One transaction around steps in other threads; `connection.transaction()` would be a nested one."""
    connection.execute("BEGIN")
    try:
        yield
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
