"""The sealed log out of one store and into another with the same positions and roots, whatever file is between.

What leaves and what comes in is a stretch at a time, each checked against its signed head.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from psycopg import Connection

from engine.store.limits_rebuild import rebuild_limits
from engine.store.log import FACTS_CHANNEL, head
from projections.audit.heads import PublicKey, check_head, read_head
from projections.audit.leaves import LeafFact, as_ranges, fact_of, leaf_of, leaves_between
from projections.audit.seals import NO_SEAL, Seal, insert_seal, last_seal, seals_from
from projections.audit.tree import Nodes, ProofError, joined, leaf_hash, nodes_of, root_of


class Transferred(NamedTuple):
    """How many facts and seals were written or read."""

    facts: int
    seals: int


class Sealed(NamedTuple):
    """A stretch of the log: its seal, and the facts since the one before, with their leaf hashes."""

    before: Seal
    seal: Seal
    facts: list[LeafFact]
    hashes: list[bytes]


Source = Callable[[Seal], Iterable[tuple[Seal, Sequence[LeafFact]]]]
"""The stretches of a file that go on after a seal, in order; raises ProofError where they do not."""


def seals_between(connection: Connection[Any], first: int, last: int | None) -> tuple[Seal, list[Seal]]:
    """The seal before number `first`, and those from it to `last`, or to the newest; raises ProofError."""
    seals = seals_from(connection, first, None if last is None else max(last - first + 1, 0))
    before = NO_SEAL if first == 1 else next(iter(seals_from(connection, first - 1, 1)), NO_SEAL)
    if not seals or (before.number, seals[0].number) != (first - 1, first) or last not in {None, seals[-1].number}:
        raise ProofError("the log has no seals with all these numbers")
    return before, seals


def read_sealed(
    connection: Connection[Any], keys: Sequence[PublicKey], before: Seal, seals: Iterable[Seal]
) -> Iterator[Sealed]:
    """Each stretch under the seals; raises ProofError or HeadError where the log is not as it was sealed."""
    for seal in seals:
        leaves = leaves_between(connection, before.position, seal.position)
        hashes = [leaf_hash(leaf) for leaf in leaves]
        _check(nodes_of(before.size, hashes), before, seal, keys)
        yield Sealed(before, seal, [fact_of(leaf) for leaf in leaves], hashes)
        before = seal


def _check(nodes: Nodes, before: Seal, seal: Seal, keys: Sequence[PublicKey]) -> bytes:
    """The nodes of the tree with a stretch, if its root is that of the signed head."""
    signed = read_head(seal.head)
    check_head(signed, keys)
    tree = joined(before.tree, nodes)
    if (signed.size, signed.root) != (seal.size, root_of(tree)):
        raise ProofError(
            f"the facts of seal {seal.number} are not those that were sealed; `baohao audit verify` says more"
        )
    return b"".join(node.hash for node in tree)


def import_sealed(
    connection: Connection[Any],
    keys: Sequence[PublicKey],
    source: Source,
    progress: Callable[[int], None] = lambda _: None,
) -> Transferred:
    """Add facts and seals to a log that ends with the seal before them, all or nothing.

    As the owner, since positions are set; `progress` is told how many facts were added. Raises ProofError or HeadError
    where what is added does not fit.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('public.card_events', 0))")
        start = before = last_seal(connection)
        if head(connection) != max(before.position, 0):
            raise ProofError("the log holds facts that no seal is over; a file can be added to sealed ones or to none")
        for seal, facts in source(before):
            before = _add(connection, keys, before, seal, facts)
            progress(before.size - start.size)
        if before == start:
            raise ProofError("the file has no seal, so there is nothing to add")
        connection.execute(
            "SELECT setval(pg_get_serial_sequence('card_events', 'notification_id'), %s)", (before.position,)
        )
        rebuild_limits(connection)
        connection.execute(f"NOTIFY {FACTS_CHANNEL}")
    return Transferred(before.size - start.size, before.number - start.number)


def _add(
    connection: Connection[Any], keys: Sequence[PublicKey], before: Seal, seal: Seal, facts: Sequence[LeafFact]
) -> Seal:
    positions = [fact.position for fact in facts]
    rising = all(one < other for one, other in zip([before.position, *positions], positions, strict=False))
    follows = (before.number + 1, positions[-1]) == (seal.number, seal.position)
    if not rising or not follows or positions[0] < 1:  # as the log's own sequence begins
        raise ProofError(f"seal {seal.number} does not go on from the one before")
    hashes = [leaf_hash(leaf_of(fact)) for fact in facts]
    whole = seal._replace(nodes=_check(nodes_of(before.size, hashes), before, seal, keys))
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY card_events (notification_id, originator_id, originator_version, topic, state) "
            "FROM STDIN (FORMAT binary)"
        ) as copy,
    ):
        copy.set_types(["bigint", "uuid", "bigint", "text", "bytea"])
        for fact in facts:
            copy.write_row(fact)
    insert_seal(connection, whole, hashes, as_ranges(positions))
    return whole


def check_begins(number: int, size: int, before: Seal) -> None:
    """Raise ProofError unless a file that goes on after that seal goes on where the log ends."""
    if (number, size) != (before.number, before.size):
        raise ProofError(f"the file goes on after seal {number}, but the log ends with seal {before.number}")
