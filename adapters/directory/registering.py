"""Registering: an address is proved by a code before there is an account, and nobody learns who has one."""

from typing import Any

from psycopg import AsyncConnection

from adapters.directory.accounts import HOME_ZONE, NewAccount, account_at, create_account, tell_everywhere
from adapters.directory.addresses import Address
from adapters.directory.answers import CodeDead, CodeSent, CodeWrong, Opened, PasswordRefused, Taken, Wait
from adapters.directory.codes import Asked, Redeemed, TypedCode, ask_code, redeem_code, sent_to_of
from adapters.directory.messages import Send
from adapters.directory.passwords import hashed, password_fault
from adapters.directory.sessions import open_session
from adapters.directory.visit import Visit
from adapters.languages.language import Language


async def begin_registration(
    connection: AsyncConnection[Any], send: Send, address: Address, language: Language, visit: Visit
) -> CodeSent | Wait:
    """Send a code to an address; where it has an account already, it is told that instead of the code."""
    account = await account_at(connection, address)
    if account is None:
        asked = Asked("register", address, language, None)
    else:
        asked = Asked("register", address, account.language, account.holder_id, works=False, sends="account_exists")
    return await ask_code(connection, send, asked, visit)


async def finish_registration(
    connection: AsyncConnection[Any],
    send: Send,
    code: TypedCode,
    password: str | None,
    visit: Visit,
    *,
    language: Language,
    zone: str = HOME_ZONE,
) -> Opened | CodeWrong | CodeDead | PasswordRefused:
    """The new account, signed in; without a password it signs in by code. A refused password uses up no try."""
    if password is not None and (fault := password_fault(password)):
        return PasswordRefused(fault)
    address = await sent_to_of(connection, code.request, "register", visit.now)
    if address is None:
        return CodeDead()  # before hashing: anybody may send this
    if password is not None and (fault := password_fault(password, address)):
        return PasswordRefused(fault)
    password_hash = await hashed(password) if password is not None else None
    async with connection.transaction():
        redeemed = await redeem_code(connection, code, "register", visit.now)
        if not isinstance(redeemed, Redeemed):
            return redeemed
        kind, text = redeemed.address.kind, redeemed.address.text
        new = NewAccount(
            email=text if kind == "email" else None,
            phone=text if kind == "phone" else None,
            confirmed=frozenset({kind}),
            password_hash=password_hash,
            language=language,
            zone=zone,
        )
        holder_id = await create_account(connection, new, visit)
        if isinstance(holder_id, Taken):
            return CodeDead()  # somebody who has the address as well was quicker
        await tell_everywhere(connection, send, holder_id, "registered", visit.now)
        return await open_session(connection, holder_id, visit)
