"""Receipts of a provider: what became of an SMS after it was accepted; they come twice, out of order, and early.

Twilio posts them to the address that came with the SMS, which names its row; so none is unknown, however early. Aliyun
posts them unsigned, in lists, and names the row by what came with the SMS as `OutId`: their address is a secret.
"""

import hmac
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from typing import Any, LiteralString, NamedTuple

from msgspec import Struct, json
from psycopg import AsyncConnection

RECEIPTS, ALIYUN_RECEIPTS = "/notices/twilio/", "/notices/aliyun/"
_DELIVERED, _LOST = frozenset({"delivered", "read"}), frozenset({"undelivered", "failed"})


class Receipt(NamedTuple):
    """What became of one SMS; `lost` says why, None that it was delivered."""

    key: str
    provider_id: str | None
    lost: str | None


class _Report(Struct):
    success: bool
    out_id: str | None = None
    biz_id: str | None = None
    err_code: str | None = None


def address_of(web_url: str, key: str) -> str:
    """Where Twilio posts the receipts of one SMS."""
    return f"{web_url}{RECEIPTS}{b64encode(key.encode(), b'-_').decode().rstrip('=')}"


def key_in(name: str) -> str | None:
    """The key that the last part of such an address names; None for anything else."""
    try:
        return b64decode(name + "=" * (-len(name) % 4), b"-_", validate=True).decode()
    except (Base64Error, UnicodeDecodeError, ValueError):
        return None


def aliyun_receipts(body: bytes) -> list[Receipt]:
    """What Aliyun's list says; raises ValueError for what is none.

    Source: help.aliyun.com/zh/sms, "SmsReport": an array of reports with `out_id`, `biz_id`, `success`, `err_code`.
    """
    reports = json.decode(body, type=list[_Report])
    return [
        Receipt(one.out_id, one.biz_id, None if one.success else f"aliyun_{one.err_code}"[:40])
        for one in reports
        if one.out_id
    ]


def is_signed(address: str, form: Mapping[str, str], signature: str, token: str) -> bool:
    """Whether Twilio signed a form for that address, by our public URL, whatever the Host header says.

    Source: twilio.com/docs/usage/security, "Validating requests".
    """
    signed = address + "".join(f"{name}{form[name]}" for name in sorted(form))
    expected = b64encode(hmac.digest(token.encode(), signed.encode(), "sha1"))
    return hmac.compare_digest(expected, signature.encode())


def receipt_of(key: str, form: Mapping[str, str]) -> Receipt | None:
    """What Twilio's form says; None for what is on its way."""
    status, sid = form.get("MessageStatus", ""), form.get("MessageSid")
    if status in _DELIVERED:
        return Receipt(key, sid, None)
    return Receipt(key, sid, f"twilio_{form.get('ErrorCode', status)}"[:40]) if status in _LOST else None


async def take_receipt(connection: AsyncConnection[Any], receipt: Receipt) -> None:
    """Record what a receipt says of an SMS; its state moves forward only, and what was lost goes by e-mail instead."""
    query = _ARRIVED if receipt.lost is None else _GONE
    await connection.execute(query, receipt._asdict())


_ARRIVED: LiteralString = """
    UPDATE outbox SET state = 'delivered', reason = NULL, provider_id = %(provider_id)s, address = NULL, body = NULL,
        content = CASE WHEN card_id IS NULL THEN NULL ELSE content END,
        sent_at = coalesce(sent_at, clock_timestamp()), settled_at = clock_timestamp()
    WHERE key = %(key)s AND channel = 'sms' AND state <> 'delivered' AND (handed_over OR doubts > 0)
"""
"""Also of one that waits or was given up because nobody knew: it has arrived, and is not sent again."""
_GONE: LiteralString = """
    WITH lost AS (
        UPDATE outbox SET state = 'bounced', reason = %(lost)s, provider_id = %(provider_id)s, address = NULL,
            body = NULL, content = CASE WHEN card_id IS NULL THEN NULL ELSE content END,
            sent_at = NULL, settled_at = clock_timestamp()
        WHERE key = %(key)s AND channel = 'sms' AND state IN ('sending', 'accepted') AND handed_over
        RETURNING *
    )
    INSERT INTO outbox (key, channel, holder_id, card_id, kind, caused_at, content, not_before, expires_at)
    SELECT key, 'email', holder_id, card_id, kind, caused_at, content, not_before, expires_at
    FROM lost WHERE card_id IS NOT NULL
    ON CONFLICT (key, channel) DO NOTHING
"""
