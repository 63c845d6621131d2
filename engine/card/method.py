"""A way to pay, as far as it may ever be known to us."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

MethodKind = Literal["credit_card", "debit_card", "paypal", "e_wallet"]
NO_NUL = r"^[^\x00]*$"
"""What holders and operators write: NUL fits in no text column, and would stop every read model at its fact."""


class PaymentMethod(BaseModel):
    """A way to pay; of a payment card only token, brand, last four, expiry and fingerprint are ever known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method_id: str = Field(min_length=1, max_length=64, pattern=NO_NUL)
    kind: MethodKind
    token: str = Field(min_length=1, max_length=200, pattern=NO_NUL)
    brand: str | None = Field(default=None, min_length=1, max_length=64, pattern=NO_NUL)
    last4: str | None = Field(default=None, pattern=r"^\d{4}$")
    expires_on: date | None = None
    """The last day on which it is valid."""
    fingerprint: str | None = Field(default=None, min_length=1, max_length=200, pattern=NO_NUL)
    """The same for one payment card wherever it is bound; wallets have none."""
