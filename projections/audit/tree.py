"""The Merkle tree of RFC 6962, section 2.1: hashes, heads, and proofs, from leaf hashes; pure.

Leaves are counted from 0. A stretch of leaves [first, end) is summed up by its largest perfect subtrees, from left to
right: its nodes, at most two of each level. Those of two adjoining stretches join to those of both, so that a stretch
is hashed by itself, in any process, and a tree goes on from the few nodes of what it holds.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from engine.errors import BaohaoError

HASH_BYTES = 32
EMPTY_ROOT = sha256().digest()
"""The root of a tree without leaves."""


class ProofError(BaohaoError):
    """A proof shows nothing; the message says why."""


class Node(NamedTuple):
    """The root of a perfect subtree of 2 ** level leaves."""

    level: int
    hash: bytes


Nodes = tuple[Node, ...]
"""What a stretch of leaves is summed up by, from left to right."""


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of a leaf; the byte before it keeps leaves and inner nodes apart."""
    return sha256(b"\0" + leaf).digest()


def parent_hash(left: bytes, right: bytes) -> bytes:
    """The hash of the node above two others."""
    return sha256(b"\1" + left + right).digest()


def nodes_of(first: int, leaves: Sequence[bytes]) -> Nodes:
    """The nodes of the stretch that begins with leaf number `first`, from its leaf hashes."""
    left: list[Node] = []
    right: list[Node] = []
    start, level, hashes = first, 0, list(leaves)
    while hashes:
        if start & 1:
            left.append(Node(level, hashes.pop(0)))
            start += 1
        if len(hashes) & 1:
            right.append(Node(level, hashes.pop()))
        hashes = [sha256(b"\1" + a + b).digest() for a, b in zip(hashes[::2], hashes[1::2], strict=True)]
        start >>= 1
        level += 1
    return *left, *reversed(right)


def joined(before: Nodes, nodes: Nodes, first: int = 0) -> Nodes:
    """The nodes of a stretch that begins with leaf number `first`, and of the one after it, as those of both."""
    stack = list(before)
    start = first + size_of(before)
    for node in nodes:
        whole, place = node, start
        while stack and stack[-1].level == whole.level and place >> whole.level & 1:  # it is the right one of two
            place -= 1 << whole.level
            whole = Node(whole.level + 1, parent_hash(stack.pop().hash, whole.hash))
        stack.append(whole)
        start += 1 << node.level
    return tuple(stack)


def size_of(nodes: Nodes) -> int:
    """The number of leaves."""
    return sum(1 << node.level for node in nodes)


def root_of(nodes: Nodes) -> bytes:
    """The root of the tree that has these nodes from leaf 0 on."""
    return _folded(nodes) if nodes else EMPTY_ROOT


def _folded(nodes: Nodes) -> bytes:
    *others, last = nodes
    whole = last.hash
    for node in reversed(others):
        whole = parent_hash(node.hash, whole)
    return whole


def nodes_of_tree(size: int, hashes: bytes) -> Nodes:
    """The nodes of a tree from their hashes alone, whose levels its size says; raises ProofError if they do not fit."""
    levels = [level for level in range(size.bit_length() - 1, -1, -1) if size >> level & 1]
    if len(hashes) != HASH_BYTES * len(levels):
        raise ProofError(f"a tree of {size} leaves has {len(levels)} nodes, not {len(hashes) // HASH_BYTES}")
    return tuple(Node(level, hash_) for level, hash_ in zip(levels, split(hashes), strict=True))


def split(hashes: bytes) -> list[bytes]:
    """Hashes that stand one after the other."""
    return [hashes[place : place + HASH_BYTES] for place in range(0, len(hashes), HASH_BYTES)]


def inclusion_path(index: int, size: int, before: Nodes, after: Nodes) -> list[bytes]:
    """The audit path (section 2.1.1) of leaf `index` in a tree of `size` leaves.

    `before` are the nodes of the leaves [0, index), `after` those of [index + 1, size).
    """
    return _path(index, size, 0, before, after)


def consistency_path(size: int, later: int, before: Nodes, after: Nodes) -> list[bytes]:
    """The proof (section 2.1.2) that the tree of `later` leaves begins with that of `size`, of at least one leaf.

    `before` are the nodes of the leaves [0, size), `after` those of [size, later).
    """
    if size == later:
        return []
    *others, last = before
    path = _path(size - 1, later, last.level, tuple(others), after)
    return path if not others else [last.hash, *path]


def _path(index: int, size: int, level: int, before: Nodes, after: Nodes) -> list[bytes]:
    """The siblings on the way up from the node of `level` that ends with, or is, leaf `index`."""
    lefts, rights = {node.level: node.hash for node in before}, list(after)
    meet = (index ^ (size - 1)).bit_length()  # from this level on the node is on the right edge of the tree
    path: list[bytes] = []
    for height in range(level, max(size.bit_length(), level)):
        if height == meet - 1:
            path.append(_folded(tuple(rights)))
        elif index >> height & 1:
            path.append(lefts[height])
        elif height < meet:
            path.append(rights.pop(0).hash)
    return path


def check_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> None:
    """Raise ProofError unless the leaf hash is number `index` under the root of a tree of `size` leaves."""
    if not 0 <= index < size:
        raise ProofError(f"there is no leaf {index} in a tree of {size}")
    if _climbed(index, size, 0, (leaf,), path) != (root,):
        raise ProofError(f"the path does not lead from leaf {index} to the root of the tree of {size}")


def check_consistency(size: int, later: int, path: Sequence[bytes], root: bytes, later_root: bytes) -> None:
    """Raise ProofError unless the tree of `later` leaves begins with all `size` leaves of the other one."""
    if not 0 < size <= later:
        raise ProofError(f"a tree of {later} leaves does not go on from one of {size}")
    if size == later:
        if path or root != later_root:
            raise ProofError(f"the two trees of {size} leaves are not the same")
        return
    level = (size & -size).bit_length() - 1
    perfect = size == 1 << level
    if not perfect and not path:
        raise ProofError("the proof is too short")
    seed, rest = (root, path) if perfect else (path[0], path[1:])
    if _climbed(size - 1, later, level, (seed, seed), rest) != (root, later_root):
        raise ProofError(f"the tree of {later} leaves does not begin with that of {size}")


def _climbed(
    index: int, size: int, level: int, seeds: tuple[bytes, ...], path: Sequence[bytes]
) -> tuple[bytes, ...] | None:
    """Where the path leads from a node; of two seeds the first stays in the tree that ends with it.

    None where the path is too short or too long.
    """
    meet = (index ^ (size - 1)).bit_length()
    *smaller, whole = seeds
    rest = list(path)
    for height in range(level, size.bit_length()):
        is_right = height >= meet and not index >> height & 1
        if is_right:
            continue
        if not rest:
            return None
        sibling = rest.pop(0)
        if index >> height & 1:
            smaller = [parent_hash(sibling, one) for one in smaller]
            whole = parent_hash(sibling, whole)
        else:
            whole = parent_hash(whole, sibling)
    return None if rest else (*smaller, whole)
