"""Receipts of a provider: what became of an SMS after it was accepted; they come twice, out of order, and early.

Twilio posts them to the address that came with the SMS, which names its row; so none is unknown, however early.
"""

import hmac
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Any

from psycopg import AsyncConnection

RECEIPTS = "/notices/twilio/"
_DELIVERED, _LOST = frozenset({"delivered", "read"}), frozenset({"undelivered", "failed"})


def address_of(web_url: str, key: str) -> str:
    """Where Twilio posts the receipts of one SMS."""
    return f"{web_url}{RECEIPTS}{b64encode(key.encode(), b'-_').decode().rstrip('=')}"


def key_in(name: str) -> str | None:
    """The key that the last part of such an address names; None for anything else."""
    try:
        return b64decode(name + "=" * (-len(name) % 4), b"-_", validate=True).decode()
    except (Base64Error, UnicodeDecodeError, ValueError):
        return None


def is_signed(address: str, form: Mapping[str, str], signature: str, token: str) -> bool:
    """Whether Twilio signed a form for that address, by our public URL, whatever the Host header says.

    Source: twilio.com/docs/usage/security, "Validating requests".
    """
    signed = address + "".join(f"{name}{form[name]}" for name in sorted(form))
    expected = b64encode(hmac.digest(token.encode(), signed.encode(), "sha1"))
    return hmac.compare_digest(expected, signature.encode())


async def take_receipt(connection: AsyncConnection[Any], key: str, form: Mapping[str, str]) -> None:
    """Record what a receipt says of an SMS; its state moves forward only, and what was lost goes by e-mail instead."""
    status = form.get("MessageStatus", "")
    if status in _DELIVERED:
        await connection.execute(
            """
            UPDATE outbox SET state = 'delivered', reason = NULL, provider_id = %(sid)s, address = NULL, body = NULL,
                content = CASE WHEN card_id IS NULL THEN NULL ELSE content END,
                sent_at = coalesce(sent_at, clock_timestamp()), settled_at = clock_timestamp()
            WHERE key = %(key)s AND channel = 'sms' AND state IN ('sending', 'accepted', 'bounced') AND handed_over
            """,
            {"key": key, "sid": form.get("MessageSid")},
        )
    elif status in _LOST:
        reason = f"twilio_{form.get('ErrorCode', status)}"[:40]
        await connection.execute(
            """
            WITH lost AS (
                UPDATE outbox SET state = 'bounced', reason = %(reason)s, provider_id = %(sid)s, address = NULL,
                    body = NULL, content = CASE WHEN card_id IS NULL THEN NULL ELSE content END,
                    sent_at = NULL, settled_at = clock_timestamp()
                WHERE key = %(key)s AND channel = 'sms' AND state IN ('sending', 'accepted') AND handed_over
                RETURNING *
            )
            INSERT INTO outbox (key, channel, holder_id, card_id, kind, caused_at, content, not_before, expires_at)
            SELECT key, 'email', holder_id, card_id, kind, caused_at, content, not_before, expires_at
            FROM lost WHERE card_id IS NOT NULL
            ON CONFLICT (key, channel) DO NOTHING
            """,
            {"key": key, "reason": reason, "sid": form.get("MessageSid")},
        )
