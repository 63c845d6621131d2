"""The leaves of the tree: each fact as bytes that do not depend on how it is stored.

A leaf is the row (position, card id, version, stored name, JSON as first stored) in PostgreSQL's binary COPY format:
the number of fields in two bytes, then each field after its length in four. So the log is hashed as it comes from the
server, at next to no cost in Python; were facts stored in another way, `leaf_of` would make the same leaves.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from struct import Struct, unpack
from struct import error as StructError  # noqa: N812 (its own name says nothing)
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import Connection, sql
from psycopg.types.multirange import Int8Multirange
from psycopg.types.range import Range

from projections.audit.tree import ProofError

FIRST_POSITION = -(2**63)
"""No position is smaller."""
_HEADER_BYTES = 19  # "PGCOPY\n\xff\r\n\0", flags, and the length of an extension; it comes with the first row
_TRAILER = b"\xff\xff"
_FIELDS = 5
_POSITION = slice(6, 14)
_FIXED = Struct("!hiqi16siqi")
_LENGTH = Struct("!i")
_COPY: LiteralString = """
    COPY (
        SELECT notification_id, originator_id, originator_version, topic, state FROM card_events
        WHERE notification_id > {} AND notification_id <= {} ORDER BY notification_id LIMIT {}
    ) TO STDOUT (FORMAT BINARY)
"""


class LeafFact(NamedTuple):
    """What a leaf consists of."""

    position: int
    card_id: UUID
    version: int
    name: str
    state: bytes


def leaf_of(fact: LeafFact) -> bytes:
    """The leaf of a fact."""
    name = fact.name.encode()
    fixed = _FIXED.pack(_FIELDS, 8, fact.position, 16, fact.card_id.bytes, 8, fact.version, len(name))
    return fixed + name + _LENGTH.pack(len(fact.state)) + fact.state


def fact_of(leaf: bytes) -> LeafFact:
    """The fact of a leaf; raises ProofError for bytes that are none."""
    try:
        *_, length = fixed = _FIXED.unpack_from(leaf)
        name_end = _FIXED.size + length
        name, state = leaf[_FIXED.size : name_end].decode(), leaf[name_end + _LENGTH.size :]
        found = LeafFact(fixed[2], UUID(bytes=fixed[4]), fixed[6], name, state)
    except (StructError, ValueError) as error:
        raise ProofError("this is no leaf of a log") from error
    if leaf_of(found) != leaf:
        raise ProofError("this is no leaf of a log")
    return found


def hashes_between(connection: Connection[Any], after: int, upto: int) -> list[bytes]:
    """The leaf hashes of the facts with positions from after `after` to `upto`, in order; the fast way."""
    return [sha256(b"\0" + row).digest() for row in _rows(connection, after, upto, None)]


def hashes_at(connection: Connection[Any], after: int, upto: int, limit: int) -> tuple[list[int], list[bytes]]:
    """Positions and leaf hashes of at most `limit` such facts."""
    places, hashes = bytearray(), list[bytes]()
    for row in _rows(connection, after, upto, limit):
        places += row[_POSITION]
        hashes.append(sha256(b"\0" + row).digest())
    return list(unpack(f"!{len(hashes)}q", places)), hashes


def leaves_between(connection: Connection[Any], after: int, upto: int) -> list[bytes]:
    """The leaves of such facts."""
    return [bytes(row) for row in _rows(connection, after, upto, None)]


def _rows(connection: Connection[Any], after: int, upto: int, limit: int | None) -> Iterator[memoryview]:
    statement = sql.SQL(_COPY).format(sql.Literal(after), sql.Literal(upto), sql.Literal(limit))
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        rows: Iterator[Any] = iter(copy)
        first = next(rows)[_HEADER_BYTES:]
        if len(first) > len(_TRAILER):  # else there is no row
            yield first
        for row in rows:
            if len(row) > len(_TRAILER):
                yield row


def position_of(leaf: bytes) -> int:
    """The position in a leaf."""
    return int.from_bytes(leaf[_POSITION], signed=True)


def as_ranges(positions: Sequence[int]) -> Int8Multirange:
    """Rising positions, which seldom have gaps, as ranges."""
    ranges: list[Range[int]] = []
    first = before = positions[0]
    for position in positions[1:]:
        if position != before + 1:
            ranges.append(Range(first, before + 1))
            first = position
        before = position
    return Int8Multirange([*ranges, Range(first, before + 1)])


def in_ranges(ranges: Iterable[Range[int]]) -> list[int]:
    """The positions in ranges."""
    return [position for one in ranges for position in range(one.lower or 0, one.upper or 0)]
