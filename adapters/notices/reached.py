"""Which addresses our messages reach: one whose last message bounced is left alone until another one arrives.

So is one whose mailbox took nothing for a while; only until those days are a week ago, as it may take something again.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, LiteralString

from psycopg import AsyncConnection, Connection

MAILBOX: LiteralString = "mailbox_"
"""How the reason begins where the mailbox itself took nothing for the moment, or was full."""
BOUNCED: LiteralString = """
    SELECT address_hash FROM (
        SELECT DISTINCT ON (address_hash) address_hash, state FROM outbox
        WHERE address_hash = ANY (%(addresses)s) AND state IN ('accepted', 'delivered', 'bounced')
        ORDER BY address_hash, settled_at DESC
    ) AS last WHERE state = 'bounced'
    UNION
    SELECT address_hash FROM outbox AS given_up
    WHERE address_hash = ANY (%(addresses)s) AND state = 'dropped' AND reason ~ '^(given_up: )?mailbox_'
        AND settled_at > clock_timestamp() - interval '7 days' AND NOT EXISTS (
            SELECT FROM outbox AS later
            WHERE later.address_hash = given_up.address_hash AND later.settled_at > given_up.settled_at
                AND later.state IN ('accepted', 'delivered')
        )
    GROUP BY address_hash HAVING count(*) >= 5
"""
"""The hashes of those of some addresses whose last message bounced, or whose mailbox took none of five in a week, and
nothing since; `addresses` are the hashes of all."""


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
