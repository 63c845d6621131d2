"""What the functions of the directory answer: outcomes that are expected, and that a page has a sentence for."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

PasswordFault = Literal["too_short", "too_long", "common", "names_product", "own_address"]
"""Why a password is not taken: below 8 characters; above 128, or 512 bytes; one of a known list; it holds our name;
it is the address that one signs in with."""

PasskeyFault = Literal["late", "wrong", "known", "too_many"]
"""Why a passkey is not taken: its challenge has run out or was answered already; it proves nothing here; an account has
it already; this account has as many as it may."""


@dataclass(frozen=True, slots=True)
class Done:
    """It was done, or was so already."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A session, and the token for its cookie, which is not kept here."""

    token: str = field(repr=False)
    session_id: UUID
    holder_id: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Too many of these: it may be tried again in so many seconds."""

    seconds: int


@dataclass(frozen=True, slots=True)
class CodeSent:
    """A code is on its way, if there is an account to send it to; `request` is for the one who asked alone."""

    request: str = field(repr=False)
    resend_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class CodeWrong:
    """Not the code that was sent; so many tries are left."""

    tries_left: int


@dataclass(frozen=True, slots=True)
class CodeDead:
    """No code can be right any more: it expired, was used or tried too often, or was never asked for here."""


@dataclass(frozen=True, slots=True)
class NotMatching:
    """No account with that password; nothing says which of the two is wrong."""


@dataclass(frozen=True, slots=True)
class NotRecent:
    """It is longer ago than ten minutes that the holder proved to be the holder; ask for the password or a code."""


@dataclass(frozen=True, slots=True)
class PasswordRefused:
    """A new password that is not taken."""

    fault: PasswordFault


@dataclass(frozen=True, slots=True)
class PasskeyAsked:
    """What a browser asks its owner's authenticator for; `request` is for the browser that asked alone."""

    request: str = field(repr=False)
    options: str = field(repr=False)
    """JSON, as WebAuthn has it."""


@dataclass(frozen=True, slots=True)
class PasskeyRefused:
    """A passkey that is not taken."""

    fault: PasskeyFault


@dataclass(frozen=True, slots=True)
class Taken:
    """Another account, or another card, has it."""

    what: Literal["holder_id", "email", "phone", "number"]


@dataclass(frozen=True, slots=True)
class LastAddress:
    """Without it nobody could sign in to the account."""


@dataclass(frozen=True, slots=True)
class StillOwed:
    """Cards that keep an account from being erased: renewed, being charged, with a balance, or changed just now."""

    card_ids: tuple[UUID, ...]
