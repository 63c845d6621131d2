"""The sealed log into a file, and out of it into another store."""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import psycopg

from adapters.cli.auditing import known_keys
from adapters.cli.output import put_fields
from adapters.cli.servers import connection, database, owner_of
from adapters.schema import check_schema
from adapters.settings import Settings
from projections.audit.transfer import export_log, import_log
from projections.audit.tree import ProofError


def export_to(
    settings: Settings, file: Path, first: int, last: int | None, keys: Sequence[str], *, as_json: bool
) -> None:
    """Write a new file, which is there whole or not at all; raises OSError, ProofError and HeadError."""
    known = known_keys(settings, keys)
    with connection(settings) as open_connection, file.open("xb") as opened:
        try:
            done = export_log(open_connection, known, opened, first, last)
        except BaseException:
            file.unlink(missing_ok=True)
            raise
    put_fields("exported", done._asdict(), as_json=as_json)


def import_from(settings: Settings, file: BinaryIO, keys: Sequence[str], *, as_json: bool) -> None:
    """Add what the file holds, all or nothing; raises ProofError and HeadError."""
    known = known_keys(settings, keys)
    with database(settings) as url:
        check_schema(url)
        with psycopg.connect(owner_of(settings, url), autocommit=True) as owner:
            try:
                done = import_log(owner, known, file)
            except psycopg.errors.InsufficientPrivilege:
                message = "only the owner of the database may set positions: set BAOHAO_OWNER_DATABASE_URL"
                raise ProofError(message) from None
    put_fields("imported", done._asdict(), as_json=as_json)
