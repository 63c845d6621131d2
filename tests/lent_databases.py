"""Databases lent to one test after another, since making one costs more than most tests.

One that comes back is emptied and kept if everything but its rows is as it was made; else it is dropped.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection, sql

Catalogue = tuple[str | None, ...]
_numbers = count(1)
_PATIENCE_MS = 5000
"""How long a connection that a test left behind may take to end, and a lock to be let go."""

_DIGEST = "(SELECT md5(string_agg(({what})::text, ' ' ORDER BY ({what})::text)) FROM {where})"
_SYSTEM_OIDS_BELOW = 16384
_OWN = {
    "pg_attrdef": "oid",
    "pg_attribute": "attrelid",
    "pg_constraint": "oid",
    "pg_index": "indexrelid",
    "pg_inherits": "inhrelid",
    "pg_policy": "oid",
    "pg_proc": "oid",
    "pg_rewrite": "oid",
    "pg_sequence": "seqrelid",
    "pg_trigger": "oid",
    "pg_type": "oid",
}
"""Tables of the catalogue, and the column that tells the system's rows; a changed row has another `xmin`."""
_CATALOGUE = "SELECT " + ", ".join(
    [
        *(
            _DIGEST.format(what="t.*, t.xmin", where=f"{table} t WHERE {oid} >= {_SYSTEM_OIDS_BELOW}")
            for table, oid in _OWN.items()
        ),
        _DIGEST.format(  # not what emptying changes, as the name of the file
            what="oid, relname, relnamespace, relowner, relkind, relpersistence, relacl, reloptions, relrowsecurity, "
            "relforcerowsecurity, relhasrules, relhastriggers, relispartition, reltablespace",
            where=f"pg_class WHERE oid >= {_SYSTEM_OIDS_BELOW} AND relnamespace <> 'pg_toast'::regnamespace",
        ),
        _DIGEST.format(what="t.*, t.xmin", where="pg_namespace t WHERE left(nspname, 3) <> 'pg_'"),
        _DIGEST.format(what="t.*, t.xmin", where="pg_default_acl t"),
        _DIGEST.format(what="t.*, t.xmin", where="pg_extension t"),
        _DIGEST.format(what="t.*, t.xmin", where="pg_event_trigger t"),
        _DIGEST.format(what="datdba, datacl, datconnlimit", where="pg_database WHERE datname = current_database()"),
        _DIGEST.format(
            what="s.*",
            where="pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase WHERE datname = current_database()",
        ),
    ]
)
_OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
_TABLES = """
    SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1
"""
_SEQUENCES_BACK = "SELECT setval(seqrelid, seqstart, false) FROM pg_sequence"

_SEQUENCES_USED = """
    SELECT format('%I.%I', schemaname, sequencename), last_value FROM pg_sequences WHERE last_value IS NOT NULL
"""


def at_database(postgres_url: str, name: str) -> str:
    return postgres_url.replace("/baohao?", f"/{name}?")


class Made(NamedTuple):
    """A database as it was made."""

    name: str
    url: str
    """As its owner."""
    connection: Connection[Any]
    """Kept, since one that is opened anew has to read the catalogue, which costs more than what it is then asked."""
    catalogue: Catalogue
    tables: tuple[str, ...]
    rows: dict[str, bytes]
    """By table what making it left there, in PostgreSQL's binary form."""
    sequences: dict[str, int]
    """By sequence the last number that making it took."""


class LentDatabases:
    """Databases of one kind on a server: as many as were lent at the same time."""

    def __init__(self, postgres_url: str, kind: str, make: Callable[[str], object]) -> None:
        self._server, self._kind, self._make = postgres_url, kind, make
        self._free: list[Made] = []

    @contextmanager
    def lent(self) -> Iterator[str]:
        """The URL, as its owner, of a database that is as if it were new."""
        made = self._free.pop() if self._free else self._new()
        try:
            yield made.url
        finally:
            if is_as_new(made):
                self._free.append(made)
            else:
                self._drop(made)

    @contextmanager
    def lent_for_long(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """The same for many tests, while something is connected to it; the function brings back the rows it was made
        with."""
        made = self._free.pop() if self._free else self._new()
        try:
            yield made.url, lambda: _renew(made)
        finally:
            self._drop(made)

    def close(self) -> None:
        while self._free:
            self._drop(self._free.pop())

    def _new(self) -> Made:
        name = f"{self._kind}_{os.getpid()}_{next(_numbers)}"
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        url = at_database(self._server, name)
        self._make(url)
        connection = psycopg.connect(url, autocommit=True)
        tables = tuple(table for (table,) in connection.execute(_TABLES))
        rows = {table: _copied(connection, table) for table in filled(connection, tables)}
        sequences = dict[str, int](connection.execute(_SEQUENCES_USED).fetchall())
        return Made(name, url, connection, _catalogue(connection), tables, rows, sequences)

    def _drop(self, made: Made) -> None:
        made.connection.close()
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(made.name)))


def is_as_new(made: Made) -> bool:
    """Empty it; False if that cannot be done or is not enough."""
    with suppress(psycopg.Error):
        made.connection.execute(f"SELECT pg_terminate_backend(pid, %s) {_OTHERS}", (_PATIENCE_MS,))
        # asked again, since ending one that ended by itself meanwhile is answered as a failure
        if made.connection.execute(f"SELECT {_OTHERS}").rowcount or _catalogue(made.connection) != made.catalogue:
            return False
        _renew(made)
        return True
    return False


def _renew(made: Made) -> None:
    made.connection.execute(f"SET lock_timeout = {_PATIENCE_MS}")
    made.connection.execute("SET session_replication_role = replica")  # else triggers would refuse it
    with made.connection.transaction():
        _empty(made.connection, made)


def filled(connection: Connection[Any], tables: tuple[str, ...]) -> list[str]:
    """Those of the tables that have rows."""
    if not tables:
        return []
    query = " UNION ALL ".join(f"(SELECT {index} FROM {table} LIMIT 1)" for index, table in enumerate(tables))
    return [tables[index] for (index,) in connection.execute(query)]


def _empty(connection: Connection[Any], made: Made) -> None:
    if found := filled(connection, made.tables):
        connection.execute(f"TRUNCATE {', '.join(found)}")
    connection.execute(_SEQUENCES_BACK)
    for sequence, last in made.sequences.items():
        connection.execute("SELECT setval(%s::regclass, %s)", (sequence, last))
    for table, rows in made.rows.items():
        with connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT binary)") as copy:
            copy.write(rows)


def _copied(connection: Connection[Any], table: str) -> bytes:
    with connection.cursor().copy(f"COPY {table} TO STDOUT (FORMAT binary)") as copy:
        return b"".join(copy)


def _catalogue(connection: Connection[Any]) -> Catalogue:
    row = connection.execute(_CATALOGUE).fetchone()
    assert row is not None
    return row
