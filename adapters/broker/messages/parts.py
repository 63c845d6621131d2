"""What messages have in common: their base, and the parts that many of them have."""

from datetime import date
from typing import Annotated, dataclass_transform
from uuid import UUID

from msgspec import Meta, Struct

Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217 code.")]
AttemptId = Annotated[UUID, Meta(description="Names one charge; it is the idempotency key at the payment provider.")]
TermNumber = Annotated[int, Meta(ge=0, description="Terms of a card count up from 0, the one that it came with.")]
TopUp = Annotated[int | None, Meta(description="Number of the top-up that it is for; null for a term.")]
Day = Annotated[date, Meta(description="A local day of the card's zone.")]
MethodId = Annotated[str, Meta(description="The payment method's id at its card.")]
ShownCode = Annotated[
    str | None, Meta(description="The decline's code, if the holder may learn it; null for all others.")
]


@dataclass_transform(frozen_default=True)
class Message(Struct, frozen=True, kw_only=True, gc=False):
    """What is told of a card."""


class Amount(Struct, frozen=True, gc=False):
    """Money in the minor units of its currency."""

    minor: Annotated[int, Meta(description="Cents, fen, yen: whole minor units, never a fraction.")]
    currency: Currency
