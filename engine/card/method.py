"""A way to pay, as far as it may ever be known to us."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from engine.value import Value

MethodKind = Literal["credit_card", "debit_card", "paypal", "e_wallet"]
NO_NUL = r"^[^\x00]*$"
"""What holders and operators write: NUL fits in no text column, and would stop every read model at its fact."""


class PaymentMethod(Value):
    """A way to pay; of a payment card only token, brand, last four, expiry and fingerprint are ever known."""

    method_id: Annotated[str, Field(min_length=1, max_length=64, pattern=NO_NUL)]
    kind: MethodKind
    token: Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]
    brand: Annotated[str | None, Field(min_length=1, max_length=64, pattern=NO_NUL)] = None
    last4: Annotated[str | None, Field(pattern=r"^\d{4}$")] = None
    expires_on: date | None = None
    """The last day on which it is valid."""
    fingerprint: Annotated[str | None, Field(min_length=1, max_length=200, pattern=NO_NUL)] = None
    """The same for one payment card wherever it is bound; wallets have none."""
