"""Decisions about the balance. See custody.py for what all decisions have in common."""

from datetime import datetime

from engine.card.consent import check_may_charge
from engine.card.custody import check_kept
from engine.card.dunning import usable_methods
from engine.card.events import Events
from engine.card.payments import AutoTopUpSet, BalancePaidOut, TopUpStarted
from engine.card.refunds import check_amount
from engine.card.state import AutoTopUp, Card
from engine.errors import Refused
from engine.money import Money
from engine.rules import Rules


def top_up(card: Card, rules: Rules, *, amount: Money, at: datetime) -> Events:
    """Charge `amount` onto the balance now; asked twice it is paid twice.

    Raises Refused `amount_not_positive`, `wrong_currency`, `no_usable_method`, `charge_under_way`, `held`,
    `charging_stopped`.
    """
    check_kept(card)
    check_amount(card, amount)
    check_may_charge(card, rules)
    if not usable_methods(card):
        raise Refused("no_usable_method", "none of the payment methods may be charged; bind or update one")
    return (TopUpStarted(number=card.balance.top_ups + 1, amount=amount, automatic=False, at=at),)


def set_auto_top_up(card: Card, *, threshold: Money | None, amount: Money | None, at: datetime) -> Events:
    """A standing order: charge `amount` when the balance is below `threshold`; neither ends it.

    Raises Refused `amount_not_positive`, `wrong_currency`, `half_an_order`.
    """
    check_kept(card)
    if threshold is None and amount is None:
        return () if card.balance.standing_order is None else (AutoTopUpSet(threshold=None, amount=None, at=at),)
    if threshold is None or amount is None:
        raise Refused("half_an_order", "give both a threshold and an amount, or neither to end it", "amount")
    check_amount(card, threshold, "threshold")
    check_amount(card, amount)
    if card.balance.standing_order == AutoTopUp(threshold, amount):
        return ()
    return (AutoTopUpSet(threshold=threshold, amount=amount, at=at),)


def pay_out_balance(card: Card, *, amount: Money, evidence: str, at: datetime) -> Events:
    """What was left on the balance went back to the holder; raises Refused `more_than_balance` and others."""
    check_amount(card, amount)
    if amount.minor > card.balance.minor:
        message = f"there are {card.balance.minor} {card.currency} minor on the balance, not {amount.minor}"
        raise Refused("more_than_balance", message, "amount.minor")
    return (BalancePaidOut(amount=amount, evidence=evidence, at=at),)
