"""Amounts of money as people read them on a terminal."""

from decimal import Decimal

from engine.money import exponent


def money(minor: int, currency: str) -> str:
    """An amount in minor units, with its currency."""
    return f"{Decimal(minor).scaleb(-exponent(currency)):,f} {currency}"
