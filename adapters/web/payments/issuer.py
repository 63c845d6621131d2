"""Who issued a receipt: whoever the settings named when it was paid, whatever they name now.

Each change of the settings adds a row, and no row is ever changed. A receipt of before the first row names nobody, as
it did then.
"""

from datetime import datetime
from typing import Any, LiteralString, NamedTuple

from psycopg import AsyncConnection
from psycopg.rows import class_row

from adapters.issuer_settings import IssuerSettings
from adapters.settings import SettingsError
from adapters.web.payments.printable import characters

ISSUERS_TABLE = """
    CREATE TABLE IF NOT EXISTS receipt_issuers (
        since timestamptz PRIMARY KEY,  -- business time: whoever it is for payments from then on
        name text,  -- NULL: receipts name nobody
        address text,
        tax_id text,
        CHECK (name IS NOT NULL OR (address IS NULL AND tax_id IS NULL))
    )
"""
_AT: LiteralString = """
    SELECT name, address, tax_id FROM receipt_issuers WHERE since <= %s ORDER BY since DESC LIMIT 1
"""
_NOTE: LiteralString = """
    INSERT INTO receipt_issuers (since, name, address, tax_id)
    SELECT greatest(%(since)s, max(since) + interval '1 microsecond'), %(name)s, %(address)s, %(tax_id)s
    FROM receipt_issuers  -- a clock that stands still, or was set back, loses no change
    ON CONFLICT DO NOTHING
"""


class Issuer(NamedTuple):
    """Whose receipt it is."""

    name: str
    address: str | None
    tax_id: str | None


class _Row(NamedTuple):
    name: str | None
    address: str | None
    tax_id: str | None


async def note_issuer(connection: AsyncConnection[Any], settings: IssuerSettings, at: datetime) -> None:
    """Whoever the settings name is the issuer of what is paid from `at` on (business time); nothing if it is already.

    Raises SettingsError for characters that no printed receipt can show.
    """
    row = _Row(settings.issuer_name, settings.issuer_address, settings.issuer_tax_id)
    for field, text in row._asdict().items():
        if lacking := set(text or "") - characters():
            signs = "".join(sorted(lacking))
            raise SettingsError(f"BAOHAO_ISSUER_{field.upper()} has characters that receipts cannot show: {signs}")
    last = await _row(connection, "infinity") or _Row(None, None, None)
    if last != row:
        await connection.execute(_NOTE, {"since": at, **row._asdict()})


async def issuer_at(connection: AsyncConnection[Any], at: datetime) -> Issuer | None:
    """The issuer of what was paid at `at`; None: nobody was named."""
    row = await _row(connection, at)
    return None if row is None or row.name is None else Issuer(row.name, row.address, row.tax_id)


async def _row(connection: AsyncConnection[Any], at: datetime | str) -> _Row | None:
    async with connection.cursor(row_factory=class_row(_Row)) as cursor:
        return await (await cursor.execute(_AT, (at,))).fetchone()
