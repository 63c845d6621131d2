"""Top-ups: payments onto the balance, asked for by the holder or due by a standing order."""

from datetime import datetime, timedelta
from typing import Protocol

from msgspec.structs import replace

from engine.calendar import Instant
from engine.card.attempt import ChargeAttempted
from engine.card.balance import HasBalance, check_amount
from engine.card.charge import OnRequest, check_may_charge
from engine.card.consent import HasConsent
from engine.card.custody import HasCustody, check_kept
from engine.card.deadlines import DAY, HasTerm
from engine.card.event import Event
from engine.card.gap import HasGap, attempt_id_of
from engine.card.methods import HasMethods, PaymentMethod, ready_methods, usable_methods
from engine.card.promised import check_minimum, is_chargeable, most_at_once
from engine.card.standing_order import AutoTopUpSet, AutoTopUpStopped, StandingOrder
from engine.card.wait import Wait
from engine.declines import AMOUNT_TOO_SMALL, OF_THE_AMOUNT
from engine.errors import CorruptHistoryError, Refused
from engine.money import Money
from engine.networks import EDITION
from engine.policy import Policy
from engine.rules import Rules
from engine.value import Value

# Facts


class TopUpStarted(Event, kw_only=True):
    """A payment onto the balance was asked for, or fell due by the holder's standing order."""

    number: int
    amount: Money
    automatic: bool


class TopUpFailed(Event, kw_only=True):
    """No payment method could be charged for the top-up.

    `last_code` is that of the last decline, or the provider's for too small an amount, for which it is not asked.
    `withdrawn`: it was automatic, and auto-renewal was switched off meanwhile, so that nothing more was tried.
    """

    number: int
    last_code: str | None
    withdrawn: bool = False


ToppingUpFact = TopUpStarted | ChargeAttempted | TopUpFailed | AutoTopUpStopped
"""What a step of a top-up may record."""


# State


class TopUp(Value):
    """A payment onto the balance under way."""

    number: int
    amount: Money
    automatic: bool
    attempts: int = 0
    declines: int = 0
    tried: tuple[str, ...] = ()
    last_code: str | None = None


class TopUpDecline(Value):
    """When a payment card was declined for a top-up."""

    fingerprint: str
    at: Instant


class TopUps(Value):
    """The holder's standing order, and the top-up under way."""

    standing_order: StandingOrder | None = None
    last_automatic_at: Instant | None = None
    begun: int = 0
    """Top-ups begun so far."""
    under_way: TopUp | None = None
    declines: tuple[TopUpDecline, ...] = ()
    """Those of the last day."""
    declined_by_hand: tuple[Instant, ...] = ()
    """Of the last day, when the holder asked for a top-up in vain."""
    declined_in_a_row: int = 0
    """Top-ups by the standing order that were declined since one was paid, or since it was set."""
    last_code: str | None = None
    """Of the last top-up that was declined."""


class HasTopUps(Protocol):
    """A card with its top-ups."""

    @property
    def top_ups(self) -> TopUps: ...


class Paying(HasTopUps, OnRequest, HasMethods, HasCustody, Protocol):
    """What a top-up on request reads of a card."""

    @property
    def top_ups(self) -> TopUps: ...


class ToppedUp(HasTopUps, HasTerm, HasBalance, HasMethods, HasConsent, HasGap, Protocol):
    """What a top-up in due time reads of a card."""


# Fold


def ordered(top_ups: TopUps, fact: AutoTopUpSet) -> TopUps:
    """The standing order now in force."""
    order = StandingOrder(fact.threshold, fact.amount) if fact.threshold and fact.amount else None
    return replace(top_ups, standing_order=order, declined_in_a_row=0)


def stopped(top_ups: TopUps) -> TopUps:
    """There is no standing order any more."""
    return replace(top_ups, standing_order=None, declined_in_a_row=0)


def started(top_ups: TopUps, fact: TopUpStarted) -> TopUps:
    """A top-up is under way."""
    last_automatic_at = fact.at if fact.automatic else top_ups.last_automatic_at
    top_up = TopUp(fact.number, fact.amount, fact.automatic)
    return replace(top_ups, last_automatic_at=last_automatic_at, begun=fact.number, under_way=top_up)


def attempted(top_ups: TopUps, fact: ChargeAttempted) -> TopUps:
    """A method is tried for the top-up under way."""
    top_up = _under_way(top_ups)
    return replace(top_ups, under_way=replace(top_up, attempts=fact.number, tried=(*top_up.tried, fact.method_id)))


def declined(top_ups: TopUps, code: str, fingerprint: str | None, at: datetime, *, counts: bool) -> TopUps:
    """An attempt for the top-up under way failed."""
    top_up = replace(_under_way(top_ups), last_code=code)
    if not counts:
        return replace(top_ups, under_way=top_up)
    declines = tuple(one for one in top_ups.declines if one.at > at - DAY)
    if fingerprint is not None:
        declines = (*declines, TopUpDecline(fingerprint, at))
    return replace(top_ups, under_way=replace(top_up, declines=top_up.declines + 1), declines=declines)


def failed(top_ups: TopUps, at: datetime) -> TopUps:
    """The top-up under way came to nothing; what no issuer declined counts for nothing."""
    top_up, kept = _under_way(top_ups), replace(top_ups, under_way=None)
    if not top_up.declines:
        return kept
    if top_up.automatic:
        return replace(kept, declined_in_a_row=top_ups.declined_in_a_row + 1, last_code=top_up.last_code)
    return replace(kept, declined_by_hand=(*(one for one in top_ups.declined_by_hand if one > at - DAY), at))


def left(top_ups: TopUps) -> TopUps:
    """The holder did not pay the top-up on the provider's page: it is over, and counts for nothing."""
    return replace(top_ups, under_way=None)


def paid(top_ups: TopUps) -> TopUps:
    """The top-up under way is paid."""
    top_up = top_ups.under_way
    if top_up is None or not top_up.automatic:
        return replace(top_ups, under_way=None)
    return replace(top_ups, under_way=None, declined_in_a_row=0)


def _under_way(top_ups: TopUps) -> TopUp:
    if top_ups.under_way is None:
        raise CorruptHistoryError("a charge for no top-up")
    return top_ups.under_way


# Decisions


def top_up(card: Paying, rules: Rules, *, amount: Money, at: datetime) -> tuple[TopUpStarted, ...]:
    """Charge `amount` onto the balance now; asked twice it is paid twice.

    Raises Refused `amount_not_positive`, `wrong_currency`, `below_minimum_charge`, `no_usable_method`,
    `charge_under_way`, `held`, `charging_stopped`, `declined_too_often`, `above_method_limit`.
    """
    check_kept(card)
    check_amount(card, amount)
    check_minimum(amount, rules.catalogue)
    check_may_charge(card, rules)
    usable = usable_methods(card)
    if not usable:
        raise Refused("no_usable_method", "none of the payment methods may be charged; bind or update one")
    most = most_at_once(usable, rules.provider, amount.currency)
    if most is not None and amount.minor > most:
        message = f"the payment methods take at most {amount.of(most)} at once, not {amount}"
        raise Refused("above_method_limit", message, "amount.minor")
    if sum(one > at - DAY for one in card.top_ups.declined_by_hand) >= rules.policy.top_ups_declined_most:
        raise Refused("declined_too_often", "top-ups were declined too often today; try again tomorrow")
    return (TopUpStarted(number=card.top_ups.begun + 1, amount=amount, automatic=False, at=at),)


def charge_top_up(card: ToppedUp, rules: Rules, at: datetime) -> tuple[ToppingUpFact, ...] | Wait | None:
    """The next step of a payment onto the balance; None when none is wanted."""
    top_ups, balance = card.top_ups, card.balance
    if top_ups.under_way is not None:
        return _next_attempt(card, top_ups.under_way, rules, at)
    order = top_ups.standing_order
    if order is not None and top_ups.declined_in_a_row > len(rules.policy.top_up_backoff_days):
        return (_stopped(top_ups, top_ups.last_code, at),)
    if order is None or card.consent is None or balance.minor >= order.threshold.minor:
        return None
    if not is_chargeable(order.amount, rules.catalogue):
        return (_stopped(top_ups, AMOUNT_TOO_SMALL, at),)
    may_at = [card.methods.not_before.get(method.method_id, at) for method in usable_methods(card)]
    if not may_at:
        return None
    last = top_ups.last_automatic_at
    not_before = max(min(may_at), last + _pause(top_ups, rules.policy) if last else at)
    if at < not_before:
        return Wait(not_before, "top_up_gap")
    if rules.charging_stopped:
        return Wait(at + rules.policy.stopped_recheck, "charging_stopped")
    return (TopUpStarted(number=top_ups.begun + 1, amount=order.amount, automatic=True, at=at),)


def _pause(top_ups: TopUps, policy: Policy) -> timedelta:
    """Least time since the last automatic top-up; the longer, the more often it was declined."""
    if not top_ups.declined_in_a_row:
        return policy.top_up_gap
    return max(policy.top_up_gap, policy.top_up_backoff_days[top_ups.declined_in_a_row - 1] * DAY)


def _follows_decline(top_ups: TopUps, top_up: TopUp, method: PaymentMethod, at: datetime) -> bool:
    """Whether the networks count the try: after a decline of this top-up, or of one on this payment card of today."""
    if top_up.declines:
        return True
    return any(one.fingerprint == method.fingerprint and one.at > at - DAY for one in top_ups.declines)


def _stopped(top_ups: TopUps, code: str | None, at: datetime) -> AutoTopUpStopped:
    return AutoTopUpStopped(declined=top_ups.declined_in_a_row, last_code=code, at=at)


def _not_taken(top_ups: TopUps, top_up: TopUp, code: str, at: datetime) -> tuple[TopUpFailed | AutoTopUpStopped, ...]:
    """The end of a top-up whose amount the provider does not take, and of the order that would ask for it again.

    More than was agreed to is never charged: so the order is not raised, but ends until the holder sets another one.
    """
    failed, order = TopUpFailed(number=top_up.number, last_code=code, at=at), top_ups.standing_order
    again = top_up.automatic and order is not None and order.amount == top_up.amount
    return (failed, _stopped(top_ups, code, at)) if again else (failed,)


def _next_attempt(card: ToppedUp, top_up: TopUp, rules: Rules, at: datetime) -> tuple[ToppingUpFact, ...] | Wait:
    """One pass over the methods; a top-up has no ladder, the holder or the next day asks again."""
    wanted = not top_up.automatic or card.consent is not None
    code = top_up.last_code if is_chargeable(top_up.amount, rules.catalogue) else AMOUNT_TOO_SMALL
    if wanted and code in OF_THE_AMOUNT:
        return _not_taken(card.top_ups, top_up, code, at)
    method = next((one for one in ready_methods(card, at) if one.method_id not in top_up.tried), None)
    if method is None or not wanted:
        return (TopUpFailed(number=top_up.number, last_code=top_up.last_code, withdrawn=not wanted, at=at),)
    if rules.charging_stopped:
        return Wait(at + rules.policy.stopped_recheck, "charging_stopped")
    number = top_up.attempts + 1
    return (
        ChargeAttempted(
            attempt_id=attempt_id_of(card, f"top_up:{top_up.number}", method.method_id, number),
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
            follows_decline=_follows_decline(card.top_ups, top_up, method, at),
            limits_edition=EDITION if method.fingerprint else None,
            at=at,
        ),
    )
