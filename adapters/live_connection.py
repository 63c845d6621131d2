"""A connection of a pool that works: after a restart of the database all of them are stale."""

from collections.abc import Callable
from typing import Any, TypeVar

from psycopg import Connection, OperationalError
from psycopg_pool import ConnectionPool

T = TypeVar("T")


def over_a_live_connection(pool: ConnectionPool[Connection[Any]], use: Callable[[Connection[Any]], T]) -> T:
    """Use a pooled connection, and another one once more if that fails."""
    try:
        with pool.connection() as connection:
            return use(connection)
    except OperationalError:
        pool.check()
        with pool.connection() as connection:
            return use(connection)
