"""`baohao audit archive`, and the verification of what it wrote."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from adapters.cli.auditing import checked_heads, known_keys, put_verified
from adapters.cli.counting import counting
from adapters.cli.moments import place_before
from adapters.cli.output import err, put_fields
from adapters.cli.servers import connection
from adapters.parquet import check_installed
from adapters.settings import Settings


def archive_to(
    settings: Settings, before: datetime, folder: Path, facts_per_file: int, keys: Sequence[str], *, as_json: bool
) -> None:
    """Add what was sealed of before a moment to an archive; raises MomentError, ParquetError, ProofError, OSError."""
    known = known_keys(settings, keys)
    check_installed()
    from adapters.parquet.archive import add_to_archive

    with connection(settings) as open_connection:
        upto = place_before(open_connection, before)
        with counting("archiving") as show:
            done = add_to_archive(open_connection, known, folder, upto, facts_per_file, show)
    each = {"bytes_per_fact": round(done.bytes / done.facts, 1)} if done.facts else {}
    put_fields("archived", done._asdict() | each, as_json=as_json)
    err.print("the log keeps these facts as well: it is only added to", soft_wrap=True)


def verify_folder(
    settings: Settings, folder: Path, head_files: Sequence[Path], keys: Sequence[str], *, as_json: bool
) -> None:
    """Verify an archive, and end with status 1 where something was found; raises ParquetError, HeadError, OSError."""
    known = known_keys(settings, keys)
    heads = checked_heads(head_files, known)
    check_installed()
    from adapters.parquet.verifying import verify_archive

    with counting("verifying") as show:
        verified = verify_archive(folder, known, heads, show)
    put_verified(verified, with_head=bool(heads), as_json=as_json)
