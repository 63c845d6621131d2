"""The sealed log as JSON lines.

A file has a line `begin` (the seal after which it goes on), then for each seal the facts of its stretch, a line `fact`
each with its JSON as first stored, and a line `seal`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, BinaryIO
from uuid import UUID

from msgspec import MsgspecError, Struct, json
from psycopg import Connection

from projections.audit.heads import PublicKey
from projections.audit.leaves import LeafFact
from projections.audit.seals import Seal
from projections.audit.transfer import Sealed, Transferred, check_begins, import_sealed, read_sealed, seals_between
from projections.audit.tree import ProofError


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


_encode = json.Encoder().encode
_decode = json.Decoder(_Begin | _Fact | _SealLine).decode


def export_lines(
    connection: Connection[Any], keys: Sequence[PublicKey], file: BinaryIO, first: int, last: int | None
) -> Transferred:
    """Write the facts under the seals from `first` to `last`; raises ProofError or HeadError where one is broken."""
    before, seals = seals_between(connection, first, last)
    return write_lines(file, before, read_sealed(connection, keys, before, seals))


def write_lines(
    file: BinaryIO, before: Seal, stretches: Iterable[Sealed], progress: Callable[[int], None] = lambda _: None
) -> Transferred:
    """Write stretches that go on after a seal; `progress` is told how many facts were written."""
    _write(file, _Begin(before.number, before.size))
    facts = seals = 0
    for stretch in stretches:
        for fact in stretch.facts:
            _write(file, _as_line(fact))
        seal = stretch.seal
        if seal.sealed_at is not None:
            _write(file, _SealLine(seal.number, seal.size, seal.position, seal.head, seal.sealed_at))
        facts, seals = facts + len(stretch.facts), seals + 1
        progress(facts)
    return Transferred(facts, seals)


def _as_line(fact: LeafFact) -> _Fact:
    try:
        return _Fact(*fact[:4], fact.state.decode())
    except UnicodeDecodeError:
        raise ProofError(f"the fact at position {fact.position} is no text") from None


def _write(file: BinaryIO, line: Struct) -> None:
    file.write(_encode(line) + b"\n")


def import_lines(
    connection: Connection[Any],
    keys: Sequence[PublicKey],
    lines: Iterable[bytes],
    progress: Callable[[int], None] = lambda _: None,
) -> Transferred:
    """Add the facts and seals of a file, all or nothing; raises ProofError or HeadError where it does not fit."""
    return import_sealed(connection, keys, partial(_stretches, lines), progress)


def _stretches(lines: Iterable[bytes], before: Seal) -> Iterator[tuple[Seal, list[LeafFact]]]:
    """Each seal of a file with the facts before it."""
    facts: list[LeafFact] = []
    begun = False
    for number, line in enumerate(lines, start=1):
        match _read(line, number):
            case _Begin(number=of, size=size) if not begun:
                check_begins(of, size, before)
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
