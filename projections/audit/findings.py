"""What a verification finds: each in a sentence that names the place."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from engine.envelope import read_fact
from engine.errors import CorruptHistoryError
from projections.audit.comparing import Compared, Missing, VersionGap
from projections.audit.leaves import LeafFact, fact_of, leaf_of
from projections.audit.tree import leaf_hash

Kind = Literal["altered", "removed", "inserted", "moved", "changed", "seal", "head", "cut", "versions"]

_COMPARED_AT_MOST = 400
"""So many strange rows are compared with so many missing ones, to tell whether they were moved."""


class Finding(NamedTuple):
    """Something that is not as it was sealed; positions are None where the place is not in the log."""

    kind: Kind
    first_position: int | None
    last_position: int | None
    sentence: str


def rows_found(stretches: Sequence[Compared]) -> list[Finding]:
    """Which rows of the log are not those that were sealed, by the hashes that the seals keep."""
    missing = {one.position: one for stretch in stretches for one in stretch.missing}
    strange = [fact_of(leaf) for stretch in stretches for leaf in stretch.strange]
    came_from = _origins(strange, list(missing.values()))
    findings = [_of_strange(fact, came_from.get(fact), missing) for fact in strange]
    there = {fact.position for fact in strange}
    findings += _of_removed(sorted(set(missing) - there))
    return sorted(findings, key=lambda one: (one.first_position or 0, one.kind))


def _origins(strange: Sequence[LeafFact], missing: Sequence[Missing]) -> dict[LeafFact, int]:
    """From which position each strange row was moved, where one was."""
    if max(len(strange), len(missing)) > _COMPARED_AT_MOST:
        return {}
    return {
        fact: one.position
        for fact in strange
        for one in missing
        if one.position != fact.position and leaf_hash(leaf_of(fact._replace(position=one.position))) == one.hash
    }


def _of_strange(fact: LeafFact, moved_from: int | None, missing: dict[int, Missing]) -> Finding:
    what = f"{fact.name!r}, version {fact.version} of card {fact.card_id}{_unreadable(fact)}"
    if moved_from is not None:
        sentence = f"position {fact.position} holds the fact that was sealed at position {moved_from}: {what}"
        return Finding("moved", fact.position, fact.position, sentence)
    if fact.position in missing:
        sentence = f"the fact at position {fact.position} was altered; it is now {what}"
        return Finding("altered", fact.position, fact.position, sentence)
    sentence = f"the fact at position {fact.position} was inserted after the log was sealed: {what}"
    return Finding("inserted", fact.position, fact.position, sentence)


def _unreadable(fact: LeafFact) -> str:
    try:
        read_fact(*fact)
    except CorruptHistoryError:
        return ", which cannot be read"
    return ""


def _of_removed(positions: Iterable[int]) -> Iterator[Finding]:
    """One finding for each run of positions."""
    run: list[int] = []
    for position in [*positions, None]:
        if run and position != run[-1] + 1:
            which = (
                f"fact at position {run[0]} was" if len(run) == 1 else f"facts at positions {run[0]} to {run[-1]} were"
            )
            yield Finding("removed", run[0], run[-1], f"the {which} removed")
            run = []
        if position is not None:
            run.append(position)


def of_stretch(stretch: Compared) -> Finding:
    """Facts that are not those that were sealed, where the hashes that the seal keeps were changed as well."""
    first, last, number = stretch.before.position + 1, stretch.seal.position, stretch.seal.number
    where = f"up to position {last}" if first < 0 else f"at positions {first} to {last}"
    sentence = (
        f"the facts {where} are not those of seal {number}, and the hashes kept with it were changed too, so that "
        "the rows cannot be named"
    )
    return Finding("changed", max(first, 0), last, sentence)


def of_seal(number: int, sentence: str) -> Finding:
    """Something is wrong with a seal itself."""
    return Finding("seal", None, None, f"seal {number}: {sentence}")


def of_gap(gap: VersionGap) -> Finding:
    """A stream that lacks a version, or has one twice."""
    lacks = "one stands twice" if gap.missing is None else f"version {gap.missing} is missing"
    sentence = f"the {gap.fact_count} facts of card {gap.card_id} end with version {gap.last_version}: {lacks}"
    return Finding("versions", None, None, sentence)
