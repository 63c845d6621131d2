"""Allowing again: what a code has ended for every card may be charged once an operator allows the payment card."""

from datetime import datetime
from typing import Protocol

from msgspec.structs import replace

from engine.card.custody import HasStatus, is_kept
from engine.card.event import Event
from engine.card.methods import HasMethods, Methods, disputed_ended
from engine.networks import NEVER

# Facts


class PaymentMethodAllowed(Event, kw_only=True):
    """An operator allowed the payment card again that a code had blocked for every card: `reason` says why.

    So the method may be charged again, at once if a term is unpaid.
    """

    method_id: str
    fingerprint: str
    reason: str


# Fold


def allowed(methods: Methods, fact: PaymentMethodAllowed) -> Methods:
    """The method may be charged again, unless it is disputed."""
    ended = {one: code for one, code in methods.ended.items() if one != fact.method_id}
    return disputed_ended(replace(methods, ended=ended))


# Decisions


class _Allowable(HasMethods, HasStatus, Protocol):
    """What the allowance reads of a card."""


def allow_payment_method(
    card: _Allowable, *, fingerprint: str, reason: str, at: datetime
) -> tuple[PaymentMethodAllowed, ...]:
    """Charge again what is bound of a payment card; nothing where no code has ended it."""
    if not is_kept(card):
        return ()
    return tuple(
        PaymentMethodAllowed(method_id=one.method_id, fingerprint=fingerprint, reason=reason, at=at)
        for one in card.methods.bound
        if one.fingerprint == fingerprint and card.methods.ended.get(one.method_id) == NEVER
    )
