"""Notifications that Stripe sends: whether one is genuine, and what it hints at. A hint is a reason to look, no news.

The signature is checked here on the raw bytes: the library's own check decodes them first, reads the system's clock,
accepts any time to come, and raises errors that hold the body (docs.stripe.com/webhooks, verify manually).
"""

import hmac
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from engine.errors import BaohaoError

BODY_MAX = 65_536
"""Bytes of the largest notification that is read; Stripe's are a few thousand."""
TOLERANCE = timedelta(minutes=5)
"""How old, or how far ahead of our clock, a notification may be signed; Stripe signs each delivery anew."""
SIGNATURE = "stripe-signature"
_HEADER_MAX = 2_000


class NotificationError(BaohaoError):
    """A notification that is not to be believed; the message says why and holds nothing of it."""


class Hint(Struct, frozen=True):
    """That something happened at the provider, and what of ours it may be about."""

    event_id: str
    """The provider's: the same for each delivery of one event."""
    kind: str
    happened_at: datetime
    attempt_id: UUID | None = None
    card_id: UUID | None = None
    refund_id: UUID | None = None
    holder_id: str | None = None
    payment_intent: str | None = None
    charge: str | None = None
    refund: str | None = None
    payment_method: str | None = None
    customer: str | None = None
    checkout_session: str | None = None
    setup_intent: str | None = None
    dispute: str | None = None


class _Subject(Struct):
    """The object that an event is about: what it is, and what it names."""

    object: str
    id: str
    metadata: dict[str, str] | None = None
    payment_intent: str | None = None
    charge: str | None = None
    latest_charge: str | None = None
    payment_method: str | None = None
    customer: str | None = None
    setup_intent: str | None = None


class _Data(Struct):
    object: msgspec.Raw


class _Event(Struct):
    id: str
    object: Literal["event"]
    type: str
    livemode: bool
    created: int
    data: _Data


_OWN_NAMES = {
    "payment_intent": "payment_intent",
    "charge": "charge",
    "refund": "refund",
    "payment_method": "payment_method",
    "customer": "customer",
    "checkout.session": "checkout_session",
    "setup_intent": "setup_intent",
    "dispute": "dispute",
}
"""Kind of object → the field of a hint that is its id."""
_EVENTS = msgspec.json.Decoder(_Event)
_SUBJECTS = msgspec.json.Decoder(_Subject)


def read_notification(
    headers: Mapping[str, str], body: bytes, secret: str, at: datetime, *, livemode: bool
) -> tuple[Hint, ...]:
    """What a notification hints at; `headers` have lower-case names. Raises NotificationError."""
    if len(body) > BODY_MAX:
        raise NotificationError(f"it has more than {BODY_MAX} bytes")
    _check_signature(headers.get(SIGNATURE, ""), body, secret, at)
    try:
        event = _EVENTS.decode(body)
        happened_at = datetime.fromtimestamp(event.created, UTC)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError, OverflowError, OSError):
        raise NotificationError("it is signed, but no event as Stripe's API describes it") from None
    if event.livemode is not livemode:
        raise NotificationError("it is of the other mode, live or test, than ours")
    subject = None
    with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        subject = _SUBJECTS.decode(event.data.object)
    if subject is None:  # an event of a kind that we have not asked for
        return (Hint(event.id, event.type, happened_at),)
    return (_hint(event, subject, happened_at),)


def signature(body: bytes, secret: str, at: datetime) -> str:
    """The header by which a notification is signed: what Stripe, and whoever plays it, sends."""
    seconds = int(at.timestamp())
    return f"t={seconds},v1={_signed(seconds, body, secret)}"


def _signed(seconds: int, body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), b"%d." % seconds + body, sha256).hexdigest()


def _check_signature(header: str, body: bytes, secret: str, at: datetime) -> None:
    if not secret:
        raise NotificationError("there is no secret to check its signature by")
    parts = [part.partition("=") for part in header[:_HEADER_MAX].split(",")]
    times = [value for name, _, value in parts if name == "t"]
    signatures = [value for name, _, value in parts if name == "v1"]
    if len(times) != 1 or not times[0].isascii() or not times[0].isdecimal() or not signatures:
        raise NotificationError("its signature is missing or no signature")
    seconds = int(times[0])
    expected = _signed(seconds, body, secret).encode()
    if not any(hmac.compare_digest(expected, one.encode()) for one in signatures):
        raise NotificationError("its signature is wrong")
    if abs(seconds - at.timestamp()) > TOLERANCE.total_seconds():
        raise NotificationError("it was signed too long ago, or in the future")


def _hint(event: _Event, subject: _Subject, happened_at: datetime) -> Hint:
    metadata = subject.metadata or {}
    names: dict[str, str | None] = {
        "payment_intent": subject.payment_intent,
        "charge": subject.charge or subject.latest_charge,
        "payment_method": subject.payment_method,
        "customer": subject.customer,
        "setup_intent": subject.setup_intent,
    }
    if subject.object in _OWN_NAMES:
        names[_OWN_NAMES[subject.object]] = subject.id
    return Hint(
        event.id,
        event.type,
        happened_at,
        attempt_id=uuid_of(metadata.get("attempt")),
        card_id=uuid_of(metadata.get("card")),
        refund_id=uuid_of(metadata.get("refund_id")),
        holder_id=metadata.get("holder"),
        **names,
    )


def uuid_of(text: str | None) -> UUID | None:
    """The id; None for what is none of ours."""
    with suppress(ValueError, TypeError):
        return UUID(text)
    return None
