"""The payment gateway that the outside implements for the engine, its requests and its answers.

Requests are plain values; answers are validated as they are built: pydantic's ValidationError.
"""

from datetime import datetime, timedelta
from typing import Annotated, Protocol
from uuid import UUID

from msgspec import json
from pydantic import BaseModel, ConfigDict, StringConstraints

from engine.money import Money
from engine.value import Value

Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=200)]
"""A gateway's text that PostgreSQL can store; an answer with any other is Unclear."""


class _Request(Value):
    @property
    def parameters(self) -> str:
        """The request as JSON: the same idempotency key must always come with the same parameters."""
        return json.encode(self).decode()


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ChargeRequest(_Request):
    """One attempt to take money: one id, one idempotency key, one set of parameters, for ever.

    `gateway_ref` is known only for look-ups, once the gateway has said that the outcome comes later.
    """

    attempt_id: UUID
    card_id: UUID
    purpose: str
    """What is bought, for instance `renewal:7`; the gateway keeps it with the payment."""
    token: str
    amount: Money
    attempted_at: datetime
    gateway_ref: str | None = None


class Charged(_Answer):
    """The money was taken."""

    attempt_id: UUID
    amount: Money
    gateway_ref: Text


class Declined(_Answer):
    """The money was definitely not taken."""

    code: Text
    advice_code: Text | None = None
    network_code: Text | None = None


class Pending(_Answer):
    """The provider accepted the charge and will know its outcome later, perhaps days later."""

    attempt_id: UUID
    gateway_ref: Text


class Unclear(_Answer):
    """Time-out, 5xx, garbage: it is unknown whether the money was taken."""

    reason: Text


class NotFound(_Answer):
    """The gateway's complete list has no such attempt or refund (the answer of a look-up only)."""


Answer = Charged | Declined | Pending | Unclear | NotFound


class RefundRequest(_Request):
    """Money to refund: one id, one set of parameters, for ever."""

    refund_id: UUID
    attempt_id: UUID
    """The charge that is refunded."""
    card_id: UUID
    gateway_ref: str
    amount: Money


class Refunded(_Answer):
    """The money was refunded."""

    refund_id: UUID
    amount: Money
    gateway_ref: Text


class RefundDeclined(_Answer):
    """The money was definitely not refunded, and will not be."""

    code: Text


class RefundAccepted(_Answer):
    """The provider accepted the refund; whether the money arrives it will know later."""

    refund_id: UUID
    gateway_ref: Text


class ListChargesRequest(_Request):
    """All charges since an instant: of one card, or of all where none is named."""

    since: datetime
    card_id: UUID | None = None


class FoundCharge(_Answer):
    """Money that was taken, as the gateway's list shows it."""

    attempt_id: UUID
    card_id: UUID
    purpose: Text
    token: Text
    amount: Money
    refunded_minor: int = 0
    """The part of `amount` that went back."""
    gateway_ref: Text
    charged_at: datetime


class ChargesFound(_Answer):
    """The gateway's list of charges, complete but for those of the last hours."""

    charges: tuple[FoundCharge, ...]


RefundAnswer = Refunded | RefundDeclined | RefundAccepted | Unclear | NotFound
GatewayRequest = ChargeRequest | RefundRequest | ListChargesRequest
GatewayAnswer = Answer | RefundAnswer | ChargesFound


class Gateway(Protocol):
    """A payment service provider.

    All calls return within the policy's `gateway_budget` and never raise for what the provider answers or fails to
    answer, except GatewayMisuseError when it calls the request itself wrong. `at` is the business time of the call.
    """

    async def charge(self, request: ChargeRequest, at: datetime) -> Answer:
        """Take the money once; a repeated request returns the same answer while the key is known."""
        ...

    async def look_up(self, request: ChargeRequest, at: datetime) -> Answer:
        """The outcome of the attempt; never causes a charge."""
        ...

    async def refund(self, request: RefundRequest, at: datetime) -> RefundAnswer:
        """Refund the money once, however often and however late the same request comes; returns its state now."""
        ...

    async def look_up_refund(self, request: RefundRequest, at: datetime) -> RefundAnswer:
        """The state of the refund now; never causes one. A refund that succeeded may fail days later."""
        ...

    async def list_charges(self, request: ListChargesRequest, at: datetime) -> ChargesFound | Unclear:
        """The charges that were made since an instant, found by the card and purpose that came with each request."""
        ...

    @property
    def budget(self) -> timedelta:
        """The longest that a call may take, in real time."""
        ...
