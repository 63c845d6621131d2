"""Seals: signed heads of the tree over the log, each with what leads from the seal before to it."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple

from psycopg import Connection, sql
from psycopg.rows import class_row, tuple_row
from psycopg.types.multirange import Int8Multirange

from projections.audit.leaves import FIRST_POSITION, in_ranges
from projections.audit.tree import Nodes, nodes_of_tree, split

SEALS_TABLE = """
    CREATE TABLE IF NOT EXISTS seals (
        number bigint PRIMARY KEY CHECK (number > 0),  -- two processes cannot both go on from the same seal
        size bigint NOT NULL UNIQUE,  -- so many facts of the log, from its first one on, are the leaves of the tree
        position bigint NOT NULL,  -- of the last one of them
        head text NOT NULL,  -- size and root, signed
        nodes bytea NOT NULL,  -- of the tree: what it goes on from
        leaves bytea NOT NULL,  -- hashes of the facts since the seal before: they name a fact that was altered
        positions int8multirange NOT NULL,  -- where these facts are: they name a fact that was removed or inserted
        sealed_at timestamptz NOT NULL DEFAULT clock_timestamp()
    );
    ALTER TABLE seals ALTER COLUMN leaves SET STORAGE EXTERNAL  -- hashes cannot be compressed
"""


class Seal(NamedTuple):
    """A row of the table, without the hashes of its stretch."""

    number: int
    size: int
    position: int
    head: str
    nodes: bytes
    sealed_at: datetime | None = None

    @property
    def tree(self) -> Nodes:
        """The nodes of its tree; raises ProofError where they do not fit its size."""
        return nodes_of_tree(self.size, self.nodes)


NO_SEAL = Seal(0, 0, FIRST_POSITION, "", b"")
"""What the first seal goes on from."""


class Stretch(NamedTuple):
    """The facts between two seals: their leaf hashes and positions."""

    hashes: list[bytes]
    positions: list[int]


def insert_seal(connection: Connection[Any], seal: Seal, hashes: Sequence[bytes], positions: Int8Multirange) -> None:
    """Add a seal with the leaf hashes and positions of its stretch."""
    connection.execute(
        """
        INSERT INTO seals (number, size, position, head, nodes, sealed_at, leaves, positions)
        VALUES (%s, %s, %s, %s, %s, coalesce(%s, clock_timestamp()), %s, %s)
        """,
        (*seal, b"".join(hashes), positions),
    )


def last_seal(connection: Connection[Any]) -> Seal:
    """The newest seal; NO_SEAL where there is none."""
    return next(_seals(connection, "ORDER BY number DESC LIMIT 1", ()), NO_SEAL)


def seals_from(connection: Connection[Any], number: int, limit: int | None = None) -> list[Seal]:
    """At most `limit` seals from one on, in order."""
    return list(_seals(connection, "WHERE number >= %s ORDER BY number LIMIT %s", (number, limit)))


def seal_of_size(connection: Connection[Any], size: int) -> Seal | None:
    """The first seal of at least so many facts."""
    return next(_seals(connection, "WHERE size >= %s ORDER BY size LIMIT 1", (size,)), None)


def seal_over(connection: Connection[Any], position: int) -> Seal | None:
    """The first seal over a position."""
    return next(_seals(connection, "WHERE position >= %s ORDER BY number LIMIT 1", (position,)), None)


def _seals(connection: Connection[Any], which: LiteralString, parameters: tuple[int | None, ...]) -> Iterator[Seal]:
    statement = sql.SQL("SELECT number, size, position, head, nodes, sealed_at FROM seals {}").format(sql.SQL(which))
    with connection.cursor(row_factory=class_row(Seal)) as cursor:
        yield from cursor.execute(statement, parameters)


def stretches_between(connection: Connection[Any], first: int, last: int) -> dict[int, Stretch]:
    """By number, what the seals from `first` to `last` say of their stretches."""
    with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        cursor.execute(
            "SELECT number, leaves, positions FROM seals WHERE number BETWEEN %s::bigint AND %s::bigint", (first, last)
        )
        return {number: Stretch(split(leaves), in_ranges(positions)) for number, leaves, positions in cursor}
