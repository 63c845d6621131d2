"""Signing in with a password or a code, and proving again who it is; no answer tells whether there is an account.

Where there is a passkey, a code alone still signs in, but does not prove enough for what is sensitive (ASVS 6.4.3).
"""

from functools import partial
from typing import Any, LiteralString, NamedTuple

from psycopg import AsyncConnection

from adapters.directory.account_events import note
from adapters.directory.accounts import account_at, find_account
from adapters.directory.addresses import Address, AddressKind, signs_in_as, spellings
from adapters.directory.answers import CodeDead, CodeSent, CodeWrong, NotMatching, Opened, Wait
from adapters.directory.codes import Asked, Purpose, Redeemed, TypedCode, ask_code, redeem_code
from adapters.directory.messages import Send
from adapters.directory.passkeys import has_passkeys
from adapters.directory.passwords import is_right
from adapters.directory.sessions import SignedIn, confirm_session, open_session
from adapters.directory.trying import Tried, judged
from adapters.directory.visit import Visit
from adapters.languages.language import Language


class _Found(NamedTuple):
    """Whose password is tried."""

    holder_id: str | None = None
    password_hash: str | None = None


async def sign_in(
    connection: AsyncConnection[Any], typed: str, password: str, visit: Visit
) -> Opened | NotMatching | Wait:
    """A session for whoever knows the password of the account with that e-mail address or phone number.

    Takes one hash's time whether there is an account or not. Not to be called in a transaction, which would be open
    for as long.
    """
    address = signs_in_as(typed)
    tried_as = f"{address.kind}:{address.text}" if address else f"typed:{typed[:300]}"
    found = await _found_at(connection, address) if address else _Found()
    tried = await _try(connection, tried_as, found, password, visit)
    if not isinstance(tried, str):
        return tried
    async with connection.transaction():
        if not await _still_has(connection, found):
            return NotMatching()
        opened = await open_session(connection, tried, visit)
        await note(connection, tried, "signed_in", visit, opened.session_id)
    return opened


async def confirm_with_password(
    connection: AsyncConnection[Any], signed_in: SignedIn, password: str, visit: Visit
) -> Opened | NotMatching | Wait:
    """The holder proves again to be the holder: the session goes on under a new token (ASVS 7.2.4, 7.5.1)."""
    query = "SELECT holder_id, password_hash FROM accounts WHERE holder_id = %s"
    row = await (await connection.execute(query, (signed_in.holder_id,))).fetchone()
    found = _Found(*row) if row else _Found()
    tried = await _try(connection, f"holder:{signed_in.holder_id}", found, password, visit)
    if not isinstance(tried, str):
        return tried
    async with connection.transaction():
        if not await _still_has(connection, found):
            return NotMatching()
        return await _confirmed(connection, signed_in, visit) or NotMatching()


async def begin_code_sign_in(
    connection: AsyncConnection[Any], send: Send, address: Address, language: Language, visit: Visit
) -> CodeSent | Wait:
    """Send a code to sign in with; where there is no account, nothing is sent and the answer is the same."""
    return await ask_code(connection, send, await asked_of(connection, address, "sign_in", language), visit)


async def sign_in_with_code(
    connection: AsyncConnection[Any], code: TypedCode, visit: Visit
) -> Opened | CodeWrong | CodeDead:
    """A session for whoever got the code; that confirms the address."""
    async with connection.transaction():
        redeemed = await redeem_code(connection, code, "sign_in", visit.now)
        if not isinstance(redeemed, Redeemed):
            return redeemed
        holder_id = await confirmed_holder(connection, redeemed)
        if holder_id is None:
            return CodeDead()
        proved = not await has_passkeys(connection, holder_id)
        opened = await open_session(connection, holder_id, visit, proved=proved)
        await note(connection, holder_id, "signed_in_with_code", visit, opened.session_id)
    return opened


async def begin_confirmation(
    connection: AsyncConnection[Any], send: Send, signed_in: SignedIn, visit: Visit
) -> CodeSent | Wait | CodeDead:
    """Send the holder a code to prove again who it is, where neither password nor passkey is; else CodeDead."""
    account = await find_account(connection, signed_in.holder_id)
    if account is None or account.has_passkeys:
        return CodeDead()
    asked = Asked("sign_in", account.addresses[0], account.language, account.holder_id)
    return await ask_code(connection, send, asked, visit)


async def confirm_with_code(
    connection: AsyncConnection[Any], signed_in: SignedIn, code: TypedCode, visit: Visit
) -> Opened | CodeWrong | CodeDead:
    """The holder proves again to be the holder, as with a password."""
    async with connection.transaction():
        redeemed = await redeem_code(connection, code, "sign_in", visit.now, signed_in.holder_id)
        if not isinstance(redeemed, Redeemed):
            return redeemed
        if await has_passkeys(connection, signed_in.holder_id):
            return CodeDead()
        return await _confirmed(connection, signed_in, visit) or CodeDead()


async def asked_of(connection: AsyncConnection[Any], address: Address, purpose: Purpose, language: Language) -> Asked:
    """A code for the account with that address, which nothing can come of where there is none."""
    account = await account_at(connection, address)
    if account is None:
        return Asked(purpose, address, language, None, works=False, sends=None)
    return Asked(purpose, address, account.language, account.holder_id)


async def confirmed_holder(connection: AsyncConnection[Any], redeemed: Redeemed) -> str | None:
    """Whose code it was, with the address confirmed; None if the address is no longer the account's."""
    queries: dict[AddressKind, LiteralString] = {
        "email": "UPDATE accounts SET email_confirmed = true WHERE holder_id = %s AND email = ANY (%s)",
        "phone": "UPDATE accounts SET phone_confirmed = true WHERE holder_id = %s AND phone = ANY (%s)",
    }
    updated = await connection.execute(
        queries[redeemed.address.kind], (redeemed.holder_id, spellings(redeemed.address))
    )
    return redeemed.holder_id if updated.rowcount else None


async def _found_at(connection: AsyncConnection[Any], address: Address) -> _Found:
    queries: dict[AddressKind, LiteralString] = {
        "email": "SELECT holder_id, password_hash FROM accounts WHERE email = ANY (%s)",
        "phone": "SELECT holder_id, password_hash FROM accounts WHERE phone = ANY (%s)",
    }
    row = await (await connection.execute(queries[address.kind], (spellings(address),))).fetchone()
    return _Found(*row) if row else _Found()


async def _try(
    connection: AsyncConnection[Any], tried_as: str, found: _Found, password: str, visit: Visit
) -> str | NotMatching | Wait:
    """The holder's id, if the password is right."""
    judge = partial(is_right, found.password_hash, password)
    right = await judged(connection, Tried("sign_in", tried_as), judge, visit)
    if isinstance(right, Wait):
        return right
    if right and found.holder_id is not None:
        return found.holder_id
    if found.holder_id is not None:
        await note(connection, found.holder_id, "sign_in_failed", visit)
    return NotMatching()


async def _still_has(connection: AsyncConnection[Any], found: _Found) -> bool:
    """Whether the password is what it was when it was judged; it stays so until the transaction ends."""
    query = "SELECT FROM accounts WHERE holder_id = %s AND password_hash = %s FOR SHARE"
    return (await connection.execute(query, (found.holder_id, found.password_hash))).rowcount > 0


async def _confirmed(connection: AsyncConnection[Any], signed_in: SignedIn, visit: Visit) -> Opened | None:
    opened = await confirm_session(connection, signed_in, visit.now)
    if opened is not None:
        await note(connection, opened.holder_id, "confirmed", visit, opened.session_id)
    return opened
