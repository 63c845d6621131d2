"""Verifies the log against its seals, and against heads that somebody kept outside."""

from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection

from engine.store.log import head as head_of_log
from projections.audit.comparing import Compared, compare, hashes_of, parts_of, version_gaps
from projections.audit.findings import Finding, of_gap, of_seal, of_stretch, rows_found
from projections.audit.heads import Head, HeadError, PublicKey, check_head, read_head
from projections.audit.seals import NO_SEAL, Seal, seals_from, stretches_between
from projections.audit.tree import Nodes, ProofError, joined, nodes_of, root_of

PART = 20_000
"""Facts that a process compares at a time: a few seconds at most, and 15 MB of its memory."""


class Verified(NamedTuple):
    """The result of a verification."""

    facts: int
    """How many were compared."""
    seals: int
    unsealed: int
    """How many facts the log has after its last seal."""
    findings: list[Finding]


class Signed(NamedTuple):
    """A seal whose row is sound: its number, size and position go on from the one before, and it is signed."""

    seal: Seal
    root: bytes


def verify(
    database_url: str,
    keys: Sequence[PublicKey],
    heads: Sequence[Head] = (),
    *,
    from_seal: int | None = None,
    parallel: int = 1,
    progress: Callable[[int], None] = lambda _: None,
) -> Verified:
    """Compare the whole log, or what comes after seal number `from_seal`; `heads` are checked already.

    `progress` is told how many facts were compared. Raises HeadError where there is no such seal to begin with.
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        before, seals = _seals(connection, from_seal)
        upto = head_of_log(connection)  # what is appended meanwhile waits for its seal
        findings: list[Finding] = []
        signed = _signed(before, seals, keys, findings)
        with _doing(parallel) as do:
            gaps = do(version_gaps, [database_url])
            tail = do(hashes_of, [database_url], [seals[-1].position if seals else before.position], [upto])
            stretches: list[Compared] = []
            for part in do(partial(compare, database_url), parts_of(before, [one.seal for one in signed], PART)):
                stretches += part
                progress(stretches[-1].seal.size - before.size)
            tail_hashes = next(tail)
            findings += judged(before, stretches, signed)
            findings += _of_heads(connection, heads, before, [one.seal for one in signed], tail_hashes)
            findings += map(of_gap, next(gaps))
    facts = stretches[-1].seal.size - before.size if stretches else 0
    return Verified(facts, len(signed), len(tail_hashes), findings)


@contextmanager
def _doing(parallel: int) -> Generator[Callable[..., Iterator[Any]]]:
    """What maps a function over lists: in so many processes, or in this one."""
    if parallel == 1:
        yield map
        return
    with ProcessPoolExecutor(parallel, get_context("spawn")) as pool:
        yield pool.map


def _seals(connection: Connection[Any], number: int | None) -> tuple[Seal, list[Seal]]:
    """The seal to begin with, and those after it."""
    if number is None:
        return NO_SEAL, seals_from(connection, 1)
    seals = seals_from(connection, number)
    if not seals or seals[0].number != number:
        raise HeadError(f"there is no seal {number} to begin with")
    return seals[0], seals[1:]


def _signed(before: Seal, seals: Sequence[Seal], keys: Sequence[PublicKey], findings: list[Finding]) -> list[Signed]:
    """The seals that are sound, and what is wrong with the others."""
    if before is not NO_SEAL and (problem := unsigned(before, keys)) is not None:
        findings.append(of_seal(before.number, problem))
    sound: list[Signed] = []
    expected = before.number + 1
    for seal in seals:
        if seal.number > expected:
            findings.append(of_seal(expected, f"it was removed, with those up to {seal.number - 1}"))
        expected = seal.number + 1
        problem = unsound(seal, sound[-1].seal if sound else before, keys)
        if problem is None:
            sound.append(Signed(seal, read_head(seal.head).root))
        else:
            findings.append(of_seal(seal.number, problem))
    return sound


def unsound(seal: Seal, last: Seal, keys: Sequence[PublicKey]) -> str | None:
    """What is wrong with the row of a seal; None if nothing is."""
    if seal.size <= last.size or seal.position <= last.position:
        return "it does not go on from the one before"
    return unsigned(seal, keys)


def unsigned(seal: Seal, keys: Sequence[PublicKey]) -> str | None:
    """Why the head of a seal does not vouch for it; None if it does."""
    try:
        head = read_head(seal.head)
        check_head(head, keys)
        root = root_of(seal.tree)
    except (HeadError, ProofError) as error:
        return str(error)
    if (head.size, head.root) != (seal.size, root):
        return "its row says something else than its signed head"
    return None


def judged(before: Seal, stretches: Sequence[Compared], signed: Sequence[Signed]) -> Iterator[Finding]:
    """Which rows, stretches or seals are not as they were, by the signed roots."""
    tree = before.tree
    named: list[Compared] = []
    for stretch, one in zip(stretches, signed, strict=True):
        is_as_kept = not stretch.missing and not stretch.strange
        if root_of(joined(tree, stretch.by_log)) == one.root:
            if stretch.before.number + 1 == stretch.seal.number and not (is_as_kept and stretch.can_name):
                sentence = "the hashes or positions kept with it were changed; the log is as it was sealed"
                yield of_seal(one.seal.number, sentence)
        elif stretch.can_name and root_of(joined(tree, stretch.by_seal)) == one.root:
            named.append(stretch)
        else:
            yield of_stretch(stretch)
        tree = one.seal.tree  # its root was compared: the next stretch is judged by itself
    yield from rows_found(named)


def _of_heads(
    connection: Connection[Any], heads: Sequence[Head], before: Seal, seals: Sequence[Seal], tail: Sequence[bytes]
) -> Iterator[Finding]:
    """What heads from outside say that this log does not."""
    last = seals[-1] if seals else before
    for head in heads:
        if head.size > last.size + len(tail):
            cut = head.size - last.size - len(tail)
            sentence = f"the log ends after {last.size + len(tail)} facts; its head of {head.size} facts shows that "
            sentence += f"{cut} were cut off" if cut > 1 else "one was cut off"
            yield Finding("cut", None, None, sentence)
        elif head.size < before.size:
            raise HeadError(
                f"the head of {head.size} facts is older than seal {before.number}: begin with an earlier one"
            )
        elif root_of(_tree_of(connection, head.size, before, seals, tail)) != head.root:
            sentence = f"the first {head.size} facts are not those of the head that was given"
            yield Finding("head", None, None, sentence)


def _tree_of(
    connection: Connection[Any], size: int, before: Seal, seals: Sequence[Seal], tail: Sequence[bytes]
) -> Nodes:
    """The tree of so many facts, by what the seals say, and after them by the log."""
    base = before
    for seal in seals:
        if seal.size <= size:
            base = seal
        else:
            kept = stretches_between(connection, seal.number, seal.number)[seal.number].hashes
            return joined(base.tree, nodes_of(base.size, kept[: size - base.size]))
    return joined(base.tree, nodes_of(base.size, tail[: size - base.size]))
