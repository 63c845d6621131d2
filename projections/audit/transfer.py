"""The sealed log as JSON lines, and back into another store with the same positions and roots.

A file has a line `begin` (the seal after which it goes on), then for each seal the facts of its stretch, a line `fact`
each with its JSON as first stored, and a line `seal`. Both sides check every stretch against its signed head.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, BinaryIO, NamedTuple
from uuid import UUID

from msgspec import MsgspecError, Struct, json
from psycopg import Connection

from engine.store.limits_rebuild import rebuild_limits
from engine.store.log import FACTS_CHANNEL, head
from projections.audit.heads import PublicKey, check_head, read_head
from projections.audit.leaves import LeafFact, as_ranges, fact_of, leaf_of, leaves_between
from projections.audit.seals import NO_SEAL, Seal, insert_seal, last_seal, seals_from
from projections.audit.tree import Nodes, ProofError, joined, leaf_hash, nodes_of, root_of


class _Begin(Struct, tag_field="kind", tag="begin", forbid_unknown_fields=True):
    number: int
    size: int


class _Fact(Struct, tag_field="kind", tag="fact", forbid_unknown_fields=True):
    position: int
    card_id: UUID
    version: int
    name: str
    state: str


class _SealLine(Struct, tag_field="kind", tag="seal", forbid_unknown_fields=True):
    number: int
    size: int
    position: int
    head: str
    sealed_at: datetime


class Transferred(NamedTuple):
    """How many facts and seals were written or read."""

    facts: int
    seals: int


_encode = json.Encoder().encode
_decode = json.Decoder(_Begin | _Fact | _SealLine).decode


def export_log(
    connection: Connection[Any], keys: Sequence[PublicKey], file: BinaryIO, first: int, last: int | None
) -> Transferred:
    """Write the facts under the seals from `first` to `last`; raises ProofError or HeadError where one is broken."""
    seals = seals_from(connection, first, None if last is None else last - first + 1)
    before = NO_SEAL if first == 1 else next(iter(seals_from(connection, first - 1, 1)), NO_SEAL)
    if not seals or (before.number, seals[0].number) != (first - 1, first) or last not in {None, seals[-1].number}:
        raise ProofError("the log has no seals with all these numbers")
    _write(file, _Begin(before.number, before.size))
    start = before
    for seal in seals:
        leaves = leaves_between(connection, before.position, seal.position)
        _check(nodes_of(before.size, [leaf_hash(leaf) for leaf in leaves]), before, seal, keys)
        for leaf in leaves:
            _write(file, _as_line(fact_of(leaf)))
        if seal.sealed_at is not None:
            _write(file, _SealLine(seal.number, seal.size, seal.position, seal.head, seal.sealed_at))
        before = seal
    return Transferred(before.size - start.size, len(seals))


def _as_line(fact: LeafFact) -> _Fact:
    try:
        return _Fact(*fact[:4], fact.state.decode())
    except UnicodeDecodeError:
        raise ProofError(f"the fact at position {fact.position} is no text") from None


def _write(file: BinaryIO, line: Struct) -> None:
    file.write(_encode(line) + b"\n")


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


def import_log(connection: Connection[Any], keys: Sequence[PublicKey], lines: Iterable[bytes]) -> Transferred:
    """Add the facts and seals of a file to a log that ends with the seal before them, all or nothing.

    As the owner, since positions are set. Raises ProofError or HeadError where the file or the log does not fit.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('public.card_events', 0))")
        start = before = last_seal(connection)
        if head(connection) != max(before.position, 0):
            raise ProofError("the log holds facts that no seal is over; a file can be added to sealed ones or to none")
        for seal, facts in _stretches(lines, before):
            before = _add(connection, keys, before, seal, facts)
        if before == start:
            raise ProofError("the file has no seal, so there is nothing to add")
        connection.execute(
            "SELECT setval(pg_get_serial_sequence('card_events', 'notification_id'), %s)", (before.position,)
        )
        rebuild_limits(connection)
        connection.execute(f"NOTIFY {FACTS_CHANNEL}")
    return Transferred(before.size - start.size, before.number - start.number)


def _stretches(lines: Iterable[bytes], before: Seal) -> Iterator[tuple[Seal, list[LeafFact]]]:
    """Each seal of a file with the facts before it."""
    facts: list[LeafFact] = []
    begun = False
    for number, line in enumerate(lines, start=1):
        match _read(line, number):
            case _Begin(number=of, size=size) if not begun:
                if (of, size) != (before.number, before.size):
                    raise ProofError(f"the file goes on after seal {of}, but the log ends with seal {before.number}")
                begun = True
            case _Fact() as fact if begun:
                facts.append(LeafFact(fact.position, fact.card_id, fact.version, fact.name, fact.state.encode()))
            case _SealLine() as seal if begun and facts:
                yield Seal(seal.number, seal.size, seal.position, seal.head, b"", seal.sealed_at), facts
                facts = []
            case _:
                raise ProofError(f"line {number} does not belong there")
    if facts or not begun:
        raise ProofError("the file is cut: it should begin with its own line, and end with a seal")


def _read(line: bytes, number: int) -> _Begin | _Fact | _SealLine:
    try:
        return _decode(line)
    except (MsgspecError, UnicodeDecodeError) as error:
        raise ProofError(f"line {number} is none of an exported log: {error}") from None


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
