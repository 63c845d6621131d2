"""Accounts of holders, for operators: creating, showing and listing them."""

import sys
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import AsyncConnection

from adapters.cli.output import out, put_fields, put_rows
from adapters.cli.servers import waiting_on
from adapters.clock import recorded_now
from adapters.directory.account_events import note
from adapters.directory.accounts import Account, NewAccount, account_at, create_account, find_account, is_zone
from adapters.directory.accounts import list_accounts as accounts_of
from adapters.directory.addresses import address_of, email_of, number_of_text, veiled
from adapters.directory.answers import Done, StillOwed, Taken
from adapters.directory.leaving import erase
from adapters.directory.passwords import hashed, password_fault
from adapters.directory.visit import Visit
from adapters.languages.language import Language
from adapters.notices.outbox import put_message
from adapters.settings import Settings
from engine.errors import BaohaoError
from engine.text import is_contact

_HOLDER_CHARACTERS_MOST = 200
_FAULTS = {
    "too_short": "has less than 8 characters",
    "too_long": "has more than 128 characters or 512 bytes",
    "common": "is one that many use",
    "names_product": "holds the name of this product",
    "own_address": "is the account's own address",
}
_NEXT = "the holder chooses `Forgot password` on the sign-in page, and sets a password by a code sent to the address"


class Wanted(NamedTuple):
    """An account as an operator asks for it."""

    email: str | None
    phone: str | None
    holder: str | None
    language: Language
    zone: str


class Listed(NamedTuple):
    """An account without what its holder would not want shown to everybody."""

    holder_id: str
    email: str | None
    phone: str | None
    language: str
    created_at: datetime


def create(settings: Settings, wanted: Wanted, *, password_stdin: bool, as_json: bool) -> None:
    """Create an account; raises BaohaoError for what cannot be one, or is another's."""
    email, phone = wanted.email and email_of(wanted.email), wanted.phone and number_of_text(wanted.phone)
    for given, read, what in ((wanted.email, email, "an e-mail address"), (wanted.phone, phone, "a phone number")):
        if given is not None and not read:
            raise BaohaoError(f"what is given as {what} is none")
    if not (email or phone):
        raise BaohaoError("an account needs an e-mail address or a phone number: --email, --phone")
    if wanted.holder is not None and not _is_holder_id(wanted.holder):
        raise BaohaoError("a holder's id has 1 to 200 characters and is no address, which the log must not know")
    if not is_zone(wanted.zone):
        raise BaohaoError(f"there is no time zone {wanted.zone}")
    password = _typed_password() if password_stdin else None
    now = recorded_now()

    async def work(connection: AsyncConnection[Any]) -> str | Taken:
        password_hash = await hashed(password) if password is not None else None
        new = NewAccount(
            email=email or None,
            phone=phone or None,
            password_hash=password_hash,
            language=wanted.language,
            zone=wanted.zone,
            holder_id=wanted.holder,
        )
        return await create_account(connection, new, Visit(now))

    created = waiting_on(settings, work)
    if isinstance(created, Taken):
        raise BaohaoError(f"another account has the {created.what.replace('_', ' ')}; nothing was changed")
    done = {"holder_id": created, "language": wanted.language, "zone": wanted.zone}
    put_fields("account", done if password else done | {"next": _NEXT}, as_json=as_json)


def show(settings: Settings, account: str, *, as_json: bool) -> None:
    """One account with all that is in it but the password; that it was looked at is kept with it."""

    async def work(connection: AsyncConnection[Any]) -> Account | None:
        found = await find_account(connection, account)
        if found is None and (address := address_of(account)):
            found = await account_at(connection, address)
        if found is not None:
            await note(connection, found.holder_id, "shown_to_operator", Visit(recorded_now()))
        return found

    found = waiting_on(settings, work)
    if found is None:
        raise BaohaoError("there is no such account")
    put_fields("account", asdict(found), as_json=as_json)


def erase_account(settings: Settings, account: str, *, as_json: bool) -> None:
    """Erase all personal data of a holder, who is told; raises BaohaoError where cards keep that from being done."""

    async def work(connection: AsyncConnection[Any]) -> tuple[str, Done | StillOwed] | None:
        found = await find_account(connection, account)
        if found is None and (address := address_of(account)):
            found = await account_at(connection, address)
        if found is None:
            return None
        return found.holder_id, await erase(connection, put_message, found.holder_id, Visit(recorded_now()))

    erased = waiting_on(settings, work)
    if erased is None:
        raise BaohaoError("there is no such account")
    holder_id, answer = erased
    if isinstance(answer, StillOwed):
        raise BaohaoError(
            f"cards {', '.join(map(str, answer.card_ids))} are renewed, have a balance or a charge without answer, "
            "or changed just now: switch auto-renewal off and settle that first; nothing was erased"
        )
    put_fields("erased", {"holder_id": holder_id}, as_json=as_json)


def show_all(settings: Settings, *, limit: int, page: int, as_json: bool) -> None:
    """One page of the accounts."""
    found = waiting_on(settings, lambda connection: accounts_of(connection, limit + 1, limit * (page - 1)))
    rows = [
        Listed(one.holder_id, veiled(one.email), veiled(one.phone), one.language, one.created_at)
        for one in found[:limit]
    ]
    put_rows("accounts", rows, as_json=as_json)
    if len(found) > limit and not as_json:
        out.print(f"--page {page + 1} has the next")


def _is_holder_id(text: str) -> bool:
    return 0 < len(text) <= _HOLDER_CHARACTERS_MOST and "\0" not in text and not is_contact(text)


def _typed_password() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    if fault := password_fault(password):
        raise BaohaoError(f"the password {_FAULTS[fault]}")
    return password
