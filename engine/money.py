"""Money: integer minor units and an ISO 4217 code; rounding has a name."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Annotated, Self

import iso4217
from pydantic import Field, StringConstraints

from engine.value import Value

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""An ISO 4217 code in capitals."""

BASIS_POINTS_PER_WHOLE = 10_000

_EXPONENTS = {one.code: one.exponent for one in iso4217.Currency if one.exponent is not None}


def exponent(currency: str) -> int:
    """The number of decimals of a currency; 2 where ISO 4217 has none or does not know the currency."""
    return _EXPONENTS.get(currency, 2)


class Rounding(StrEnum):
    """How a fraction of a minor unit becomes a whole one."""

    HALF_UP = ROUND_HALF_UP
    HALF_EVEN = ROUND_HALF_EVEN
    DOWN = ROUND_DOWN


class CurrencyMismatchError(ValueError):
    """Two amounts of different currencies were combined."""


class Money(Value):
    """An amount in minor units (cents, fen) of one currency; may be negative."""

    minor: Annotated[int, Field(strict=True)]
    currency: Currency

    def __str__(self) -> str:
        """Whole units and the currency, such as `15.00 CNY`."""
        return f"{Decimal(self.minor).scaleb(-exponent(self.currency)):f} {self.currency}"

    def of(self, minor: int) -> Self:
        """So many minor units of the same currency."""
        return type(self)(minor=minor, currency=self.currency)

    def __add__(self, other: Self) -> Self:
        return self.of(self.minor + self._same(other).minor)

    def __sub__(self, other: Self) -> Self:
        return self.of(self.minor - self._same(other).minor)

    def __mul__(self, times: int) -> Self:
        return self.of(self.minor * times)

    def less_discount(self, basis_points: int, rounding: Rounding) -> Self:
        """What is left after `basis_points` (1/100 of a percent) are taken off."""
        left = Decimal(self.minor) * (BASIS_POINTS_PER_WHOLE - basis_points) / BASIS_POINTS_PER_WHOLE
        return self.of(int(left.to_integral_value(rounding=rounding.value)))

    def _same(self, other: Self) -> Self:
        if other.currency != self.currency:
            message = f"cannot put {self.currency} and {other.currency} together"
            raise CurrencyMismatchError(message)
        return other
