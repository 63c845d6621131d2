"""What a passkey proves: signing in with it, without an address, and proving again to be the holder."""

from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from psycopg.rows import class_row
from webauthn import generate_authentication_options, options_to_json, verify_authentication_response
from webauthn.helpers import parse_authentication_credential_json
from webauthn.helpers.structs import (
    AuthenticationCredential,
    PublicKeyCredentialDescriptor,
    UserVerificationRequirement,
)

from adapters.directory.account_events import note
from adapters.directory.accounts import tell_everywhere
from adapters.directory.answers import Opened, PasskeyAsked, PasskeyRefused, Wait
from adapters.directory.limits import Limit, take
from adapters.directory.messages import Send
from adapters.directory.passkey_challenges import (
    PasskeyAnswer,
    Site,
    new_challenge,
    take_challenge,
    user_handle,
)
from adapters.directory.passkeys import TIMEOUT_MS, credential_ids
from adapters.directory.secret import keyed, secret_of
from adapters.directory.sessions import SignedIn, confirm_session, open_session
from adapters.directory.visit import Visit

ASKED_BY_CLIENT = (Limit(60, timedelta(minutes=15)),)
"""Challenges for whoever signs in: each is a row."""

log = structlog.get_logger()


class _Kept(NamedTuple):
    """A passkey as it is proved by."""

    passkey_id: UUID
    holder_id: str
    public_key: bytes
    sign_count: int


async def begin_passkey_sign_in(connection: AsyncConnection[Any], site: Site, visit: Visit) -> PasskeyAsked | Wait:
    """What to ask the authenticator for: any of its passkeys for this site; the same for everybody."""
    key = keyed(await secret_of(connection), visit.limited_as)
    taken = await take(connection, "passkeys_of_client", key, ASKED_BY_CLIENT, visit.now)
    if isinstance(taken, Wait):
        return taken
    request, challenge = await new_challenge(connection, "sign_in", None, visit)
    return PasskeyAsked(request, _options(site, challenge))


async def sign_in_with_passkey(
    connection: AsyncConnection[Any], send: Send, answer: PasskeyAnswer, visit: Visit
) -> Opened | PasskeyRefused:
    """A session for whoever has the passkey and was verified by its authenticator."""
    challenge = await take_challenge(connection, answer, "sign_in", None, visit)
    if challenge is None:
        return PasskeyRefused("late")
    async with connection.transaction():
        proved = await _proved(connection, send, answer, challenge, visit)
        if proved is None:
            return PasskeyRefused("wrong")
        opened = await open_session(connection, proved.holder_id, visit)
        await note(connection, proved.holder_id, "signed_in_with_passkey", visit, opened.session_id)
    return opened


async def begin_passkey_confirmation(
    connection: AsyncConnection[Any], signed_in: SignedIn, site: Site, visit: Visit
) -> PasskeyAsked | PasskeyRefused:
    """What to ask the authenticator for: one of the account's passkeys."""
    known = await credential_ids(connection, signed_in.holder_id)
    if not known:
        return PasskeyRefused("wrong")
    request, challenge = await new_challenge(connection, "confirm", signed_in.holder_id, visit)
    return PasskeyAsked(request, _options(site, challenge, known))


async def confirm_with_passkey(
    connection: AsyncConnection[Any], send: Send, signed_in: SignedIn, answer: PasskeyAnswer, visit: Visit
) -> Opened | PasskeyRefused:
    """The holder proves again to be the holder: the session goes on under a new token (ASVS 7.2.4, 7.5.1)."""
    challenge = await take_challenge(connection, answer, "confirm", signed_in.holder_id, visit)
    if challenge is None:
        return PasskeyRefused("late")
    async with connection.transaction():
        if await _proved(connection, send, answer, challenge, visit, signed_in.holder_id) is None:
            return PasskeyRefused("wrong")
        opened = await confirm_session(connection, signed_in, visit.now)
        if opened is None:
            return PasskeyRefused("late")
        await note(connection, opened.holder_id, "confirmed", visit, opened.session_id)
    return opened


def _options(site: Site, challenge: bytes, known: list[bytes] | None = None) -> str:
    return options_to_json(
        generate_authentication_options(
            rp_id=site.rp_id,
            challenge=challenge,
            timeout=TIMEOUT_MS,
            allow_credentials=[PublicKeyCredentialDescriptor(id=one) for one in known or ()],
            user_verification=UserVerificationRequirement.REQUIRED,
        )
    )


async def _proved(
    connection: AsyncConnection[Any],
    send: Send,
    answer: PasskeyAnswer,
    challenge: bytes,
    visit: Visit,
    holder_id: str | None = None,
) -> _Kept | None:
    """The passkey that signed the challenge, if it is one of ours; its use is recorded (WebAuthn, 7.2).

    It has to be that holder's. Only where nobody is named the answer has to have the handle of its account: an
    authenticator that was told which passkeys to use may leave it out (7.2, step 6).
    A count that does not grow is a copy's: it is refused, and the holder is told (7.2, step 22).
    """
    credential = _parsed(answer.credential)
    kept = None if credential is None else await _locked(connection, credential.raw_id)
    if credential is None or kept is None:
        return None
    if holder_id is not None and kept.holder_id != holder_id:
        return None
    handle = credential.response.user_handle
    may_lack = holder_id is not None and handle is None
    if not may_lack and handle != await user_handle(connection, kept.holder_id):
        return None
    count = _verified(answer, credential, kept, challenge)
    if count is None:
        return None
    if (count or kept.sign_count) and count <= kept.sign_count:
        await _tell_of_copy(connection, send, kept, visit)
        return None
    query = "UPDATE passkeys SET sign_count = %s, used_at = %s WHERE passkey_id = %s"
    await connection.execute(query, (count, visit.now, kept.passkey_id))
    return kept


def _parsed(text: str) -> AuthenticationCredential | None:
    try:
        return parse_authentication_credential_json(text)
    except Exception as error:  # noqa: BLE001 (what somebody made up fails in the library in many ways)
        log.info("passkey.refused", reason=str(error)[:200])
        return None


async def _locked(connection: AsyncConnection[Any], credential_id: bytes) -> _Kept | None:
    query = "SELECT passkey_id, holder_id, public_key, sign_count FROM passkeys WHERE credential_id = %s FOR UPDATE"
    async with connection.cursor(row_factory=class_row(_Kept)) as cursor:
        return await (await cursor.execute(query, (credential_id,))).fetchone()


def _verified(answer: PasskeyAnswer, credential: AuthenticationCredential, kept: _Kept, challenge: bytes) -> int | None:
    """How often the authenticator says that it has signed; None where the signature is not right."""
    try:
        return verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=answer.site.rp_id,
            expected_origin=answer.site.origin,
            credential_public_key=kept.public_key,
            credential_current_sign_count=0,  # judged by us, once the signature is known to be right
            require_user_verification=True,
        ).new_sign_count
    except Exception as error:  # noqa: BLE001 (as above)
        log.info("passkey.refused", reason=str(error)[:200])
        return None


async def _tell_of_copy(connection: AsyncConnection[Any], send: Send, kept: _Kept, visit: Visit) -> None:
    await note(connection, kept.holder_id, "passkey_copied", visit)
    await tell_everywhere(connection, send, kept.holder_id, "passkey_copied", visit.now)
