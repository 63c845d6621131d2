"""Challenges for passkeys (WebAuthn Level 3): what a browser is asked to have signed, once, here, within minutes.

The challenge is made from the directory's secret and a token that only the browser that asked has, in a cookie; of the
token a hash is kept. So a signature is worth nothing in another browser, nor a second time.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

from psycopg import AsyncConnection

from adapters.directory.secret import hash_of, keyed, new_token, secret_of
from adapters.directory.visit import Visit

ChallengePurpose = Literal["add", "sign_in", "confirm"]
LIVES = timedelta(minutes=5)
"""Long enough to find a security key (WebAuthn, 15.1 recommends 5 to 10 minutes)."""


@dataclass(frozen=True, slots=True)
class Site:
    """Whose passkeys they are: the address of the pages, without a path, as it is set and never as it was asked for."""

    origin: str

    @property
    def rp_id(self) -> str:
        """Its host, which passkeys hold for."""
        return urlsplit(self.origin).hostname or ""


@dataclass(frozen=True, slots=True)
class PasskeyAnswer:
    """What a browser sends: the token of its request, and the credential as JSON."""

    request: str = field(repr=False)
    credential: str = field(repr=False)
    site: Site


async def new_challenge(
    connection: AsyncConnection[Any], purpose: ChallengePurpose, holder_id: str | None, visit: Visit
) -> tuple[str, bytes]:
    """The token for the browser, and the challenge for its authenticator."""
    token = new_token()
    await connection.execute(
        "INSERT INTO passkey_challenges (request_hash, purpose, holder_id, expires_at) VALUES (%s, %s, %s, %s)",
        (hash_of(token), purpose, holder_id, visit.now + LIVES),
    )
    return token, await _challenge(connection, token)


async def take_challenge(
    connection: AsyncConnection[Any],
    answer: PasskeyAnswer,
    purpose: ChallengePurpose,
    holder_id: str | None,
    visit: Visit,
) -> bytes | None:
    """The challenge that was asked for, which is used up now whatever comes of it; None: there is none, or no more.

    To be called outside the transaction of what follows, so that a refusal does not bring it back.
    """
    query = """
        DELETE FROM passkey_challenges WHERE request_hash = %s AND purpose = %s AND holder_id IS NOT DISTINCT FROM %s
        RETURNING expires_at
    """
    row = await (await connection.execute(query, (hash_of(answer.request), purpose, holder_id))).fetchone()
    if row is None or row[0] <= visit.now:
        return None
    return await _challenge(connection, answer.request)


async def user_handle(connection: AsyncConnection[Any], holder_id: str) -> bytes:
    """By which authenticators know the account: it tells nothing of it (WebAuthn, 14.6.1); 32 bytes."""
    return keyed(await secret_of(connection), "passkeys of", holder_id)


async def _challenge(connection: AsyncConnection[Any], token: str) -> bytes:
    return keyed(await secret_of(connection), "passkey", token)
