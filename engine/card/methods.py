"""Decisions about payment methods. See custody.py for what all decisions have in common."""

from collections.abc import Sequence
from datetime import datetime

from engine.card.custody import check_kept
from engine.card.events import (
    Events,
    PaymentMethodBound,
    PaymentMethodRemoved,
    PaymentMethodsOrdered,
    PaymentMethodUpdated,
)
from engine.card.method import PaymentMethod
from engine.card.state import Card
from engine.errors import Refused

METHODS_MAX = 10
"""Methods on one card: each may be charged once in every pass."""


def bind_payment_method(card: Card, *, method: PaymentMethod, at: datetime) -> Events:
    """Add a way to pay, last in order; raises Refused `method_exists` or `too_many_methods`."""
    check_kept(card)
    known = _known(card, method.method_id)
    if known == method:
        return ()
    if known is not None:
        code, message = "method_exists", f"method {method.method_id!r} is bound already, with other details; update it"
        raise Refused(code, message, "method.method_id")
    if len(card.methods) >= METHODS_MAX:
        raise Refused("too_many_methods", f"a card has at most {METHODS_MAX} payment methods; remove one first")
    return (PaymentMethodBound(method=method, at=at),)


def update_payment_method(card: Card, *, method: PaymentMethod, at: datetime) -> Events:
    """New details of a bound method; it may be tried again, at once if a term is unpaid.

    Raises Refused `unknown_method`.
    """
    check_kept(card)
    known = _bound(card, method.method_id, "method.method_id")
    return () if known == method else (PaymentMethodUpdated(method=method, at=at),)


def remove_payment_method(card: Card, *, method_id: str, at: datetime) -> Events:
    """Charge a method no more; raises Refused `unknown_method` or `last_method`.

    An attempt that is open on it runs to its end, but is never sent again.
    """
    check_kept(card)
    _bound(card, method_id, "method_id")
    if len(card.methods) == 1 and (card.auto_renew is not None or card.open_attempt is not None):
        message = "it is the only payment method of a card that is to be charged; switch auto-renewal off first"
        raise Refused("last_method", message, "method_id")
    return (PaymentMethodRemoved(method_id=method_id, reason="holder", at=at),)


def order_payment_methods(card: Card, *, method_ids: Sequence[str], balance_first: bool, at: datetime) -> Events:
    """The order in which to charge, and whether the balance is spent first; raises Refused `not_the_methods`."""
    check_kept(card)
    now = [method.method_id for method in card.methods]
    if sorted(method_ids) != sorted(now):
        message = f"name each bound method once: {', '.join(sorted(now)) or 'there is none'}"
        raise Refused("not_the_methods", message, "method_ids")
    if list(method_ids) == now and balance_first == card.balance.first:
        return ()
    return (PaymentMethodsOrdered(method_ids=tuple(method_ids), balance_first=balance_first, at=at),)


def _known(card: Card, method_id: str) -> PaymentMethod | None:
    return next((method for method in card.methods if method.method_id == method_id), None)


def _bound(card: Card, method_id: str, field: str) -> PaymentMethod:
    known = _known(card, method_id)
    if known is None:
        raise Refused("unknown_method", f"no method {method_id!r} is bound to the card", field)
    return known
