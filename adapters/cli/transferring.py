"""The sealed log into a file, and out of it into another store."""

import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

import psycopg

from adapters.cli.auditing import known_keys
from adapters.cli.counting import counting
from adapters.cli.output import err, put_fields
from adapters.cli.servers import connection, database, owner_of
from adapters.parquet import MAGIC, check_installed
from adapters.schema import check_schema
from adapters.settings import Settings
from adapters.whole_files import new_file
from projections.audit.heads import PublicKey
from projections.audit.lines import import_lines, write_lines
from projections.audit.transfer import Transferred, import_sealed, read_sealed, seals_between
from projections.audit.tree import ProofError

Format = Literal["jsonl", "parquet"]


def export_to(
    settings: Settings, file: Path, kind: Format, first: int, last: int | None, keys: Sequence[str], *, as_json: bool
) -> None:
    """Write a new file, which is there whole or not at all; raises OSError, ProofError and HeadError."""
    known = known_keys(settings, keys)
    write = _writer(kind)
    with connection(settings) as open_connection:
        before, seals = seals_between(open_connection, first, last)
        with new_file(file) as opened, counting("exporting", seals[-1].size - before.size) as show:
            done = write(opened, before, read_sealed(open_connection, known, before, seals), show)
    put_fields("exported", done._asdict(), as_json=as_json)


def _writer(kind: Format) -> Callable[..., Transferred]:
    if kind == "jsonl":
        return write_lines
    check_installed()
    from adapters.parquet.log_files import write_log

    return write_log


def import_from(settings: Settings, file: Path, keys: Sequence[str], *, as_json: bool) -> None:
    """Add what the file holds, all or nothing; raises ProofError, HeadError and ParquetError."""
    known = known_keys(settings, keys)
    with _adding(file) as add, database(settings) as url:
        check_schema(url)
        with psycopg.connect(owner_of(settings, url), autocommit=True) as owner, counting("importing") as show:
            try:
                done = add(owner, known, show)
            except psycopg.errors.InsufficientPrivilege:
                message = "only the owner of the database may set positions: set BAOHAO_OWNER_DATABASE_URL"
                raise ProofError(message) from None
    put_fields("imported", done._asdict(), as_json=as_json)
    err.print("the read models follow while a projector runs: `baohao projections status` shows how far they are")


Add = Callable[[psycopg.Connection[Any], Sequence[PublicKey], Callable[[int], None]], Transferred]


@contextmanager
def _adding(file: Path) -> Generator[Add]:
    """What adds the facts of a file of either format, or of an archive's folder."""
    with ExitStack() as stack:
        if file.is_dir():
            check_installed()
            from adapters.parquet.archive import archived

            yield lambda owner, keys, show: import_sealed(owner, keys, partial(archived, file), show)
            return
        opened = sys.stdin.buffer if str(file) == "-" else stack.enter_context(file.open("rb"))
        if opened is not sys.stdin.buffer and opened.read(len(MAGIC)) == MAGIC:
            check_installed()
            from adapters.parquet.archive import stretches_after

            yield lambda owner, keys, show: import_sealed(owner, keys, partial(stretches_after, [file]), show)
            return
        if opened is not sys.stdin.buffer:
            opened.seek(0)
        yield lambda owner, keys, show: import_lines(owner, keys, opened, show)
