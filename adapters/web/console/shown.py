"""How the console writes times and amounts: UTC, and the code of the currency."""

from datetime import UTC, datetime

from engine.money import Money
from engine.why.phrases import money


def utc(value: datetime | None) -> str:
    """An instant with its zone: 2026-11-29 04:00:07 UTC."""
    return "–" if value is None else f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def amount(minor: int | None, currency: str | None) -> str:
    """An amount with the code of its currency: 76.80 CNY."""
    return "–" if minor is None or currency is None else money(Money(minor=minor, currency=currency))


def counted(count: int, one: str) -> str:
    """So many of something: 1 card, 2 cards."""
    return f"{count:,} {one}" if count == 1 else f"{count:,} {one}s"
