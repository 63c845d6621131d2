"""Accounts of operators: made on the command line, set up by a link that is shown once."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from adapters.directory.secret import hash_of, new_token
from adapters.web.console.roles import Role

SET_UP_WITHIN = timedelta(hours=24)
"""How long the link of a new account works."""


class Invitation(NamedTuple):
    """An account to be set up; the token is nowhere else."""

    operator_id: str
    token: str
    until: datetime


class Listed(NamedTuple):
    """An account without what proves who it is."""

    operator_id: str
    email: str
    role: Role
    is_set_up: bool
    created_at: datetime
    seen_at: datetime | None
    """When one of its sessions that have not ended was used last."""


async def add_operator(connection: AsyncConnection[Any], email: str, role: Role, now: datetime) -> Invitation | None:
    """A new account; None if there is one with that address."""
    operator_id, token = f"op-{secrets.token_hex(4)}", new_token()
    query = """
        INSERT INTO operators (operator_id, email, role, set_up_hash, set_up_until, created_at)
        VALUES (%s, %s, %s, %s, %s, %s)
    """
    until = now + SET_UP_WITHIN
    try:
        await connection.execute(query, (operator_id, email, role, hash_of(token), until, now))
    except UniqueViolation:
        return None
    return Invitation(operator_id, token, until)


async def reset_operator(connection: AsyncConnection[Any], email: str, now: datetime) -> Invitation | None:
    """Take password, second factor and sessions of an account, and let it be set up anew; None without account."""
    token, until = new_token(), now + SET_UP_WITHIN
    query = """
        UPDATE operators SET password_hash = NULL, totp_secret = NULL, set_up_hash = %s, set_up_until = %s
        WHERE email = %s AND removed_at IS NULL RETURNING operator_id
    """
    async with connection.transaction():
        row = await (await connection.execute(query, (hash_of(token), until, email))).fetchone()
        if row is None:
            return None
        await _end_sessions(connection, row[0])
    return Invitation(row[0], token, until)


async def remove_operator(connection: AsyncConnection[Any], email: str, now: datetime) -> str | None:
    """End an account at once; what it did stays on record under its id. None without account."""
    query = """
        UPDATE operators SET removed_at = %s, password_hash = NULL, totp_secret = NULL, set_up_hash = NULL
        WHERE email = %s AND removed_at IS NULL RETURNING operator_id
    """
    async with connection.transaction():
        row = await (await connection.execute(query, (now, email))).fetchone()
        if row is None:
            return None
        await _end_sessions(connection, row[0])
    return row[0]


async def list_operators(connection: AsyncConnection[Any]) -> list[Listed]:
    """Those that are not removed, by address."""
    query = """
        SELECT operator_id, email, role, password_hash IS NOT NULL AS is_set_up, operators.created_at,
            (SELECT max(seen_at) FROM operator_sessions s WHERE s.operator_id = operators.operator_id) AS seen_at
        FROM operators WHERE removed_at IS NULL ORDER BY email
    """
    async with connection.cursor(row_factory=class_row(Listed)) as cursor:
        return await (await cursor.execute(query)).fetchall()


async def emails_of(connection: AsyncConnection[Any], operator_ids: Sequence[str]) -> dict[str, str]:
    """Id → address of those accounts that are known, also of those that were removed."""
    query = "SELECT operator_id, email FROM operators WHERE operator_id = ANY (%s)"
    return dict(await (await connection.execute(query, (list(operator_ids),))).fetchall())


async def _end_sessions(connection: AsyncConnection[Any], operator_id: str) -> None:
    await connection.execute("DELETE FROM operator_sessions WHERE operator_id = %s", (operator_id,))
