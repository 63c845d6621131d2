"""Which addresses our messages reach: one whose last message bounced is left alone until another one arrives."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, LiteralString

from psycopg import AsyncConnection, Connection

BOUNCED: LiteralString = """
    SELECT address_hash FROM (
        SELECT DISTINCT ON (address_hash) address_hash, state FROM outbox
        WHERE address_hash = ANY (%(addresses)s) AND state IN ('accepted', 'delivered', 'bounced')
        ORDER BY address_hash, settled_at DESC
    ) AS last WHERE state = 'bounced'
"""
"""The hashes of those of some addresses whose last message bounced; `addresses` are the hashes of all."""


def hash_of(address: str) -> bytes:
    """By which an address is known again that is not kept."""
    return sha256(address.encode()).digest()


def by_hash(*addresses: str | None) -> dict[bytes, str]:
    """Addresses by their hashes; None is no address."""
    return {hash_of(one): one for one in addresses if one is not None}


def bounced(connection: Connection[Any], addresses: Sequence[str]) -> set[str]:
    """Those of the addresses whose last message bounced."""
    asked = by_hash(*addresses)
    return {asked[one] for (one,) in connection.execute(BOUNCED, {"addresses": list(asked)})}


async def unreached(connection: AsyncConnection[Any], *addresses: str | None) -> set[str]:
    """The same for whoever shows it; None is no address."""
    asked = by_hash(*addresses)
    return {asked[one] async for (one,) in await connection.execute(BOUNCED, {"addresses": list(asked)})}
