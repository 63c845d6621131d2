"""A holder's passkeys: adding, naming and removing them; each addition and removal is told at all addresses."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import structlog
from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row
from webauthn import generate_registration_options, options_to_json, verify_registration_response
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from adapters.directory.account_events import note
from adapters.directory.accounts import tell_everywhere
from adapters.directory.answers import Done, NotRecent, PasskeyAsked, PasskeyRefused
from adapters.directory.codes import void_codes
from adapters.directory.messages import MessageKind, Send
from adapters.directory.passkey_challenges import (
    LIVES,
    PasskeyAnswer,
    Site,
    new_challenge,
    take_challenge,
    user_handle,
)
from adapters.directory.sessions import SignedIn, end_others
from adapters.directory.visit import Visit

PASSKEYS_MOST = 20
"""Of one account."""
LABEL_CHARACTERS = 60
TIMEOUT_MS = int(LIVES.total_seconds()) * 1000
_PRODUCT = "Baohao"

log = structlog.get_logger()


class Passkey(NamedTuple):
    """One of them, as its holder sees it."""

    passkey_id: UUID
    label: str
    created_at: datetime
    used_at: datetime | None


async def list_passkeys(connection: AsyncConnection[Any], holder_id: str) -> list[Passkey]:
    """Those of the account, the oldest first."""
    query = """
        SELECT passkey_id, label, created_at, used_at FROM passkeys WHERE holder_id = %s ORDER BY created_at, passkey_id
    """
    async with connection.cursor(row_factory=class_row(Passkey)) as cursor:
        return await (await cursor.execute(query, (holder_id,))).fetchall()


async def begin_adding(
    connection: AsyncConnection[Any], signed_in: SignedIn, site: Site, visit: Visit
) -> PasskeyAsked | NotRecent | PasskeyRefused:
    """What to ask the authenticator for: a discoverable passkey that verifies its owner, and none it has already."""
    if not signed_in.is_recent(visit.now):
        return NotRecent()
    known = await credential_ids(connection, signed_in.holder_id)
    if len(known) >= PASSKEYS_MOST:
        return PasskeyRefused("too_many")
    request, challenge = await new_challenge(connection, "add", signed_in.holder_id, visit)
    options = generate_registration_options(
        rp_id=site.rp_id,
        rp_name=_PRODUCT,
        user_id=await user_handle(connection, signed_in.holder_id),
        user_name=signed_in.email or signed_in.phone or _PRODUCT,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=one) for one in known],
    )
    return PasskeyAsked(request, options_to_json(options))


async def finish_adding(
    connection: AsyncConnection[Any],
    send: Send,
    signed_in: SignedIn,
    answer: PasskeyAnswer,
    label: str,
    visit: Visit,
) -> Done | NotRecent | PasskeyRefused:
    """The passkey signs in from now on; all other sessions end (ASVS 7.4.3), and codes asked for before are void."""
    if not signed_in.is_recent(visit.now):
        return NotRecent()
    holder_id = signed_in.holder_id
    challenge = await take_challenge(connection, answer, "add", holder_id, visit)
    if challenge is None:
        return PasskeyRefused("late")
    proved = _proved(answer, challenge)
    if proved is None:
        return PasskeyRefused("wrong")
    row = (
        *(uuid4(), holder_id, proved.credential_id, proved.credential_public_key, proved.sign_count),
        *(label_of(label) or visit.device[:LABEL_CHARACTERS] or _PRODUCT, visit.now),
    )
    try:
        async with connection.transaction():
            await connection.execute("SELECT FROM accounts WHERE holder_id = %s FOR UPDATE", (holder_id,))
            if len(await credential_ids(connection, holder_id)) >= PASSKEYS_MOST:
                return PasskeyRefused("too_many")
            await connection.execute(
                """
                INSERT INTO passkeys (passkey_id, holder_id, credential_id, public_key, sign_count, label, created_at)
                VALUES (%s, %s, %s, %s, %s, %s, %s)
                """,
                row,
            )
            await _after_change(connection, send, signed_in, "passkey_added", visit)
    except UniqueViolation:
        return PasskeyRefused("known")
    return Done()


async def rename_passkey(
    connection: AsyncConnection[Any], signed_in: SignedIn, passkey_id: UUID, label: str
) -> bool | None:
    """Call it another name; False if the account has no such passkey, None for no name."""
    named = label_of(label)
    if named is None:
        return None
    query = "UPDATE passkeys SET label = %s WHERE passkey_id = %s AND holder_id = %s"
    return (await connection.execute(query, (named, passkey_id, signed_in.holder_id))).rowcount > 0


async def remove_passkey(
    connection: AsyncConnection[Any], send: Send, signed_in: SignedIn, passkey_id: UUID, visit: Visit
) -> bool | NotRecent:
    """It signs in no more, and all other sessions end; False if the account has no such passkey."""
    if not signed_in.is_recent(visit.now):
        return NotRecent()
    async with connection.transaction():
        query = "DELETE FROM passkeys WHERE passkey_id = %s AND holder_id = %s"
        found = (await connection.execute(query, (passkey_id, signed_in.holder_id))).rowcount > 0
        if found:
            await _after_change(connection, send, signed_in, "passkey_removed", visit)
    return found


async def has_passkeys(connection: AsyncConnection[Any], holder_id: str) -> bool:
    """Whether the account has any."""
    query = "SELECT FROM passkeys WHERE holder_id = %s LIMIT 1"
    return (await connection.execute(query, (holder_id,))).rowcount > 0


async def credential_ids(connection: AsyncConnection[Any], holder_id: str) -> list[bytes]:
    """By which authenticators know the account's passkeys."""
    query = "SELECT credential_id FROM passkeys WHERE holder_id = %s ORDER BY created_at"
    return [row[0] for row in await (await connection.execute(query, (holder_id,))).fetchall()]


def label_of(typed: str) -> str | None:
    """A name in one line; None for none."""
    written = " ".join("".join(one if one.isprintable() else " " for one in typed[:500]).split())
    return written[:LABEL_CHARACTERS].strip() or None


def _proved(answer: PasskeyAnswer, challenge: bytes) -> VerifiedRegistration | None:
    try:
        proved = verify_registration_response(
            credential=answer.credential,
            expected_challenge=challenge,
            expected_rp_id=answer.site.rp_id,
            expected_origin=answer.site.origin,
            require_user_verification=True,
        )
    except Exception as error:  # noqa: BLE001 (what somebody made up fails in the library in many ways)
        log.info("passkey.refused", reason=str(error)[:200])
        return None
    return proved


async def _after_change(
    connection: AsyncConnection[Any], send: Send, signed_in: SignedIn, kind: MessageKind, visit: Visit
) -> None:
    await end_others(connection, signed_in.holder_id, signed_in.session_id)
    await void_codes(connection, signed_in.holder_id)
    await tell_everywhere(connection, send, signed_in.holder_id, kind, visit.now)
    await note(connection, signed_in.holder_id, kind, visit, signed_in.session_id)
