"""Changes to an account that need proof of who asks: its addresses and its password; the old address is told."""

from dataclasses import replace
from datetime import datetime
from typing import Any, LiteralString

from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation

from adapters.directory.account_events import note
from adapters.directory.accounts import Account, account_at, find_account, tell, tell_everywhere
from adapters.directory.addresses import Address, AddressKind, veiled
from adapters.directory.answers import (
    CodeDead,
    CodeSent,
    CodeWrong,
    Done,
    LastAddress,
    NotRecent,
    Opened,
    PasswordRefused,
    Wait,
)
from adapters.directory.codes import Asked, Purpose, Redeemed, TypedCode, ask_code, redeem_code, sent_to_of, void_codes
from adapters.directory.messages import MessageKind, Send
from adapters.directory.passkeys import has_passkeys
from adapters.directory.passwords import hashed, password_fault
from adapters.directory.sessions import SignedIn, end_others, open_session
from adapters.directory.signing_in import asked_of, confirmed_holder
from adapters.directory.visit import Visit
from adapters.languages.language import Language

PURPOSES: dict[AddressKind, Purpose] = {"email": "confirm_email", "phone": "confirm_phone"}
_CHANGED: dict[AddressKind, MessageKind] = {"email": "email_changed", "phone": "phone_changed"}
_SET: dict[AddressKind, LiteralString] = {
    "email": "UPDATE accounts SET email = %s, email_confirmed = true WHERE holder_id = %s",
    "phone": "UPDATE accounts SET phone = %s, phone_confirmed = true WHERE holder_id = %s",
}
_REMOVE: dict[AddressKind, LiteralString] = {
    "email": "UPDATE accounts SET email = NULL, email_confirmed = false WHERE holder_id = %s AND phone_confirmed",
    "phone": "UPDATE accounts SET phone = NULL, phone_confirmed = false WHERE holder_id = %s AND email_confirmed",
}


async def begin_change(
    connection: AsyncConnection[Any], send: Send, signed_in: SignedIn, address: Address, visit: Visit
) -> CodeSent | Wait | NotRecent:
    """Send a code to a new address, or to one that is not confirmed; one of another account is told that instead."""
    if not signed_in.is_recent(visit.now):
        return NotRecent()
    owner = await account_at(connection, address)
    purpose = PURPOSES[address.kind]
    if owner is None or owner.holder_id == signed_in.holder_id:
        asked = Asked(purpose, address, signed_in.language, signed_in.holder_id)
    else:
        asked = Asked(purpose, address, owner.language, signed_in.holder_id, works=False, sends="account_exists")
    return await ask_code(connection, send, asked, visit)


async def finish_change(
    connection: AsyncConnection[Any],
    send: Send,
    signed_in: SignedIn,
    kind: AddressKind,
    code: TypedCode,
    visit: Visit,
) -> Done | CodeWrong | CodeDead | NotRecent:
    """The address becomes the account's; all other sessions end, and the old address and the other one are told."""
    if not signed_in.is_recent(visit.now):
        return NotRecent()
    try:
        async with connection.transaction():
            redeemed = await redeem_code(connection, code, PURPOSES[kind], visit.now, signed_in.holder_id)
            if not isinstance(redeemed, Redeemed):
                return redeemed
            if redeemed.again:
                return Done()
            account = await find_account(connection, signed_in.holder_id)
            if account is None:
                return CodeDead()
            await connection.execute(_SET[kind], (redeemed.address.text, signed_in.holder_id))
            await _after_change(
                connection, send, account, kind, redeemed.address.text, signed_in=signed_in, visit=visit
            )
    except UniqueViolation:
        return CodeDead()  # another account got the address meanwhile
    return Done()


async def remove_address(
    connection: AsyncConnection[Any],
    send: Send,
    signed_in: SignedIn,
    kind: AddressKind,
    visit: Visit,
) -> Done | NotRecent | LastAddress:
    """The account goes on with the other address, if that is confirmed."""
    if not signed_in.is_recent(visit.now):
        return NotRecent()
    async with connection.transaction():
        account = await find_account(connection, signed_in.holder_id)
        if account is None or account.address(kind) is None:
            return Done()
        if not (await connection.execute(_REMOVE[kind], (signed_in.holder_id,))).rowcount:
            return LastAddress()
        await _after_change(connection, send, account, kind, None, signed_in=signed_in, visit=visit)
    return Done()


async def _after_change(
    connection: AsyncConnection[Any],
    send: Send,
    before: Account,
    kind: AddressKind,
    text: str | None,
    *,
    signed_in: SignedIn,
    visit: Visit,
) -> None:
    old = before.address(kind)
    if old is not None and old.text == text:
        return  # it was only confirmed
    await end_others(connection, before.holder_id, signed_in.session_id)
    await void_codes(connection, before.holder_id)
    values = {"before": veiled(old and old.text) or "", "after": veiled(text) or ""}
    for address in before.addresses:
        own = {"before": address.text} if address == old else {}  # veiled, both could look the same
        await tell(connection, send, before, _CHANGED[kind], values | own, at=address, now=visit.now)
    await note(connection, before.holder_id, _CHANGED[kind], visit, signed_in.session_id)


async def change_password(
    connection: AsyncConnection[Any], send: Send, signed_in: SignedIn, password: str, visit: Visit
) -> Done | NotRecent | PasswordRefused:
    """Set a password, also a first one; all other sessions end. Not to be called in a transaction."""
    if not signed_in.is_recent(visit.now):
        return NotRecent()
    if fault := password_fault(password, signed_in.email, signed_in.phone):
        return PasswordRefused(fault)
    password_hash = await hashed(password)
    async with connection.transaction():
        await _set_password(connection, send, signed_in.holder_id, password_hash, visit.now)
        await end_others(connection, signed_in.holder_id, signed_in.session_id)
        await note(connection, signed_in.holder_id, "password_changed", visit, signed_in.session_id)
    return Done()


async def begin_reset(
    connection: AsyncConnection[Any], send: Send, address: Address, language: Language, visit: Visit
) -> CodeSent | Wait:
    """Send a code to set a new password with; where there is no account, the answer is the same.

    To an account that has a passkey goes a message that says so instead: a code alone is no way around it (ASVS 6.4.3).
    """
    asked = await asked_of(connection, address, "reset_password", language)
    if asked.holder_id is not None and await has_passkeys(connection, asked.holder_id):
        asked = replace(asked, works=False, sends="passkey_instead")
    return await ask_code(connection, send, asked, visit)


async def finish_reset(
    connection: AsyncConnection[Any],
    send: Send,
    code: TypedCode,
    password: str,
    visit: Visit,
) -> Opened | CodeWrong | CodeDead | PasswordRefused:
    """A new password for whoever got the code, and the only session; a refused password uses up no try."""
    if fault := password_fault(password):
        return PasswordRefused(fault)
    address = await sent_to_of(connection, code.request, "reset_password", visit.now)
    if address is None:
        return CodeDead()  # before hashing: anybody may send this
    if fault := password_fault(password, address):
        return PasswordRefused(fault)
    password_hash = await hashed(password)
    async with connection.transaction():
        redeemed = await redeem_code(connection, code, "reset_password", visit.now)
        if not isinstance(redeemed, Redeemed):
            return redeemed
        holder_id = await confirmed_holder(connection, redeemed)
        if holder_id is None or await has_passkeys(connection, holder_id):
            return CodeDead()
        await _set_password(connection, send, holder_id, password_hash, visit.now)
        await end_others(connection, holder_id, None)
        opened = await open_session(connection, holder_id, visit)
        await note(connection, holder_id, "password_reset", visit, opened.session_id)
    return opened


async def _set_password(
    connection: AsyncConnection[Any], send: Send, holder_id: str, password_hash: str, now: datetime
) -> None:
    """Set it, and void codes that were asked for before; the holder is told at all addresses."""
    await connection.execute("UPDATE accounts SET password_hash = %s WHERE holder_id = %s", (password_hash, holder_id))
    await void_codes(connection, holder_id)
    await tell_everywhere(connection, send, holder_id, "password_changed", now)
