"""What the outside implements for the engine: the payment gateway, and what is said to it and by it.

What we say are plain values; what it says is judged when it is put into our words: pydantic's ValidationError.
"""

from datetime import datetime, timedelta
from typing import Annotated, Protocol
from uuid import UUID

from msgspec import json
from pydantic import BaseModel, ConfigDict, StringConstraints

from engine.money import Money
from engine.value import Value

Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=200)]
"""What a gateway says, such as PostgreSQL can keep it; anything else is garbage, and garbage is Unclear."""


class _Asked(Value):
    @property
    def parameters(self) -> str:
        """All of it as JSON: what must be the same whenever the key is."""
        return json.encode(self).decode()


class _Heard(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ChargeRequest(_Asked):
    """One attempt to take money: one id, one idempotency key, one set of parameters, for ever."""

    attempt_id: UUID
    card_id: UUID
    purpose: str
    """What is bought, for instance `renewal:7`; the gateway keeps it with the payment."""
    token: str
    amount: Money


class Charged(_Heard):
    """The money was taken."""

    attempt_id: UUID
    amount: Money
    gateway_ref: Text


class Declined(_Heard):
    """The money was definitely not taken."""

    code: Text
    advice_code: Text | None = None
    network_code: Text | None = None


class Unclear(_Heard):
    """Time-out, 5xx, garbage: nobody can say whether the money was taken."""

    reason: Text


class NotFound(_Heard):
    """The gateway's complete list has no such attempt (the answer of a look-up only)."""


Answer = Charged | Declined | Unclear | NotFound


class RefundRequest(_Asked):
    """Money to give back: one id, one set of parameters, for ever."""

    refund_id: UUID
    attempt_id: UUID
    """The charge that it gives back."""
    card_id: UUID
    gateway_ref: str
    amount: Money


class Refunded(_Heard):
    """The money was given back."""

    refund_id: UUID
    amount: Money
    gateway_ref: Text


class RefundDeclined(_Heard):
    """The money was definitely not given back, and will not be."""

    code: Text


RefundAnswer = Refunded | RefundDeclined | Unclear
GatewayRequest = ChargeRequest | RefundRequest
GatewayAnswer = Answer | RefundAnswer


class Gateway(Protocol):
    """A payment service provider.

    All calls answer within the policy's `gateway_budget` and never raise for what the provider says or fails to say,
    except GatewayMisuseError when it calls the request itself wrong. `at` is the business time of the call.
    """

    async def charge(self, request: ChargeRequest, at: datetime) -> Answer:
        """Take the money once; the same request again gives the same answer while the key is known."""
        ...

    async def look_up(self, request: ChargeRequest, at: datetime) -> Answer:
        """What became of the attempt, without ever causing a charge."""
        ...

    async def refund(self, request: RefundRequest, at: datetime) -> RefundAnswer:
        """Give the money back once, however often and however late the same request comes."""
        ...

    @property
    def budget(self) -> timedelta:
        """The longest that a call may take, in real time."""
        ...
