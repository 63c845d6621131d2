"""Tokens of the API: rows, of which a program has the key; who may do what for whose cards, and how long."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, get_args
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from adapters.directory.secret import hash_of, new_token
from engine.actor import Actor, actor

Scope = Literal["cards:read", "cards:write"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
USED_EVERY = timedelta(minutes=1)
"""How exactly it is known when a token was used last."""
API_TOKENS_TABLE = """
    CREATE TABLE IF NOT EXISTS api_tokens (
        token_id uuid PRIMARY KEY,
        token_hash bytea NOT NULL UNIQUE,  -- SHA-256 of 256 bits: whoever reads the table can be nobody
        name text NOT NULL UNIQUE,  -- facts name it as their actor, so no other token gets it again
        holder_id text,  -- NULL: of a back office, for the cards of all holders
        scopes text[] NOT NULL CHECK (scopes <@ ARRAY['cards:read', 'cards:write'] AND scopes <> '{}'),
        created_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        revoked_at timestamptz,
        used_at timestamptz
    )
"""


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who asks: a holder's program, or a back office."""

    token_id: UUID
    name: str
    holder_id: str | None
    scopes: frozenset[str]

    @property
    def actor(self) -> Actor:
        """Who acts, as facts have it."""
        return actor("operator", self.name) if self.holder_id is None else actor("holder", self.holder_id)

    def may_see(self, holder_id: str) -> bool:
        """Whether this holder's cards are within reach."""
        return self.holder_id is None or self.holder_id == holder_id


class Listed(NamedTuple):
    """A token as operators see it."""

    name: str
    holder_id: str | None
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    used_at: datetime | None


class NewToken(NamedTuple):
    """A token as it is asked for."""

    name: str
    holder_id: str | None
    scopes: Sequence[Scope]
    lasts: timedelta


async def create_token(connection: AsyncConnection[Any], new: NewToken, now: datetime) -> str | None:
    """A new token, which nobody can be told again; None if the name was used before."""
    token = new_token()
    query = """
        INSERT INTO api_tokens (token_id, token_hash, name, holder_id, scopes, created_at, expires_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
    """
    row = (uuid4(), hash_of(token), new.name, new.holder_id, sorted(set(new.scopes)), now, now + new.lasts)
    try:
        await connection.execute(query, row)
    except UniqueViolation:
        return None
    return token


async def find_token(connection: AsyncConnection[Any], token: str, now: datetime) -> Bearer | None:
    """Whose token it is, in one round trip; None for one that is unknown, revoked or has run out.

    Writes at most once a minute that it was used.
    """
    query = """
        WITH used AS (
            UPDATE api_tokens SET used_at = %(now)s WHERE token_hash = %(hash)s
            AND revoked_at IS NULL AND expires_at > %(now)s AND (used_at IS NULL OR used_at < %(stale)s)
        )
        SELECT token_id, name, holder_id, scopes FROM api_tokens
        WHERE token_hash = %(hash)s AND revoked_at IS NULL AND expires_at > %(now)s
    """
    asked = {"hash": hash_of(token), "now": now, "stale": now - USED_EVERY}
    row = await (await connection.execute(query, asked, prepare=True)).fetchone()
    return None if row is None else Bearer(row[0], row[1], row[2], frozenset(row[3]))


async def list_tokens(connection: AsyncConnection[Any]) -> list[Listed]:
    """All of them by name, also those that are over."""
    query = """
        SELECT name, holder_id, scopes, created_at, expires_at, revoked_at, used_at FROM api_tokens ORDER BY name
    """
    async with connection.cursor(row_factory=class_row(Listed)) as cursor:
        return await (await cursor.execute(query)).fetchall()


async def revoke_token(connection: AsyncConnection[Any], name: str, now: datetime) -> bool:
    """End a token at once; False if there is none of that name that is not revoked already."""
    query = "UPDATE api_tokens SET revoked_at = %s WHERE name = %s AND revoked_at IS NULL"
    return (await connection.execute(query, (now, name))).rowcount > 0
