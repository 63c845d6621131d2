"""Which addresses our messages reach: one whose last message bounced is left alone until another one arrives."""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, LiteralString

from psycopg import AsyncConnection, Connection

_LAST: LiteralString = """
    SELECT DISTINCT ON (address_hash) address_hash, state FROM outbox
    WHERE address_hash = ANY (%s) AND state IN ('accepted', 'delivered', 'bounced')
    ORDER BY address_hash, settled_at DESC
"""


def hash_of(address: str) -> bytes:
    """By which an address is known again that is not kept."""
    return sha256(address.encode()).digest()


def bounced(connection: Connection[Any], addresses: Sequence[str]) -> set[str]:
    """Those of the addresses whose last message bounced."""
    rows = connection.execute(_LAST, ([hash_of(one) for one in addresses],)).fetchall()
    return _bounced(addresses, rows)


async def unreached(connection: AsyncConnection[Any], *addresses: str | None) -> set[str]:
    """The same for whoever shows it; None is no address."""
    given = [one for one in addresses if one is not None]
    rows = await (await connection.execute(_LAST, ([hash_of(one) for one in given],), prepare=True)).fetchall()
    return _bounced(given, rows)


def _bounced(addresses: Sequence[str], rows: Iterable[tuple[bytes, str]]) -> set[str]:
    lost = {one for one, state in rows if state == "bounced"}
    return {one for one in addresses if hash_of(one) in lost}
