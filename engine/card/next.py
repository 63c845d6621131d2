"""The one question that time asks of a card: what is to be done now, or until when is there nothing to do, and why."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from engine.card.charging import charge_renewal, charge_top_up
from engine.card.deadlines import DAY, carrier_reclaims_at
from engine.card.events import CardRenewed, DeadlinesMoved, Deferred, Event, Events, Reinstated, RenewalStarted
from engine.card.evolve import evolve
from engine.card.lapse import lapse, moved
from engine.card.payments import CaseOpened, ChargeAttempted, ChargeWithheld, Learned
from engine.card.reminders import payment_failed, reminders
from engine.card.state import Attempt, Card, Refund
from engine.card.step import Wait, earliest
from engine.networks import EDITION, Limited
from engine.policy import Policy
from engine.rules import Rules
from engine.value import Value


class Ask(Value):
    """Ask the gateway about an attempt that is already recorded."""

    attempt: Attempt
    learned: Learned


class GiveBack(Value):
    """Ask the gateway to make a refund that is already recorded."""

    refund: Refund


Step = Events | Ask | GiveBack | Wait
NO_LIMITS: Mapping[str, Limited] = {}


def next_step(card: Card, rules: Rules, at: datetime) -> Step:
    """Facts to append, a question to the gateway, or a wait; the same answer for the same arguments."""
    refunding = _refunding(card, rules.policy, at)
    if refunding is not None and not isinstance(refunding, Wait):
        return refunding
    if card.open_attempt is not None:
        asking = _asking(card, card.open_attempt, rules, at)
        if not isinstance(asking, Wait):
            return asking
        paying = _from_balance(card, card.open_attempt, rules, at)
        return paying if isinstance(paying, tuple) else earliest(asking, paying, refunding)
    if card.status in ("reclaimed", "closed"):
        return earliest(Wait(None, card.status), refunding)
    if card.held_since is not None:
        return earliest(Wait(None, "held"), refunding)
    return _living(card, rules, at, refunding)


def _living(card: Card, rules: Rules, at: datetime, refunding: Wait | None) -> Events | Wait:
    if card.blocked_since is not None and (card.auto_renew is None or not rules.charging_stopped):
        return _unblocked(card, card.blocked_since, rules.policy, at)
    topping_up = charge_top_up(card, rules, at)
    if topping_up is not None and not isinstance(topping_up, Wait):
        return topping_up
    charging = charge_renewal(card, rules, at)
    if not isinstance(charging, Wait):
        return charging
    told = payment_failed(card, charging, at)
    if told:
        return told
    if charging.blocks_lapse:
        return earliest(charging, topping_up, refunding)
    lapsing = lapse(card, rules.policy, at)
    if not isinstance(lapsing, Wait):
        return lapsing
    reminding = reminders(card, rules.policy, at)
    if reminding is not None and not isinstance(reminding, Wait):
        return reminding
    return earliest(charging, lapsing, topping_up, reminding, refunding)


def advance(
    card: Card, rules: Rules, at: datetime, limited: Mapping[str, Limited] = NO_LIMITS
) -> tuple[Card, Events, Ask | GiveBack | Wait]:
    """Take every step that is due at `at`: the card after them, their facts, and what remains.

    `limited` holds the methods (by id) that the network limits forbid to try now.
    """
    facts: list[Event] = []
    while True:
        step = next_step(card, rules, at)
        if not isinstance(step, tuple):
            return card, tuple(facts), step
        for fact in step:
            if isinstance(fact, ChargeAttempted) and fact.method_id in limited:
                fact = _withheld(fact, limited[fact.method_id])  # noqa: PLW2901 (it takes the place of the attempt)
            card = evolve(card, card.card_id, fact)
            facts.append(fact)


def held_up(card: Card, woken_for: datetime | None, policy: Policy, at: datetime) -> Events:
    """The deadlines of an unpaid card move by the time for which we were not there to wake it."""
    if woken_for is None or at - woken_for <= policy.late_after:
        return ()
    waiting = card.auto_renew is not None and card.status not in ("reclaimed", "closed")
    if not waiting or card.open_attempt or card.held_since or card.blocked_since:
        return ()
    return moved(card, "late", woken_for, policy, at)


def wakes_at(step: Step, at: datetime) -> datetime | None:
    """When time has something to ask next: `at` itself if that is now, None if never."""
    return step.until if isinstance(step, Wait) else at


def deferred(step: Ask | GiveBack | Wait, woken_for: datetime | None, at: datetime) -> Events:
    """The fact that moves on the wake time of a card that was due but has nothing to do but wait."""
    if not isinstance(step, Wait) or woken_for is None or woken_for > at:
        return ()
    return (Deferred(reason=step.reason, until=step.until, at=at),)


def _asking(card: Card, attempt: Attempt, rules: Rules, at: datetime) -> Events | Ask | Wait:
    """Who sends: an attempt younger than the gateway's budget is left alone whoever asks."""
    policy = rules.policy
    if attempt.ask_again_at is None:
        ask_at, reason = attempt.attempted_at + policy.gateway_budget, "answer_awaited"
    else:
        ask_at, reason = attempt.ask_again_at, "outcome_unknown"
        if not attempt.case_opened:
            soonest = carrier_reclaims_at(card) - policy.case_before_reclaim_days * DAY
            case_at = min(attempt.attempted_at + policy.case_after, soonest)
            if at >= case_at:
                return (CaseOpened(about=attempt.attempt_id, reason="outcome_unknown", at=at),)
            ask_at = ask_at if at >= ask_at else min(ask_at, case_at)
    if at < ask_at:
        return Wait(ask_at, reason)
    key_is_known = at < attempt.attempted_at + policy.key_lifetime
    return Ask(attempt, "asked_again" if key_is_known and _still_wanted(card, attempt, rules) else "looked_up")


def _still_wanted(card: Card, attempt: Attempt, rules: Rules) -> bool:
    """Whether it may be sent again, since it might charge for the first time."""
    if attempt.only_look or rules.charging_stopped:
        return False
    return card.held_since is None and card.status not in ("reclaimed", "closed")


def _from_balance(card: Card, attempt: Attempt, rules: Rules, at: datetime) -> Events | Wait | None:
    """A top-up of unknown outcome does not keep a renewal waiting for which the balance is enough."""
    if attempt.top_up is None or not card.balance.first or not attempt.asked:
        return None
    if card.held_since is not None or card.status in ("reclaimed", "closed"):
        return None
    step = charge_renewal(card, rules, at)
    if isinstance(step, Wait):
        return step if step.reason == "renewal_opens" else None
    return step if isinstance(step[0], RenewalStarted | Reinstated | CardRenewed) else None


def _refunding(card: Card, policy: Policy, at: datetime) -> Events | GiveBack | Wait | None:
    if not card.refunds:
        return None
    asks = {one.refund_id: one.ask_again_at or one.started_at + policy.gateway_budget for one in card.refunds}
    for one in card.refunds:
        if one.asked and not one.case_opened and not one.refused and at >= one.started_at + policy.case_after:
            return (CaseOpened(about=one.refund_id, reason="refund_unknown", attempt_id=one.attempt_id, at=at),)
    refund = min((one for one in card.refunds if not one.refused), key=lambda one: asks[one.refund_id], default=None)
    if refund is None:
        return None
    ask_at = asks[refund.refund_id]
    return GiveBack(refund) if at >= ask_at else Wait(ask_at, "refund_awaited")


def _unblocked(card: Card, since: datetime, policy: Policy, at: datetime) -> Events:
    """The end of the operator's stop is a fact even if no time was lost."""
    none = DeadlinesMoved(reason="charging_stopped", by=timedelta(0), at=at)
    return moved(card, "charging_stopped", since, policy, at) or (none,)


def _withheld(attempt: ChargeAttempted, limited: Limited) -> ChargeWithheld:
    return ChargeWithheld(
        term_number=attempt.term_number,
        top_up=attempt.top_up,
        rung=attempt.rung,
        method_id=attempt.method_id,
        reason=limited.rule,
        until=limited.until,
        limits_edition=EDITION,
        policy_version=attempt.policy_version,
        at=attempt.at,
    )
