"""Compares stretches of the log with what their seals say; each part by itself, so that processes share the work.

It imports little, so that such a process starts quickly.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection

from projections.audit.leaves import hashes_between, leaves_between, position_of
from projections.audit.seals import Seal, Stretch, stretches_between
from projections.audit.tree import Nodes, leaf_hash, nodes_of


class Missing(NamedTuple):
    """A sealed fact that is not in the log as it was."""

    position: int
    hash: bytes


class Compared(NamedTuple):
    """What one stretch gave."""

    before: Seal
    seal: Seal
    by_seal: Nodes
    """Its nodes by the hashes that are kept with the seal."""
    by_log: Nodes
    """Its nodes by the log."""
    missing: tuple[Missing, ...] = ()
    strange: tuple[bytes, ...] = ()
    """Leaves of the log that were not sealed at their positions."""
    can_name: bool = True
    """Whether the seal keeps hashes and positions of the whole stretch, which fit each other."""


class Part(NamedTuple):
    """Seals in a row, and the one before them."""

    before: Seal
    seals: tuple[Seal, ...]


def compare(database_url: str, part: Part) -> list[Compared]:
    """Each stretch of a part."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        return compared(connection, part)


def compared(connection: Connection[Any], part: Part) -> list[Compared]:
    """Each stretch of a part: all at once, and one by one only where something differs."""
    stretches = stretches_between(connection, part.seals[0].number, part.seals[-1].number)
    found = hashes_between(connection, part.before.position, part.seals[-1].position)
    kept = [hash_ for seal in part.seals for hash_ in stretches.get(seal.number, _NOTHING).hashes]
    agree = found == kept
    answers: list[Compared] = []
    before = part.before
    for seal in part.seals:
        stretch = stretches.get(seal.number, _NOTHING)
        if agree and is_whole(before, seal, stretch):
            nodes = nodes_of(before.size, stretch.hashes)
            answers.append(Compared(before, seal, nodes, nodes))
        else:
            leaves = leaves_between(connection, before.position, seal.position)
            answers.append(in_detail(leaves, before, seal, stretch))
        before = seal
    return answers


_NOTHING = Stretch([], [])


def in_detail(leaves: Sequence[bytes], before: Seal, seal: Seal, stretch: Stretch) -> Compared:
    """A stretch whose leaves or hashes are not as they should be."""
    hashes = [leaf_hash(leaf) for leaf in leaves]
    expected = dict(zip(stretch.positions, stretch.hashes, strict=False))
    kept = set(stretch.hashes)
    can_name = is_whole(before, seal, stretch)
    strange: list[bytes] = []
    for leaf, hash_ in zip(leaves, hashes, strict=True):
        position = position_of(leaf)
        if expected.get(position) == hash_:
            del expected[position]  # so that a second row of the position is strange
        else:
            strange.append(leaf)
            can_name &= hash_ not in kept or position in stretch.positions  # a hash is of one position only
    return Compared(
        before,
        seal,
        nodes_of(before.size, stretch.hashes),
        nodes_of(before.size, hashes),
        tuple(Missing(*one) for one in expected.items()),
        tuple(strange),
        can_name,
    )


def is_whole(before: Seal, seal: Seal, stretch: Stretch) -> bool:
    """Whether a seal keeps hashes and positions of its whole stretch, which fit each other."""
    return (
        seal.number == before.number + 1
        and len(stretch.hashes) == len(stretch.positions) == seal.size - before.size
        and before.position < stretch.positions[0] <= stretch.positions[-1] == seal.position
    )


def hashes_of(database_url: str, after: int, upto: int) -> list[bytes]:
    """The leaf hashes of the facts from after one position to another, on a connection of its own."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        return hashes_between(connection, after, upto)


def parts_of(before: Seal, seals: Sequence[Seal], facts: int) -> list[Part]:
    """The seals in parts of about so many facts."""
    parts: list[Part] = []
    start = 0
    first = before
    for place, seal in enumerate(seals):
        if seal.size - first.size >= facts or place == len(seals) - 1:
            parts.append(Part(first, tuple(seals[start : place + 1])))
            start, first = place + 1, seal
    return parts


class VersionGap(NamedTuple):
    """A stream that does not have the versions from 1 on, each once."""

    card_id: str
    fact_count: int
    last_version: int
    missing: int | None
    """The first version that it lacks; None where one stands twice."""


def version_gaps(database_url: str, limit: int = 1000) -> list[VersionGap]:
    """The streams whose versions have gaps."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        rows = connection.execute(
            """
            SELECT originator_id::text, count(*), max(originator_version), (
                SELECT min(v) FROM generate_series(1, max(originator_version)) AS v WHERE NOT EXISTS (
                    SELECT FROM card_events e WHERE e.originator_id = a.originator_id AND e.originator_version = v
                )
            )
            FROM card_events a GROUP BY originator_id
            HAVING count(*) <> max(originator_version) OR min(originator_version) <> 1 LIMIT %s
            """,
            (limit,),
        )
        return [VersionGap(*row) for row in rows]
