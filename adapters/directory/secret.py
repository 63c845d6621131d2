"""The directory's secret: what keyed hashes and codes are made with."""

import hashlib
import hmac
import secrets
from typing import Any

from psycopg import AsyncConnection

from engine.errors import BaohaoError

TOKEN_BYTES = 32
"""Of a session or a request: 256 bits (ASVS 7.2.3 wants 128)."""


async def secret_of(connection: AsyncConnection[Any]) -> bytes:
    """The secret that the migration drew."""
    row = await (await connection.execute("SELECT secret FROM directory_secret", prepare=True)).fetchone()
    if row is None:
        raise BaohaoError("the directory has no secret; run `baohao migrate`")
    return row[0]


def keyed(secret: bytes, *parts: str) -> bytes:
    """A hash that only who has the secret can make; 32 bytes."""
    return hmac.digest(secret, "\0".join(parts).encode("utf-8", "surrogatepass"), "sha256")


def new_token() -> str:
    """A random token for a cookie, an address or a form."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def hash_of(token: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
