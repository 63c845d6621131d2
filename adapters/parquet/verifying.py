"""Verifies an archive from its folder alone, with a public key and heads that somebody kept."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from adapters.parquet import ParquetError
from adapters.parquet.archive import SUMS, listed, sha256_of, unlisted
from adapters.parquet.log_files import ReadStretch, open_log, recorded_at
from projections.audit.comparing import Compared, in_detail, is_whole
from projections.audit.findings import Finding, of_seal
from projections.audit.heads import Head, PublicKey, read_head
from projections.audit.leaves import LeafFact, leaf_of
from projections.audit.seals import NO_SEAL, Seal
from projections.audit.tree import joined, leaf_hash, nodes_of, root_of
from projections.audit.verifying import Signed, Verified, judged, unsigned, unsound

_CARRIED_AT_MOST = 100_000
"""So many facts whose seals are not sound wait for one that is."""


def verify_archive(
    folder: Path,
    keys: Sequence[PublicKey],
    heads: Sequence[Head] = (),
    progress: Callable[[int], None] = lambda _: None,
) -> Verified:
    """Compare every file with its seals; `heads` are checked already, and the archive should reach them.

    `progress` is told how many facts were compared. Raises ParquetError and OSError where there is no archive.
    """
    sums = listed(folder)
    findings = [_of_unlisted(name) for name in unlisted(folder, sums)]
    if not sums and not findings:
        raise ParquetError(f"{folder} is an archive without any file, so there is nothing to verify")
    last: Seal | None = NO_SEAL
    facts = seals = 0
    for name, expected in sums.items():
        file = folder / name
        if not file.exists():
            findings.append(Finding("removed", None, None, f"{name} is missing"))
            last = None
            continue
        if sha256_of(file) != expected:
            findings.append(Finding("changed", None, None, f"{name}: its bytes are not those that {SUMS} has"))
        checked = _checked(file, last, keys, heads)
        findings += [one._replace(sentence=f"{name}: {one.sentence}") for one in checked.findings]
        facts, seals, last = facts + checked.fact_count, seals + checked.seals, checked.last
        progress(facts)
    findings += [_of_cut(head, last) for head in heads if last is not None and head.size > last.size]
    return Verified(facts, seals, 0, findings)


def _of_unlisted(name: str) -> Finding:
    sentence = f"{name} is there, but {SUMS} does not list it; what is in it was not compared"
    return Finding("changed", None, None, sentence)


class _Checked(NamedTuple):
    """What one file gave; `last` is its last seal, None where it could not be read to its end."""

    fact_count: int
    seals: int
    last: Seal | None
    findings: list[Finding]


def _checked(file: Path, last: Seal | None, keys: Sequence[PublicKey], heads: Sequence[Head]) -> _Checked:
    findings: list[Finding] = []
    compared: list[Compared] = []
    signed: list[Signed] = []
    with file.open("rb") as opened:
        try:
            log = open_log(opened, "it")
        except ParquetError as error:
            return _Checked(0, 0, None, [Finding("changed", None, None, str(error))])
        findings += _of_beginning(log.after, last, keys)
        before: Seal | None = log.after
        if any(one.kind == "seal" for one in findings):
            return _Checked(0, 0, None, findings)
        try:
            for one in _sound(log.after, log.stretches, keys, findings):
                compared.append(_compared(*one))
                signed.append(Signed(one.stretch.seal, read_head(one.stretch.seal.head).root))
                findings += _of_rows(one, compared[-1], signed[-1].root, heads)
        except ParquetError as error:
            where = f"after position {max(signed[-1].seal.position if signed else log.after.position, 0)} {error}"
            findings.append(Finding("changed", None, None, where))
            before = None
    findings += judged(log.after, compared, signed)
    end = signed[-1].seal if signed else log.after
    return _Checked(end.size - log.after.size, len(signed), before and end, findings)


def _of_beginning(after: Seal, last: Seal | None, keys: Sequence[PublicKey]) -> Iterator[Finding]:
    """What is wrong with the seal after which a file goes on."""
    if after.number and (problem := unsigned(after, keys)) is not None:
        yield of_seal(after.number, f"after it the file goes on, but {problem}")
    elif not after.number and after[:5] != NO_SEAL[:5]:
        yield of_seal(0, "there is none before the first one")
    if last is None or after[:4] == last[:4]:
        return
    ends = f"the file before it ends with seal {last.number}" if last.number else "no file is before it"
    sentence = f"it goes on after seal {after.number}, but {ends}"
    if after.size > last.size:
        yield Finding("removed", None, None, f"{sentence}: {after.size - last.size} facts are missing")
    else:
        yield Finding("changed", None, None, sentence)


class _Sound(NamedTuple):
    """A stretch whose seal is signed, with the facts of those before it whose seals are not."""

    before: Seal
    stretch: ReadStretch


def _sound(
    before: Seal, stretches: Iterator[ReadStretch], keys: Sequence[PublicKey], findings: list[Finding]
) -> Iterator[_Sound]:
    """The stretches whose seals are sound, and what is wrong with the others."""
    carried: list[LeafFact] = []
    times = []
    expected = before.number + 1
    for stretch in stretches:
        seal = stretch.seal
        if seal.number > expected:
            findings.append(of_seal(expected, f"it was removed, with those up to {seal.number - 1}"))
        expected = seal.number + 1
        carried, times = carried + stretch.facts, times + stretch.recorded_at
        problem = unsound(seal, before, keys)
        if problem is None:
            yield _Sound(before, stretch._replace(facts=carried, recorded_at=times))
            before, carried, times = seal, [], []
        else:
            findings.append(of_seal(seal.number, problem))
        if len(carried) > _CARRIED_AT_MOST:
            raise ParquetError("it is not compared, since its seals are not sound")


def _compared(before: Seal, stretch: ReadStretch) -> Compared:
    seal, kept = stretch.seal, stretch.kept
    leaves = [leaf_of(fact) for fact in stretch.facts]
    hashes = [leaf_hash(leaf) for leaf in leaves]
    positions = [fact.position for fact in stretch.facts]
    if (hashes, positions) == (kept.hashes, kept.positions) and is_whole(before, seal, kept):
        nodes = nodes_of(before.size, hashes)
        return Compared(before, seal, nodes, nodes)
    return in_detail(leaves, before, seal, kept)


def _of_rows(one: _Sound, compared: Compared, root: bytes, heads: Sequence[Head]) -> Iterator[Finding]:
    """What a comparison of leaves does not show: times that are not the facts' own, another order, other heads."""
    before, stretch = one
    facts = stretch.facts
    as_sealed = root_of(joined(before.tree, compared.by_log)) == root
    if not as_sealed and not compared.missing and not compared.strange:
        first, last = facts[0].position, facts[-1].position
        yield Finding("moved", first, last, f"the facts at positions {first} to {last} are not in their order")
    for fact, time in zip(facts, stretch.recorded_at, strict=True):
        if as_sealed and recorded_at(fact.state) != time:
            place = fact.position
            yield Finding("changed", place, place, f"recorded_at at position {place} is not what the fact says")
    for head in heads:
        if before.size < head.size <= stretch.seal.size:
            hashes = [leaf_hash(leaf_of(fact)) for fact in facts[: head.size - before.size]]
            if root_of(joined(before.tree, nodes_of(before.size, hashes))) != head.root:
                sentence = f"the first {head.size} facts are not those of the head that was given"
                yield Finding("head", None, None, sentence)


def _of_cut(head: Head, last: Seal) -> Finding:
    sentence = f"the archive ends after {last.size} facts; the head that was given is of {head.size}"
    return Finding("cut", None, None, sentence)
