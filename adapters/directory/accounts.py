"""Accounts: finding and creating them, and what the holder sets without proof of who it is."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, LiteralString
from zoneinfo import available_timezones

import structlog
from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from adapters.directory.account_events import note
from adapters.directory.addresses import Address, AddressKind, spellings
from adapters.directory.answers import Taken, Wait
from adapters.directory.limits import Limit, take
from adapters.directory.messages import MessageKind, Send, message_to
from adapters.directory.secret import keyed, secret_of
from adapters.directory.visit import Visit
from adapters.languages.language import Language

HOME_ZONE = "Asia/Shanghai"
TOLD_BY_SMS = (Limit(5, timedelta(hours=1)), Limit(15, timedelta(days=1)))
"""To a number: each costs, and some numbers pay whoever has many sent there."""
_COLUMNS: LiteralString = """
    holder_id, email, email_confirmed, phone, phone_confirmed, password_hash IS NOT NULL AS has_password,
    EXISTS (SELECT FROM passkeys WHERE passkeys.holder_id = accounts.holder_id) AS has_passkeys,
    language, zone, created_at
"""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Account:
    """An account, but for its password."""

    holder_id: str
    email: str | None = field(repr=False)
    email_confirmed: bool
    phone: str | None = field(repr=False)
    phone_confirmed: bool
    has_password: bool
    has_passkeys: bool
    language: Language
    zone: str
    created_at: datetime

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Where its holder is reached, e-mail first."""
        found: tuple[tuple[AddressKind, str | None], ...] = (("email", self.email), ("phone", self.phone))
        return tuple(Address(kind, text) for kind, text in found if text is not None)

    def address(self, kind: AddressKind) -> Address | None:
        """The one of that kind."""
        return next((one for one in self.addresses if one.kind == kind), None)


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What an account begins with: one address at least."""

    email: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    confirmed: frozenset[AddressKind] = frozenset()
    """Addresses that a code has proved."""
    password_hash: str | None = field(default=None, repr=False)
    language: Language = "zh-CN"
    zone: str = HOME_ZONE
    holder_id: str | None = None
    """For whom cards are registered already; None: a new one."""


async def create_account(connection: AsyncConnection[Any], new: NewAccount, visit: Visit) -> str | Taken:
    """The holder's id."""
    holder_id = new.holder_id or f"h-{secrets.token_hex(8)}"
    try:
        async with connection.transaction():
            await connection.execute(
                """
                INSERT INTO accounts (holder_id, email, email_confirmed, phone, phone_confirmed, password_hash,
                    language, zone, created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
                """,
                (
                    holder_id,
                    new.email,
                    "email" in new.confirmed,
                    new.phone,
                    "phone" in new.confirmed,
                    new.password_hash,
                    new.language,
                    new.zone,
                    visit.now,
                ),
            )
            await note(connection, holder_id, "created", visit)
    except UniqueViolation as error:
        return taken_of(error)
    return holder_id


def taken_of(error: UniqueViolation) -> Taken:
    """What another account has."""
    match error.diag.constraint_name:
        case "accounts_email_key":
            return Taken("email")
        case "accounts_phone_key":
            return Taken("phone")
        case "accounts_pkey":
            return Taken("holder_id")
        case _:
            raise error


async def find_account(connection: AsyncConnection[Any], holder_id: str) -> Account | None:
    """The account of a holder."""
    query: LiteralString = f"SELECT {_COLUMNS} FROM accounts WHERE holder_id = %s"  # noqa: S608 (a constant)
    return await _one(connection, query, holder_id)


async def account_at(connection: AsyncConnection[Any], address: Address) -> Account | None:
    """The account with that address."""
    where: Mapping[AddressKind, LiteralString] = {"email": "email = ANY (%s)", "phone": "phone = ANY (%s)"}
    query: LiteralString = f"SELECT {_COLUMNS} FROM accounts WHERE {where[address.kind]}"  # noqa: S608 (constants)
    return await _one(connection, query, spellings(address))


async def list_accounts(connection: AsyncConnection[Any], limit: int, skip: int = 0) -> list[Account]:
    """Some of them, by their ids."""
    query: LiteralString = f"SELECT {_COLUMNS} FROM accounts ORDER BY holder_id LIMIT %s OFFSET %s"  # noqa: S608 (a constant)
    async with connection.cursor(row_factory=class_row(Account)) as cursor:
        return await (await cursor.execute(query, (limit, skip))).fetchall()


async def set_language(connection: AsyncConnection[Any], holder_id: str, language: Language) -> None:
    """In which language the holder reads pages and messages."""
    await connection.execute("UPDATE accounts SET language = %s WHERE holder_id = %s", (language, holder_id))


async def set_zone(connection: AsyncConnection[Any], holder_id: str, zone: str) -> bool:
    """In which zone the holder reads times; False if there is no such zone."""
    if not is_zone(zone):
        return False
    await connection.execute("UPDATE accounts SET zone = %s WHERE holder_id = %s", (zone, holder_id))
    return True


def is_zone(name: str) -> bool:
    """Whether it is an IANA zone."""
    return name in available_timezones()


async def tell(
    connection: AsyncConnection[Any],
    send: Send,
    account: Account,
    kind: MessageKind,
    values: Mapping[str, str],
    *,
    at: Address,
    now: datetime,
) -> None:
    """Tell the holder at an address; an SMS beyond TOLD_BY_SMS is left out, an e-mail never."""
    if at.kind == "phone":
        key = keyed(await secret_of(connection), at.kind, at.text)
        if isinstance(await take(connection, "told_by_sms", key, TOLD_BY_SMS, now), Wait):
            log.warning("message.left_out", kind=kind, channel="sms", holder=account.holder_id)
            return
    await send(connection, message_to(at, kind, account.language, values, holder_id=account.holder_id))


async def tell_everywhere(
    connection: AsyncConnection[Any], send: Send, holder_id: str, kind: MessageKind, now: datetime
) -> None:
    """Tell the holder at all addresses what needs no values."""
    account = await find_account(connection, holder_id)
    if account is not None:
        for address in account.addresses:
            await tell(connection, send, account, kind, {}, at=address, now=now)


async def _one(connection: AsyncConnection[Any], query: LiteralString, value: str | list[str]) -> Account | None:
    async with connection.cursor(row_factory=class_row(Account)) as cursor:
        return await (await cursor.execute(query, (value,))).fetchone()
