"""Codes of six digits that prove an address (ASVS 5.0.0, 6.5 and 6.6).

Whoever asks gets the token of the request, and the address gets the code. The code is made from the directory's secret
and the token, and of the token only a hash is kept: so a repeat sends the same code, though no copy of it and nothing
to find it by is stored, and a code is worth nothing to whom the token was not given.
"""

import hmac
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from psycopg import AsyncConnection
from psycopg.rows import class_row

from adapters.directory.addresses import Address, AddressKind
from adapters.directory.answers import CodeDead, CodeSent, CodeWrong, Wait
from adapters.directory.limits import Limit, take, wait_until
from adapters.directory.messages import MessageKind, Send, message_to
from adapters.directory.secret import hash_of, keyed, new_token, secret_of
from adapters.directory.visit import Visit
from adapters.languages.language import Language

Purpose = Literal["register", "sign_in", "confirm_email", "confirm_phone", "reset_password", "add_card"]
DIGITS = 6
LIVES = timedelta(minutes=10)
TRIES = 5
"""So many wrong ones burn it."""
RESEND_AFTER = timedelta(seconds=60)
TIMES_SENT = 3
"""A code is sent so often at most: each text message costs."""
REPEATABLE: frozenset[Purpose] = frozenset({"confirm_email", "confirm_phone", "add_card"})
"""For whom is signed in: the same code sent twice, as by a double click, is answered twice, and used once."""
REPEATED_WITHIN = timedelta(minutes=1)
PER_ADDRESS = (Limit(3, timedelta(hours=1)), Limit(10, timedelta(days=1)))
PER_CLIENT = (Limit(10, timedelta(hours=1)),)


@dataclass(frozen=True, slots=True)
class Asked:
    """A code that is asked for."""

    purpose: Purpose
    address: Address
    language: Language
    holder_id: str | None
    """Whose account it is for; None: there is none yet."""
    works: bool = True
    """False: nothing can come of it, but whoever asks is answered as if it could."""
    sends: MessageKind | None = "code"


@dataclass(frozen=True, slots=True)
class TypedCode:
    """A code that somebody typed, and the token of the request that it answers."""

    request: str = field(repr=False)
    digits: str = field(repr=False)


class Redeemed(NamedTuple):
    """A code that was right: the address is of the one who asked."""

    address: Address
    holder_id: str | None
    language: Language
    again: bool = False
    """It was used a moment ago, and must not be used once more: this is the same form, sent again."""


class _Kept(NamedTuple):
    """A row of the table."""

    purpose: Purpose
    kind: AddressKind
    address: str
    language: Language
    holder_id: str | None
    works: bool
    sends: MessageKind | None
    tries: int
    times_sent: int
    sent_at: datetime
    expires_at: datetime
    redeemed_at: datetime | None = None


async def ask_code(connection: AsyncConnection[Any], send: Send, asked: Asked, visit: Visit) -> CodeSent | Wait:
    """Send a code, within the limits of the address and of the client, which count whether there is an account."""
    secret = await secret_of(connection)
    async with connection.transaction():
        if wait := await _used_up(connection, secret, asked.address, visit):
            return wait
        request = new_token()
        kept = _Kept(
            purpose=asked.purpose,
            kind=asked.address.kind,
            address=asked.address.text,
            language=asked.language,
            holder_id=asked.holder_id,
            works=asked.works,
            sends=asked.sends,
            tries=0,
            times_sent=1,
            sent_at=visit.now,
            expires_at=visit.now + LIVES,
        )
        await connection.execute(
            """
            INSERT INTO codes (request_hash, purpose, kind, address, language, holder_id, works, sends, tries,
                times_sent, sent_at, expires_at, redeemed_at)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
            """,
            (hash_of(request), *kept),
        )
        await _send(connection, send, kept, _code_of(secret, request))
    return CodeSent(request, visit.now + RESEND_AFTER, kept.expires_at)


async def sent_before(
    connection: AsyncConnection[Any],
    request: str,
    purpose: Purpose,
    address: Address,
    now: datetime,
    holder_id: str | None = None,
) -> CodeSent | None:
    """What was answered to that request, if it asked for the same less than a minute ago: then nothing is sent.

    Where `holder_id` is given, only what that holder asked for.
    """
    async with connection.transaction():
        kept = await _locked(connection, request, now)
    if kept is None or kept.redeemed_at is not None or (holder_id is not None and kept.holder_id != holder_id):
        return None
    is_the_same = (kept.purpose, kept.kind, kept.address) == (purpose, address.kind, address.text)
    resend_at = kept.sent_at + RESEND_AFTER
    return CodeSent(request, resend_at, kept.expires_at) if is_the_same and now < resend_at else None


async def address_asked(connection: AsyncConnection[Any], request: str, now: datetime) -> Address | None:
    """The address for which a code was asked for, whether or not anything was sent to it; None once it is over."""
    query = "SELECT kind, address FROM codes WHERE request_hash = %s AND expires_at > %s"
    row = await (await connection.execute(query, (hash_of(request), now))).fetchone()
    return None if row is None else Address(*row)


async def sent_to_of(connection: AsyncConnection[Any], request: str, purpose: Purpose, now: datetime) -> str | None:
    """Where the code of a request was sent, while it can be redeemed: asked before anything costly is done for it."""
    query = """
        SELECT address FROM codes
        WHERE request_hash = %s AND purpose = %s AND redeemed_at IS NULL AND expires_at > %s
    """
    row = await (await connection.execute(query, (hash_of(request), purpose, now))).fetchone()
    return row[0] if row else None


async def resend_code(
    connection: AsyncConnection[Any], send: Send, request: str, visit: Visit
) -> CodeSent | Wait | CodeDead:
    """Send the same code again, a minute after the last time at the earliest; it counts as a code that is asked for."""
    now = visit.now
    secret = await secret_of(connection)
    async with connection.transaction():
        kept = await _locked(connection, request, now)
        if kept is None or kept.redeemed_at is not None:
            return CodeDead()
        if kept.times_sent >= TIMES_SENT:
            return wait_until(kept.expires_at, now)
        if kept.sent_at + RESEND_AFTER > now:
            return wait_until(kept.sent_at + RESEND_AFTER, now)
        if wait := await _used_up(connection, secret, Address(kept.kind, kept.address), visit):
            return wait
        await connection.execute(
            "UPDATE codes SET times_sent = times_sent + 1, sent_at = %s WHERE request_hash = %s",
            (now, hash_of(request)),
        )
        await _send(connection, send, kept, _code_of(secret, request))
    return CodeSent(request, now + RESEND_AFTER, kept.expires_at)


async def redeem_code(
    connection: AsyncConnection[Any],
    code: TypedCode,
    purpose: Purpose,
    now: datetime,
    holder_id: str | None = None,
) -> Redeemed | CodeWrong | CodeDead:
    """Use a code up, for that purpose and, where `holder_id` is given, only one of that holder's.

    Of several at the same time one is right; a wrong one is counted with the caller's transaction. For what is
    REPEATABLE the right one is answered again for a minute.
    """
    secret = await secret_of(connection)
    async with connection.transaction():
        kept = await _locked(connection, code.request, now)
        if kept is None or kept.purpose != purpose or (holder_id is not None and kept.holder_id != holder_id):
            return CodeDead()
        same = hmac.compare_digest(_code_of(secret, code.request).encode(), _digits(code.digits).encode())
        left = TRIES - kept.tries - 1
        found = Redeemed(Address(kept.kind, kept.address), kept.holder_id, kept.language)
        if kept.redeemed_at is not None:
            return found._replace(again=True) if same else CodeDead()
        if same and kept.works and purpose in REPEATABLE:
            query = "UPDATE codes SET redeemed_at = %s, expires_at = %s WHERE request_hash = %s"
            await connection.execute(query, (now, now + REPEATED_WITHIN, hash_of(code.request)))
        elif (same and kept.works) or left == 0:
            await connection.execute("DELETE FROM codes WHERE request_hash = %s", (hash_of(code.request),))
        else:
            query = "UPDATE codes SET tries = tries + 1 WHERE request_hash = %s"
            await connection.execute(query, (hash_of(code.request),))
    if same and kept.works:
        return found
    return CodeWrong(left) if left else CodeDead()


async def void_codes(connection: AsyncConnection[Any], holder_id: str) -> None:
    """Codes that were asked for before no longer work, but for one that is being redeemed at this moment."""
    await connection.execute(
        """
        DELETE FROM codes WHERE request_hash IN (
            SELECT request_hash FROM codes WHERE holder_id = %s AND redeemed_at IS NULL
            FOR UPDATE SKIP LOCKED  -- else two could wait for ever
        )
        """,
        (holder_id,),
    )


async def _used_up(connection: AsyncConnection[Any], secret: bytes, address: Address, visit: Visit) -> Wait | None:
    """Count one more message, or say how long to wait."""
    of_client = await take(connection, "codes_of_client", keyed(secret, visit.limited_as), PER_CLIENT, visit.now)
    if isinstance(of_client, Wait):
        return of_client
    key = keyed(secret, address.kind, address.text)
    to_address = await take(connection, "codes_to_address", key, PER_ADDRESS, visit.now)
    return to_address if isinstance(to_address, Wait) else None


async def _locked(connection: AsyncConnection[Any], request: str, now: datetime) -> _Kept | None:
    """The row of a request that can still be redeemed."""
    async with connection.cursor(row_factory=class_row(_Kept)) as cursor:
        await cursor.execute(
            """
            SELECT purpose, kind, address, language, holder_id, works, sends, tries, times_sent, sent_at, expires_at,
                redeemed_at
            FROM codes WHERE request_hash = %s AND expires_at > %s FOR UPDATE
            """,
            (hash_of(request), now),
        )
        return await cursor.fetchone()


async def _send(connection: AsyncConnection[Any], send: Send, kept: _Kept, code: str) -> None:
    if kept.sends is None:
        return
    values: dict[str, str] = {}
    if kept.sends == "code":
        values = {"code": code, "purpose": kept.purpose, "minutes": str(int(LIVES.total_seconds()) // 60)}
    address = Address(kept.kind, kept.address)
    whose = kept.holder_id if kept.works else None  # what is sent instead may go to another holder
    message = message_to(address, kept.sends, kept.language, values, holder_id=whose, expires_at=kept.expires_at)
    await send(connection, message)


def _code_of(secret: bytes, request: str) -> str:
    number = int.from_bytes(keyed(secret, "code", request)[:16], "big")  # 128 bits, so that all codes are as likely
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def _digits(typed: str) -> str:
    """What was typed, with digits of any width, and blanks between them left out."""
    return "".join(unicodedata.normalize("NFKC", typed[:100]).split())
