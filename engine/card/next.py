"""The one question that time asks of a card: what is to be done now, or until when is there nothing to do, and why."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid5

from engine.calendar import start_of_day
from engine.card.events import (
    ChargeAttempted,
    Deferred,
    Event,
    Events,
    GraceStarted,
    Learned,
    RenewalStarted,
    Suspended,
)
from engine.card.state import Attempt, AutoRenew, Card, Renewal, evolve
from engine.catalogue import Catalogue
from engine.dunning import Try, next_try, opens_at
from engine.policy import Policy


@dataclass(frozen=True, slots=True)
class Rules:
    """All that a decision needs besides the card and the time."""

    policy: Policy
    catalogue: Catalogue
    charging_stopped: bool = False
    """The operator has stopped all charging."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before `until` (None: ever), because of `reason`."""

    until: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the gateway about an attempt that is already recorded."""

    attempt: Attempt
    learned: Learned


Step = Events | Ask | Wait


def next_step(card: Card, rules: Rules, at: datetime) -> Step:
    """Facts to append, a question to the gateway, or a wait; the same answer for the same arguments."""
    if card.open_attempt is not None:
        return _about_attempt(card, card.open_attempt, rules, at)
    charging = _charging(card, rules, at)
    if not isinstance(charging, Wait) or charging.reason == "charging_stopped":
        return charging
    lapsing = _lapsing(card, rules.policy, at)
    if not isinstance(lapsing, Wait):
        return lapsing
    return _earlier(charging, lapsing)


def advance(card: Card, rules: Rules, at: datetime) -> tuple[Card, Events, Ask | Wait]:
    """Take every step that is due at `at`: the card after them, their facts, and what remains."""
    facts: list[Event] = []
    while True:
        step = next_step(card, rules, at)
        if isinstance(step, Ask | Wait):
            return card, tuple(facts), step
        for fact in step:
            card = evolve(card, card.card_id, fact)
        facts.extend(step)


def wakes_at(step: Step, at: datetime) -> datetime | None:
    """When time has something to ask next: `at` itself if that is now, None if never."""
    return step.until if isinstance(step, Wait) else at


def deferred(step: Ask | Wait, woken_for: datetime | None, at: datetime) -> Events:
    """The fact that moves on the wake time of a card that was due but has nothing to do but wait."""
    if isinstance(step, Ask) or woken_for is None or woken_for > at:
        return ()
    return (Deferred(reason=step.reason, until=step.until, at=at),)


def _about_attempt(card: Card, attempt: Attempt, rules: Rules, at: datetime) -> Step:
    """Who sends: an attempt younger than the gateway's budget is left alone whoever asks.

    It is sent again only while charging is wanted, since it might charge for the first time; else looked up.
    """
    policy = rules.policy
    if attempt.ask_again_at is None:
        ask_at, reason = attempt.attempted_at + policy.gateway_budget, "answer_awaited"
    else:
        ask_at, reason = attempt.ask_again_at, "outcome_unknown"
    if at < ask_at:
        return Wait(ask_at, reason)
    key_is_known = at < attempt.attempted_at + policy.key_lifetime
    still_wanted = card.auto_renew is not None and not rules.charging_stopped
    return Ask(attempt, "asked_again" if key_is_known and still_wanted else "looked_up")


def _charging(card: Card, rules: Rules, at: datetime) -> Events | Wait:
    if card.auto_renew is None:
        return Wait(None, "auto_renew_off")
    opening = opens_at(card, rules.policy)
    if at < opening:
        return Wait(opening, "renewal_opens")
    if rules.charging_stopped:
        return Wait(at + rules.policy.stopped_recheck, "charging_stopped")
    renewal = card.renewal
    if renewal is None or renewal.months != card.auto_renew.months:
        return (_offer(card, card.auto_renew, rules, at),)
    match next_try(card, renewal, rules.policy, at):
        case Try() as chosen:
            return (_attempt(card, renewal, chosen, rules.policy, at),)
        case None:
            return Wait(None, "no_try_left")
        case rung_at:
            return Wait(rung_at, "next_rung")


def _offer(card: Card, auto_renew: AutoRenew, rules: Rules, at: datetime) -> RenewalStarted:
    quote = rules.catalogue.quote(card.plan, card.currency, auto_renew.months)
    return RenewalStarted(
        term_number=card.term.number + 1,
        months=quote.months,
        price=quote.price,
        saving=quote.saving,
        catalogue_version=quote.catalogue_version,
        policy_version=rules.policy.version,
        at=at,
    )


def _attempt(card: Card, renewal: Renewal, chosen: Try, policy: Policy, at: datetime) -> ChargeAttempted:
    """One attempt is one key: derived from card, term, method and the attempt's number within the term."""
    term_number, number = card.term.number + 1, card.attempts + 1
    name = f"renewal:{term_number}:{chosen.method.method_id}:{number}"
    return ChargeAttempted(
        attempt_id=uuid5(card.card_id, name),
        term_number=term_number,
        number=number,
        rung=chosen.rung,
        reason=chosen.reason,
        method_id=chosen.method.method_id,
        token=chosen.method.token,
        amount=renewal.price,
        policy_version=policy.version,
        at=at,
    )


def _lapsing(card: Card, policy: Policy, at: datetime) -> Events | Wait:
    """Active → grace → suspended, by the days of the keep rule counted from the term's end."""
    term, keep = card.term, card.keep
    if card.status == "suspended":
        return Wait(None, "suspended")
    suspends_on = term.ends_on + timedelta(days=keep.grace_days)
    suspends_at = start_of_day(suspends_on, term.zone) if keep.grace_days else term.ends_at
    if card.status == "active" and at < term.ends_at:
        return Wait(term.ends_at, "term_ends")
    if at >= suspends_at:
        return (
            Suspended(
                term_number=term.number,
                reclaimed_on=term.ends_on + timedelta(days=keep.reclaim_days),
                rungs=card.renewal.rung if card.renewal else 0,
                last_code=card.renewal.last_code if card.renewal else None,
                policy_version=policy.version,
                at=at,
            ),
        )
    if card.status == "active":
        return (GraceStarted(term_number=term.number, suspends_on=suspends_on, policy_version=policy.version, at=at),)
    return Wait(suspends_at, "grace_ends")


def _earlier(one: Wait, other: Wait) -> Wait:
    if one.until is None:
        return other
    return one if other.until is None or one.until <= other.until else other
