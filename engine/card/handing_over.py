"""Handing over: a card comes to another holder, who inherits nothing that the one before had agreed to, bound or paid.

Only a card that nobody uses is handed over. Whatever of the holder before could still be charged, or is owed to them,
has to end first: then no rule needs to say whose it is, and nobody can be charged for another's card.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from msgspec.structs import replace

from engine.card import balance, custody
from engine.card.attempt import HasAttempts, HasHold, open_attempts
from engine.card.balance import HasBalance
from engine.card.consent import HasConsent
from engine.card.custody import HolderChanged, check_kept
from engine.card.gap import HasGap, check_gap
from engine.card.methods import HasMethods
from engine.card.refunds import HasRefunds
from engine.card.term import HasRenewal
from engine.card.top_ups import HasTopUps
from engine.errors import Refused
from engine.rules import Rules


class _InUse(HasAttempts, HasBalance, HasConsent, HasMethods, HasRenewal, HasRefunds, HasTopUps, HasGap, Protocol):
    """What binds a card to its holder."""


class _HandedOver(_InUse, HasHold, Protocol):
    """What handing over reads of a card."""


def handed_over(card: _HandedOver, fact: HolderChanged) -> Mapping[str, object]:
    """What changes of a card: no order, nothing that was announced, and no claim to what was paid is left."""
    return {
        "custody": custody.holder_changed(card.custody, fact),
        "methods": replace(card.methods, balance_first=False),
        "balance": balance.ended(card.balance),
        "before": None,
        "announced": (),
        "reminded": {},
        "aware_at": fact.at,
    }


def change_holder(card: _HandedOver, rules: Rules, *, holder_id: str, at: datetime) -> tuple[HolderChanged, ...]:
    """Hand the card over to another holder.

    Raises Refused `in_use` while auto-renewal is on, a payment method is bound, money is on the balance, on its way or
    due; `held`, `restored`.
    """
    check_kept(card)
    if holder_id == card.custody.holder_id:
        return ()
    if card.held_since is not None:
        raise Refused("held", "the card is held; it can change hands once it is released")
    check_gap(card, rules)
    if left := _left(card):
        raise Refused("in_use", f"its holder still uses the card: {', '.join(left)}; that has to end first")
    return (HolderChanged(holder_id=holder_id, before=card.custody.holder_id, at=at),)


def _left(card: _InUse) -> list[str]:
    """What of the holder is left on the card."""
    binds = {
        "auto-renewal is on": card.consent is not None,
        "a payment method is bound": bool(card.methods.bound),
        "a charge is under way": bool(open_attempts(card.attempts)) or card.top_ups.under_way is not None,
        "a charge is unexplained": bool(card.gap.unexplained),
        "a refund is under way": bool(card.refunds),
        "automatic top-up is on": card.top_ups.standing_order is not None,
        "money is on the balance": card.balance.minor > 0,
        "a renewal is unpaid": card.renewal is not None,
    }
    return [what for what, is_so in binds.items() if is_so]
