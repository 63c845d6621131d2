"""Charging, when time comes to it: the next term, and top-ups. Intent before effect: an attempt is a fact first."""

from datetime import datetime

from engine.card.deadlines import reclaims_at
from engine.card.dunning import Try, Withhold, next_try, opens_at, ready_methods, usable_methods
from engine.card.events import ChargingBlocked, Events
from engine.card.ids import derived_id
from engine.card.payments import (
    ChargeAttempted,
    ChargeWithheld,
    TopUpFailed,
    TopUpStarted,
)
from engine.card.state import AutoTopUp, Balance, Card, TopUp
from engine.card.step import Wait
from engine.card.terms import amount_due, offer, renewed
from engine.money import Money
from engine.networks import EDITION
from engine.policy import Policy
from engine.rules import Rules


def charge_renewal(card: Card, rules: Rules, at: datetime) -> Events | Wait:
    """The next step towards the next term: an offer, an attempt, a payment from the balance, or a wait."""
    if card.auto_renew is None:
        return Wait(None, "auto_renew_off")
    if card.blocked_since is not None and rules.charging_stopped:  # whatever the days say meanwhile
        return _stopped(card, rules.policy, at)
    if at >= card.term.ends_at and at >= reclaims_at(card):  # it is lost, even if that is not written down yet
        return Wait(None, "number_lost")
    renewal = card.renewal
    if renewal is None:
        opening = opens_at(card, rules.policy)
        if at < opening:
            return Wait(opening, "renewal_opens")
    if renewal is None or renewal.stale:
        return (offer(card, card.auto_renew, rules, at),)
    due = amount_due(card, renewal)
    from_balance = min(card.balance.minor, due.minor) if card.balance.first else 0
    chosen = next_try(card, renewal, rules.policy, at)
    if from_balance == due.minor:
        facts = renewed(card, renewal, None, from_balance, at)
    elif isinstance(chosen, Try):
        facts = (_attempt(card, chosen, due, from_balance, rules.policy, at),)
    elif isinstance(chosen, Withhold):
        return (_withheld(card, chosen, rules.policy, at),)
    else:
        return Wait(None, "no_try_left") if chosen is None else Wait(chosen.at, chosen.reason)
    return _stopped(card, rules.policy, at) if rules.charging_stopped else facts


def charge_top_up(card: Card, rules: Rules, at: datetime) -> Events | Wait | None:
    """The next step of a payment onto the balance; None when none is wanted."""
    balance = card.balance
    if balance.top_up is not None:
        return _top_up_attempt(card, balance.top_up, rules, at)
    order = balance.standing_order
    if order is None or card.auto_renew is None or balance.minor >= order.threshold.minor:
        return None
    may_at = [card.not_before.get(method.method_id, at) for method in usable_methods(card)]
    if not may_at:
        return None
    last = balance.last_automatic_at
    not_before = max(min(may_at), last + rules.policy.top_up_gap if last else at)
    if at < not_before:
        return Wait(not_before, "top_up_gap")
    if rules.charging_stopped:
        return Wait(at + rules.policy.stopped_recheck, "charging_stopped")
    return (_top_up_started(balance, order, at),)


def _stopped(card: Card, policy: Policy, at: datetime) -> Events | Wait:
    if card.blocked_since is None:
        return (ChargingBlocked(at=at),)
    return Wait(at + policy.stopped_recheck, "charging_stopped", blocks_lapse=True)


def _attempt(card: Card, chosen: Try, due: Money, from_balance: int, policy: Policy, at: datetime) -> ChargeAttempted:
    """One attempt is one key: derived from card, term, method and the attempt's number within the term."""
    renewal = card.renewal
    term_number, number, method = card.term.number + 1, card.attempts + 1, chosen.method
    return ChargeAttempted(
        attempt_id=derived_id(card.card_id, f"renewal:{term_number}:{method.method_id}:{number}"),
        term_number=term_number,
        number=number,
        rung=chosen.rung,
        reason=chosen.reason,
        method_id=method.method_id,
        token=method.token,
        amount=due - Money(minor=from_balance, currency=due.currency) if from_balance else due,
        policy_version=policy.version,
        from_balance=from_balance,
        fingerprint=method.fingerprint,
        brand=method.brand,
        follows_decline=renewal is not None and renewal.declines > 0,
        limits_edition=EDITION if method.fingerprint else None,
        at=at,
    )


def _withheld(card: Card, chosen: Withhold, policy: Policy, at: datetime) -> ChargeWithheld:
    return ChargeWithheld(
        term_number=card.term.number + 1,
        rung=chosen.rung,
        method_id=chosen.method.method_id,
        reason="advice_delay",
        until=chosen.until,
        policy_version=policy.version,
        at=at,
    )


def _top_up_started(balance: Balance, order: AutoTopUp, at: datetime) -> TopUpStarted:
    return TopUpStarted(number=balance.top_ups + 1, amount=order.amount, automatic=True, at=at)


def _top_up_attempt(card: Card, top_up: TopUp, rules: Rules, at: datetime) -> Events | Wait:
    """One pass over the methods; a top-up has no ladder, the holder or the next day asks again."""
    wanted = not top_up.automatic or card.auto_renew is not None
    method = next((one for one in ready_methods(card, at) if one.method_id not in top_up.tried), None)
    if method is None or not wanted:
        return (TopUpFailed(number=top_up.number, last_code=top_up.last_code, at=at),)
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
