"""Proofs that stand for themselves: that the log holds a fact, and that it only grew; checked with a public key alone.

The first is a text after c2sp.org/tlog-proof, whose `extra` is the leaf; the second is written alike, with two heads.
"""

import re
from base64 import b64encode
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection

from projections.audit.heads import Head, HeadError, PublicKey, check_head, decoded, read_head
from projections.audit.leaves import LeafFact, fact_of, leaves_between
from projections.audit.seals import NO_SEAL, Seal, seal_over, seals_from, stretches_between
from projections.audit.tree import (
    HASH_BYTES,
    Nodes,
    ProofError,
    check_consistency,
    check_inclusion,
    consistency_path,
    inclusion_path,
    joined,
    leaf_hash,
    nodes_of,
)

_INCLUSION = "c2sp.org/tlog-proof@v1"
_GROWTH = "baohao.v1/growth-proof"
_TOGETHER = 64
"""Seals whose hashes are read together."""


class Held(NamedTuple):
    """What a proof of inclusion shows: this fact is that `number`, from 0, under the head."""

    fact: LeafFact
    number: int
    head: Head


class Grown(NamedTuple):
    """What a proof of growth shows: the log of the newer head begins with all facts of the older one."""

    older: Head
    newer: Head


def position_of_event(connection: Connection[Any], event_id: UUID) -> int:
    """Where the fact of an event is; reads the whole log. Raises ProofError where there is none."""
    row = connection.execute(
        "SELECT notification_id FROM card_events WHERE substring(state FROM 14 FOR 36) = %s", (str(event_id).encode(),)
    ).fetchone()
    if row is None:
        raise ProofError(f"the log has no event {event_id}")
    return int(row[0])


def prove_inclusion(connection: Connection[Any], position: int) -> str:
    """The proof that the log holds the fact at a position, under the first head over it; raises ProofError."""
    leaves = leaves_between(connection, position - 1, position)
    if len(leaves) != 1:
        raise ProofError(f"the log has {'no fact' if not leaves else 'several facts'} at position {position}")
    seal = seal_over(connection, position)
    if seal is None:
        raise ProofError(f"the fact at position {position} is not sealed yet")
    stretch = stretches_between(connection, seal.number, seal.number)[seal.number]
    try:
        place = stretch.positions.index(position)
        before = _before(connection, seal)
        index = before.size + place
        left = joined(before.tree, nodes_of(before.size, stretch.hashes[:place]))
        path = inclusion_path(index, seal.size, left, nodes_of(index + 1, stretch.hashes[place + 1 :]))
        extra = b64encode(leaves[0]).decode()
        text = _text([_INCLUSION, f"extra {extra}", f"index {index}", *map(_encoded, path)], seal.head)
        _held(text)
    except (ProofError, HeadError, LookupError, ValueError) as error:
        message = (
            f"the fact at position {position} is not as seal {seal.number} has it; `baohao audit verify` says more"
        )
        raise ProofError(message) from error
    return text


def prove_growth(connection: Connection[Any], older: int, newer: int) -> str:
    """The proof that the log under one seal begins with that under another; raises ProofError."""
    if older > newer:
        raise ProofError(f"seal {older} is newer than seal {newer}")
    first, last = _seal(connection, older), _seal(connection, newer)
    try:
        path = consistency_path(first.size, last.size, first.tree, _nodes_between(connection, first, last))
        text = _text([_GROWTH, *map(_encoded, path)], first.head, last.head)
        _grown(text)
    except (ProofError, HeadError, LookupError) as error:
        message = f"seals {older} and {newer} are not of one log any more; `baohao audit verify` says more"
        raise ProofError(message) from error
    return text


def _seal(connection: Connection[Any], number: int) -> Seal:
    found = seals_from(connection, number, 1)
    if number < 1 or not found or found[0].number != number:
        raise ProofError(f"there is no seal {number}")
    return found[0]


def _before(connection: Connection[Any], seal: Seal) -> Seal:
    return NO_SEAL if seal.number == 1 else _seal(connection, seal.number - 1)


def _nodes_between(connection: Connection[Any], first: Seal, last: Seal) -> Nodes:
    nodes: Nodes = ()
    size = first.size
    for start in range(first.number + 1, last.number + 1, _TOGETHER):
        kept = stretches_between(connection, start, min(start + _TOGETHER - 1, last.number))
        hashes = [hash_ for number in sorted(kept) for hash_ in kept[number].hashes]
        nodes = joined(nodes, nodes_of(size, hashes), first.size)
        size += len(hashes)
    return nodes


def check_proof(text: str, keys: Sequence[PublicKey]) -> Held | Grown:
    """What a proof shows; raises ProofError or HeadError where it shows nothing."""
    shown = _grown(text) if text.startswith(f"{_GROWTH}\n") else _held(text)
    for head in (shown.head,) if isinstance(shown, Held) else (shown.older, shown.newer):
        check_head(head, keys)
    return shown


def _held(text: str) -> Held:
    proof, _, head_text = text.partition("\n\n")
    first, extra, index, *path = [*proof.split("\n"), "", "", ""][: max(3, proof.count("\n") + 1)]
    is_index = re.fullmatch(r"index (0|[1-9]\d{0,18})", index, re.ASCII)
    if first != _INCLUSION or not extra.startswith("extra ") or is_index is None:
        raise ProofError(f"this is no proof: it should begin with {_INCLUSION} or {_GROWTH}")
    leaf, head = decoded(extra.removeprefix("extra ")), read_head(head_text)
    fact = fact_of(leaf)
    check_inclusion(int(is_index[1]), head.size, leaf_hash(leaf), [_hash(one) for one in path], head.root)
    return Held(fact, int(is_index[1]), head)


def _grown(text: str) -> Grown:
    parts = text.split("\n\n")
    if len(parts) != 5:  # noqa: PLR2004 (the proof, and two heads of two parts each)
        raise ProofError("this is no proof of growth: it should have two heads after its hashes")
    path = [_hash(one) for one in parts[0].split("\n")[1:]]
    older, newer = read_head(f"{parts[1]}\n\n{parts[2]}\n"), read_head(f"{parts[3]}\n\n{parts[4]}")
    if older.origin != newer.origin:
        raise ProofError(f"one head is of {older.origin!r}, the other of {newer.origin!r}")
    check_consistency(older.size, newer.size, path, older.root, newer.root)
    return Grown(older, newer)


def _text(lines: Sequence[str], *heads: str) -> str:
    return "\n".join([*lines, "", "\n".join(heads)])


def _encoded(hash_: bytes) -> str:
    return b64encode(hash_).decode()


def _hash(line: str) -> bytes:
    found = decoded(line)
    if len(found) != HASH_BYTES:
        raise ProofError("a line of the proof is no hash")
    return found
