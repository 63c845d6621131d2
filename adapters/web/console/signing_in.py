"""Signing in to the console: password and second factor together; no answer tells which was wrong, or for whom."""

from typing import Any, NamedTuple

from psycopg import AsyncConnection
from psycopg.rows import class_row

from adapters.directory.addresses import email_as_read
from adapters.directory.answers import NotMatching, Wait
from adapters.directory.passwords import hashed, is_right
from adapters.directory.secret import hash_of, keyed, secret_of
from adapters.directory.trying import Tried, judged
from adapters.directory.visit import Visit
from adapters.web.console.proof import secret_from, step_of
from adapters.web.console.record import Entry, begin
from adapters.web.console.sessions import open_session


class Typed(NamedTuple):
    """What somebody signs in with."""

    email: str
    password: str
    code: str

    def __repr__(self) -> str:
        return "Typed()"  # a record that is logged by mistake tells nothing


class _Found(NamedTuple):
    """Whose proof is tried."""

    operator_id: str
    password_hash: str
    totp_secret: str
    totp_step: int


class Invited(NamedTuple):
    """Whose account is to be set up."""

    operator_id: str
    email: str
    totp_secret: str

    def __repr__(self) -> str:
        return f"Invited({self.operator_id})"


async def sign_in(connection: AsyncConnection[Any], typed: Typed, visit: Visit) -> str | NotMatching | Wait:
    """The token of a session for whoever knows the password and has the second factor.

    Takes one hash's time whether there is an account or not. Not to be called in a transaction.
    """
    email = email_as_read(typed.email) or typed.email[:300]
    found, step = await _found_at(connection, email), None

    async def judge() -> bool:
        nonlocal step
        right = await is_right(found.password_hash if found else None, typed.password)
        step = step_of(found.totp_secret, typed.code, visit.now, found.totp_step) if found else None
        return right and step is not None

    right = await judged(connection, Tried("operator_sign_in", email), judge, visit)
    if isinstance(right, Wait):
        return right
    if not right or found is None or step is None:
        if found is not None:
            await begin(connection, Entry(found.operator_id, "sign_in"), visit.now, "failed")
        return NotMatching()
    async with connection.transaction():
        if not await _take_step(connection, found, step):
            return NotMatching()
        await begin(connection, Entry(found.operator_id, "sign_in"), visit.now, "done")
        return await open_session(connection, found.operator_id, visit.now)


async def find_invited(connection: AsyncConnection[Any], token: str, visit: Visit) -> Invited | None:
    """Whose link it is, as long as it works, with the secret of the second factor that goes with it.

    The secret is made from the token, so nothing of it is stored before somebody proves to have it.
    """
    query = """
        SELECT operator_id, email FROM operators
        WHERE set_up_hash = %s AND set_up_until > %s AND removed_at IS NULL
    """
    row = await (await connection.execute(query, (hash_of(token), visit.now))).fetchone()
    if row is None:
        return None
    operator_id, email = row
    return Invited(operator_id, email, secret_from(keyed(await secret_of(connection), "operator_totp", token)))


async def set_up(connection: AsyncConnection[Any], token: str, typed: Typed, visit: Visit) -> str | NotMatching | None:
    """Give an account its password and second factor, and sign in: the token of the session.

    None for a link that does not work (any more), NotMatching for a wrong code. The password was judged before.
    """
    invited = await find_invited(connection, token, visit)
    if invited is None:
        return None
    step = step_of(invited.totp_secret, typed.code, visit.now)
    if step is None:
        return NotMatching()
    password_hash = await hashed(typed.password)
    query = """
        UPDATE operators SET password_hash = %s, totp_secret = %s, totp_step = %s, set_up_hash = NULL
        WHERE set_up_hash = %s AND removed_at IS NULL
    """
    async with connection.transaction():
        values = password_hash, invited.totp_secret, step, hash_of(token)
        if not (await connection.execute(query, values)).rowcount:
            return None
        await begin(connection, Entry(invited.operator_id, "set_up"), visit.now, "done")
        return await open_session(connection, invited.operator_id, visit.now)


async def _found_at(connection: AsyncConnection[Any], email: str) -> _Found | None:
    query = """
        SELECT operator_id, password_hash, totp_secret, totp_step FROM operators
        WHERE email = %s AND removed_at IS NULL AND password_hash IS NOT NULL
    """
    async with connection.cursor(row_factory=class_row(_Found)) as cursor:
        return await (await cursor.execute(query, (email,))).fetchone()


async def _take_step(connection: AsyncConnection[Any], found: _Found, step: int) -> bool:
    """Take the code, once; False if another took it, or the proof is not what it was when it was judged."""
    query = """
        UPDATE operators SET totp_step = %s WHERE operator_id = %s AND totp_step < %s
        AND password_hash = %s AND totp_secret = %s AND removed_at IS NULL
    """
    values = step, found.operator_id, step, found.password_hash, found.totp_secret
    return (await connection.execute(query, values)).rowcount > 0
