"""Top-ups: payments onto the balance, asked for by the holder or due by a standing order.

What decisions have in common: custody.py.
"""

from datetime import datetime
from typing import Protocol

from msgspec.structs import replace

from engine.calendar import Instant
from engine.card.attempt import ChargeAttempted
from engine.card.balance import HasBalance, check_amount
from engine.card.charge import OnRequest, check_may_charge
from engine.card.consent import HasConsent
from engine.card.custody import HasCustody, check_kept
from engine.card.deadlines import HasTerm
from engine.card.event import Event
from engine.card.ids import derived_id
from engine.card.methods import HasMethods, ready_methods, usable_methods
from engine.card.step import Wait
from engine.errors import CorruptHistoryError, Refused
from engine.money import Money
from engine.networks import EDITION
from engine.rules import Rules
from engine.value import Value

# Facts


class AutoTopUpSet(Event, kw_only=True):
    """The holder agreed to be charged `amount` when the balance is below `threshold`; None ends that."""

    threshold: Money | None
    amount: Money | None


class TopUpStarted(Event, kw_only=True):
    """A payment onto the balance was asked for, or fell due by the holder's standing order."""

    number: int
    amount: Money
    automatic: bool


class TopUpFailed(Event, kw_only=True):
    """No payment method could be charged for the top-up.

    `withdrawn`: it was automatic, and auto-renewal was switched off meanwhile, so that nothing more was tried.
    """

    number: int
    last_code: str | None
    withdrawn: bool = False


ToppingUpFact = TopUpStarted | ChargeAttempted | TopUpFailed
"""What a step of a top-up may record."""


# State


class StandingOrder(Value):
    """Charge `amount` when the balance is below `threshold`."""

    threshold: Money
    amount: Money


class TopUp(Value):
    """A payment onto the balance under way."""

    number: int
    amount: Money
    automatic: bool
    attempts: int = 0
    declines: int = 0
    tried: tuple[str, ...] = ()
    last_code: str | None = None


class TopUps(Value):
    """The holder's standing order, and the top-up under way."""

    standing_order: StandingOrder | None = None
    last_automatic_at: Instant | None = None
    begun: int = 0
    """Top-ups begun so far."""
    under_way: TopUp | None = None


class HasTopUps(Protocol):
    """A card with its top-ups."""

    @property
    def top_ups(self) -> TopUps: ...


class _Ordering(HasTopUps, HasCustody, Protocol):
    """What a standing order reads of a card."""


class _Paying(HasTopUps, OnRequest, HasMethods, HasCustody, Protocol):
    """What a top-up on request reads of a card."""

    @property
    def top_ups(self) -> TopUps: ...


class ToppedUp(HasTopUps, HasTerm, HasBalance, HasMethods, HasConsent, Protocol):
    """What a top-up in due time reads of a card."""


# Fold


def ordered(top_ups: TopUps, fact: AutoTopUpSet) -> TopUps:
    """The standing order now in force."""
    order = StandingOrder(fact.threshold, fact.amount) if fact.threshold and fact.amount else None
    return replace(top_ups, standing_order=order)


def started(top_ups: TopUps, fact: TopUpStarted) -> TopUps:
    """A top-up is under way."""
    last_automatic_at = fact.at if fact.automatic else top_ups.last_automatic_at
    top_up = TopUp(fact.number, fact.amount, fact.automatic)
    return TopUps(top_ups.standing_order, last_automatic_at, fact.number, top_up)


def attempted(top_ups: TopUps, fact: ChargeAttempted) -> TopUps:
    """A method is tried for the top-up under way."""
    top_up = _under_way(top_ups)
    return replace(top_ups, under_way=replace(top_up, attempts=fact.number, tried=(*top_up.tried, fact.method_id)))


def declined(top_ups: TopUps, code: str, *, counts: bool) -> TopUps:
    """An attempt for the top-up under way failed."""
    top_up = _under_way(top_ups)
    declines = top_up.declines + 1 if counts else top_up.declines
    return replace(top_ups, under_way=replace(top_up, last_code=code, declines=declines))


def ended(top_ups: TopUps) -> TopUps:
    """No top-up is under way."""
    return replace(top_ups, under_way=None)


def _under_way(top_ups: TopUps) -> TopUp:
    if top_ups.under_way is None:
        raise CorruptHistoryError("a charge for no top-up")
    return top_ups.under_way


# Decisions


def top_up(card: _Paying, rules: Rules, *, amount: Money, at: datetime) -> tuple[TopUpStarted, ...]:
    """Charge `amount` onto the balance now; asked twice it is paid twice.

    Raises Refused `amount_not_positive`, `wrong_currency`, `no_usable_method`, `charge_under_way`, `held`,
    `charging_stopped`.
    """
    check_kept(card)
    check_amount(card, amount)
    check_may_charge(card, rules)
    if not usable_methods(card):
        raise Refused("no_usable_method", "none of the payment methods may be charged; bind or update one")
    return (TopUpStarted(number=card.top_ups.begun + 1, amount=amount, automatic=False, at=at),)


def set_auto_top_up(
    card: _Ordering, *, threshold: Money | None, amount: Money | None, at: datetime
) -> tuple[AutoTopUpSet, ...]:
    """A standing order: charge `amount` when the balance is below `threshold`; neither ends it.

    Raises Refused `amount_not_positive`, `wrong_currency`, `half_an_order`.
    """
    check_kept(card)
    order = card.top_ups.standing_order
    if threshold is None and amount is None:
        return () if order is None else (AutoTopUpSet(threshold=None, amount=None, at=at),)
    if threshold is None or amount is None:
        raise Refused("half_an_order", "give both a threshold and an amount, or neither to end it", "amount")
    check_amount(card, threshold, "threshold")
    check_amount(card, amount)
    if order == StandingOrder(threshold, amount):
        return ()
    return (AutoTopUpSet(threshold=threshold, amount=amount, at=at),)


def charge_top_up(card: ToppedUp, rules: Rules, at: datetime) -> tuple[ToppingUpFact, ...] | Wait | None:
    """The next step of a payment onto the balance; None when none is wanted."""
    top_ups, balance = card.top_ups, card.balance
    if top_ups.under_way is not None:
        return _next_attempt(card, top_ups.under_way, rules, at)
    order = top_ups.standing_order
    if order is None or card.consent is None or balance.minor >= order.threshold.minor:
        return None
    may_at = [card.methods.not_before.get(method.method_id, at) for method in usable_methods(card)]
    if not may_at:
        return None
    last = top_ups.last_automatic_at
    not_before = max(min(may_at), last + rules.policy.top_up_gap if last else at)
    if at < not_before:
        return Wait(not_before, "top_up_gap")
    if rules.charging_stopped:
        return Wait(at + rules.policy.stopped_recheck, "charging_stopped")
    return (TopUpStarted(number=top_ups.begun + 1, amount=order.amount, automatic=True, at=at),)


def _next_attempt(card: ToppedUp, top_up: TopUp, rules: Rules, at: datetime) -> tuple[ToppingUpFact, ...] | Wait:
    """One pass over the methods; a top-up has no ladder, the holder or the next day asks again."""
    wanted = not top_up.automatic or card.consent is not None
    method = next((one for one in ready_methods(card, at) if one.method_id not in top_up.tried), None)
    if method is None or not wanted:
        return (TopUpFailed(number=top_up.number, last_code=top_up.last_code, withdrawn=not wanted, at=at),)
    if rules.charging_stopped:
        return Wait(at + rules.policy.stopped_recheck, "charging_stopped")
    number = top_up.attempts + 1
    return (
        ChargeAttempted(
            attempt_id=derived_id(card.card_id, f"top_up:{top_up.number}:{method.method_id}:{number}"),
            term_number=card.term.number,
            number=number,
            rung=0,
            reason="top_up",
            method_id=method.method_id,
            token=method.token,
            amount=top_up.amount,
            policy_version=rules.policy.version,
            top_up=top_up.number,
            fingerprint=method.fingerprint,
            brand=method.brand,
            follows_decline=top_up.declines > 0,
            limits_edition=EDITION if method.fingerprint else None,
            at=at,
        ),
    )
