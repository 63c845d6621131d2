"""How the directory sends: one function, which the outbox of notices implements, in the transaction of the cause."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from psycopg import AsyncConnection

from adapters.directory.addresses import Address

MessageKind = Literal[
    "code",  # values: purpose, code, minutes
    "account_exists",  # somebody registers with, or changes to, an address that has an account already
    "registered",
    "email_changed",  # values: before (clear to itself, else veiled), after (veiled; empty: it was removed)
    "phone_changed",  # the same
    "password_changed",
    "passkey_added",
    "passkey_removed",
    "passkeys_removed",  # all of them, by the support, since the holder has lost them
    "passkey_copied",  # what signed in counts less often than the passkey was used: there are two of it
    "passkey_instead",  # somebody wants to reset the password of an account that has a passkey
    "account_erased",
]


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one address; `values` are what its template needs besides."""

    kind: MessageKind
    to: str = field(repr=False)
    channel: Literal["email", "sms"]
    language: str
    values: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    holder_id: str | None = None
    """None: it goes to nobody whom we know."""
    expires_at: datetime | None = None
    """After that it is not worth sending."""
    message_id: UUID = field(default_factory=uuid4)
    """One for each time it is meant to be sent."""


Send = Callable[[AsyncConnection[Any], Message], Awaitable[None]]
"""Sends when the transaction is committed, and not at all if it is not. Must neither block nor log what is in it."""


def message_to(
    address: Address,
    kind: MessageKind,
    language: str,
    values: Mapping[str, str],
    *,
    holder_id: str | None = None,
    expires_at: datetime | None = None,
) -> Message:
    """A message to an address, by the channel that reaches it."""
    channel = "email" if address.kind == "email" else "sms"
    return Message(kind, address.text, channel, language, values, holder_id, expires_at)
