"""What the provider promises of payment methods, where a decision depends on it: what is saved, how much it takes."""

from collections.abc import Iterable
from typing import Protocol

from engine.catalogue import Catalogue
from engine.errors import Refused
from engine.money import Money
from engine.provider import Provider


class Known(Protocol):
    """What is known of a payment method."""

    @property
    def kind(self) -> str: ...

    @property
    def brand(self) -> str | None: ...


def check_reusable(method: Known, provider: Provider) -> None:
    """Raise Refused `not_reusable` for a method that the provider cannot charge while the holder is away."""
    if not provider.promises(method.kind, method.brand).reusable:
        name = method.brand or method.kind
        message = f"{name} pays only while the holder is there, so it cannot pay for renewals; bind another method"
        raise Refused("not_reusable", message, "method.brand")


def most_at_once(methods: Iterable[Known], provider: Provider, currency: str) -> int | None:
    """The most minor units that any of these methods takes at once; None: one of them has no such limit."""
    limits = [provider.promises(one.kind, one.brand).greatest.get(currency) for one in methods]
    known = [one for one in limits if one is not None]
    return max(known) if known and len(known) == len(limits) else None


def is_chargeable(amount: Money, catalogue: Catalogue) -> bool:
    """Whether it is not less than the provider charges."""
    return amount.minor >= catalogue.minimum_charge(amount.currency)


def check_minimum(amount: Money, catalogue: Catalogue) -> None:
    """Raise Refused `below_minimum_charge`, which names the least, for a top-up of less than the provider charges."""
    if not is_chargeable(amount, catalogue):
        least = Money(minor=catalogue.minimum_charge(amount.currency), currency=amount.currency)
        message = f"a top-up is at least {least}, not {amount}"
        raise Refused("below_minimum_charge", message, "amount.minor", least)
