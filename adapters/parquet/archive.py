"""An archive: a folder of Parquet files of the sealed log, one behind the other, that is verified without a database.

What belongs to it stands in SHA256SUMS, as `sha256sum` writes it. A file is listed once it is there whole, so a run
that was killed leaves at most one whole file that is not listed, behind the last one that is: the next run takes it in.
All others that are not listed stay as they are, and nothing is added until somebody has looked at them.
"""

import fcntl
import os
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from hashlib import file_digest
from pathlib import Path
from typing import Any, NamedTuple

from psycopg import Connection

from adapters.parquet import ParquetError
from adapters.parquet.log_files import ReadStretch, last_seal_of, open_log, recorded_at, write_log
from adapters.whole_files import UNFINISHED, new_file, replaced_file
from projections.audit.comparing import parts_of
from projections.audit.heads import PublicKey
from projections.audit.leaves import LeafFact
from projections.audit.seals import NO_SEAL, Seal, Stretch, seals_from
from projections.audit.transfer import Sealed, check_begins, read_sealed

SUMS = "SHA256SUMS"
NAME = re.compile(r"facts-(\d{12})-(\d{12})\.parquet", re.ASCII)
"""The numbers, from 1, of the first fact of a file and of its last one."""
_LINE = re.compile(r"([0-9a-f]{64})  (facts-\d{12}-\d{12}\.parquet)", re.ASCII)
_LEFT = re.compile(rf"\.({NAME.pattern}|{SUMS}){re.escape(UNFINISHED)}", re.ASCII)


class Archived(NamedTuple):
    """What a run has added, and how the archive ends now."""

    files: int
    facts: int
    seals: int
    bytes: int
    last_seal: int
    last_fact: int
    last_position: int


def listed(folder: Path) -> dict[str, str]:
    """The names of the files of an archive in their order, with their SHA-256; raises ParquetError and OSError."""
    try:
        lines = (folder / SUMS).read_text("ascii").splitlines()
    except FileNotFoundError:
        raise ParquetError(f"{folder} is no archive: it has no {SUMS}") from None
    except UnicodeDecodeError:
        raise ParquetError(f"{folder / SUMS} is no list of SHA-256") from None
    found: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        matched = _LINE.fullmatch(line)
        if matched is None:
            raise ParquetError(f"line {number} of {folder / SUMS} is none of an archive")
        found[matched[2]] = matched[1]
    return dict(sorted(found.items()))


def unlisted(folder: Path, sums: Iterable[str]) -> list[str]:
    """The names of files that look as if they were of an archive, but are not listed, in their order."""
    return sorted(one.name for one in folder.iterdir() if NAME.fullmatch(one.name) and one.name not in sums)


def sha256_of(file: Path) -> str:
    """Of all its bytes."""
    with file.open("rb") as opened:
        return file_digest(opened, "sha256").hexdigest()


def add_to_archive(
    connection: Connection[Any],
    keys: Sequence[PublicKey],
    folder: Path,
    upto: int,
    facts_per_file: int,
    progress: Callable[[int], None] = lambda _: None,
) -> Archived:
    """Write the stretches that end at position `upto` or before, behind what the archive has; nothing else changes.

    Raises ParquetError, ProofError, HeadError and OSError; the files that were finished before stay.
    """
    first = next(iter(seals_from(connection, 1, 1)), None)
    if not (folder / SUMS).exists() and (first is None or first.position > upto):
        raise ParquetError("no stretch of the log that was sealed lies wholly before then; nothing was written")
    with _alone(folder):
        sums = listed(folder)
        start = last_of_archive(folder, sums)
        _check_same_log(connection, folder, start)
        _discard_unfinished(folder)
        taken = _take_in(connection, keys, folder, sums, start)
        before = last_of_archive(folder, sums)
        seals = [seal for seal in seals_from(connection, before.number + 1) if seal.position <= upto]
        parts, written = parts_of(before, seals, facts_per_file), sum((folder / name).stat().st_size for name in taken)
        for part in parts:
            file = folder / f"facts-{part.before.size + 1:012}-{part.seals[-1].size:012}.parquet"
            with new_file(file) as opened:
                stretches = read_sealed(connection, keys, part.before, part.seals)
                write_log(opened, part.before, stretches, partial(_add, progress, part.before.size - start.size))
            written += file.stat().st_size
            sums[file.name] = sha256_of(file)
            _write_sums(folder, sums)
            before = part.seals[-1]
    files, facts, number = len(taken) + len(parts), before.size - start.size, before.number - start.number
    return Archived(files, facts, number, written, before.number, before.size, max(before.position, 0))


def _add(progress: Callable[[int], None], before: int, done: int) -> None:
    progress(before + done)


def last_of_archive(folder: Path, sums: Iterable[str]) -> Seal:
    """The last seal of the files listed; NO_SEAL where there is none. Raises ParquetError and OSError."""
    last = max(sums, default=None)
    if last is None:
        return NO_SEAL
    with (folder / last).open("rb") as opened:
        return last_seal_of(opened, last)


def _check_same_log(connection: Connection[Any], folder: Path, last: Seal) -> None:
    if last.number == 0:
        return
    found = seals_from(connection, last.number, 1)
    if not found or found[0][:4] != last[:4]:
        raise ParquetError(f"{folder} is the archive of another log: its last seal, {last.number}, is not of this one")


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """An archive for this process alone; made where there is none. Raises ParquetError and OSError."""
    existed = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    new = not (folder / SUMS).exists()
    if new and (names := unlisted(folder, ())):
        raise _not_listed(folder, names[0])
    if new and any(not _LEFT.fullmatch(one.name) for one in folder.iterdir()):
        raise ParquetError(f"{folder} is not empty, and no archive")
    with _locked(folder):
        if new:
            _write_sums(folder, {})
        try:
            yield
        except BaseException:
            if new and not listed(folder) and not unlisted(folder, ()):  # so that nothing was changed
                (folder / SUMS).unlink()
                if not existed:
                    folder.rmdir()
            raise


@contextmanager
def _locked(folder: Path) -> Generator[None]:
    opened = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ParquetError(f"another process writes to {folder}") from None
        yield
    finally:
        os.close(opened)


def _discard_unfinished(folder: Path) -> None:
    """Remove what a run left half that was killed; a whole file is never removed."""
    for one in list(folder.iterdir()):
        if _LEFT.fullmatch(one.name):
            one.unlink()


def _take_in(
    connection: Connection[Any], keys: Sequence[PublicKey], folder: Path, sums: dict[str, str], last: Seal
) -> list[str]:
    """List the one file that a run had finished when it was killed; raises ParquetError where others are not listed."""
    names = unlisted(folder, sums)
    for name in names:
        if len(names) > 1 or not _goes_on(connection, keys, folder / name, last):
            raise _not_listed(folder, name)
        sums[name] = sha256_of(folder / name)
        _write_sums(folder, sums)
    return names


def _not_listed(folder: Path, name: str) -> ParquetError:
    return ParquetError(
        f"{folder / SUMS} does not list {name}, so nothing was written: restore {SUMS}, or move that file away"
    )


def _goes_on(connection: Connection[Any], keys: Sequence[PublicKey], file: Path, last: Seal) -> bool:
    """Whether a file is what would be written of this log right behind a seal, up to the fact that its name says."""
    first, end = (int(number) for number in (file.name[6:18], file.name[19:31]))
    seals = [seal for seal in seals_from(connection, last.number + 1) if seal.size <= end]
    if first != last.size + 1 or not seals or seals[-1].size != end:
        return False
    try:
        with file.open("rb") as opened:
            log = open_log(opened, file.name)
            ours = read_sealed(connection, keys, last, seals)
            same = all(_is_of(one, read) for one, read in zip(ours, log.stretches, strict=True))
            return same and log.after[:5] == last[:5]
    except (ParquetError, ValueError):  # it cannot be read, or has fewer stretches or more
        return False


def _is_of(one: Sealed, read: ReadStretch) -> bool:
    kept = Stretch(one.hashes, [fact.position for fact in one.facts])
    times = [recorded_at(fact.state) for fact in one.facts]
    return (one.seal, kept, one.facts, times) == tuple(read)


def _write_sums(folder: Path, sums: dict[str, str]) -> None:
    with replaced_file(folder / SUMS) as file:
        file.write("".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode())


def archived(folder: Path, before: Seal) -> Iterator[tuple[Seal, list[LeafFact]]]:
    """What an archive has after a seal; raises ParquetError, ProofError and OSError."""
    sums = listed(folder)
    if others := unlisted(folder, sums):
        raise ParquetError(f"{others[0]} is there, but {SUMS} does not list it: the archive was cut, or not finished")
    files = [name for name in sums if int(name[-20:-8]) > before.size]
    return stretches_after([folder / name for name in files], before)


def stretches_after(files: Iterable[Path], before: Seal) -> Iterator[tuple[Seal, list[LeafFact]]]:
    """The stretches of files that go on after a seal, one file behind the other."""
    for file in files:
        with file.open("rb") as opened:
            log = open_log(opened, file.name)
            check_begins(log.after.number, log.after.size, before)
            for stretch in log.stretches:
                before = stretch.seal
                yield before, stretch.facts
