"""Asking about an open attempt: who asks the gateway when, by which call, and when it becomes a case for a person."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from engine.card.attempt import (
    Attempt,
    CaseOpened,
    ChargeOutcomeUnknown,
    ChargePending,
    HasHold,
    OutcomeSource,
    Unknown,
)
from engine.card.custody import HasStatus, is_kept
from engine.card.deadlines import DAY, HasDeadlines, carrier_reclaims_at
from engine.card.doubt import MayBeInDoubt, may_be_lost
from engine.card.on_page import surely_closed_at
from engine.card.wait import Wait
from engine.policy import Policy
from engine.provider import Provider
from engine.rules import Rules
from engine.value import Value

SEND_EARLY_MAX = timedelta(minutes=5)
"""An attempt may be sent so long before its recorded time, since clocks differ. With the provider's `key_lifetime`
it is less than a key lives."""
_FOR_EVER = datetime.max.replace(tzinfo=UTC)


class Askable(HasDeadlines, HasStatus, HasHold, MayBeInDoubt, Protocol):
    """What asking about an attempt reads of a card."""


class AskCharge(Value):
    """Ask the gateway about an attempt that is already recorded."""

    attempt: Attempt
    learned: OutcomeSource


def ask_about(card: Askable, attempt: Attempt, rules: Rules, at: datetime) -> CaseOpened | AskCharge | Wait:
    """Ask about the open attempt, wait until it is asked about, or open a case.

    An attempt younger than the gateway's budget is left alone whoever asks: its first call may be under way.
    """
    policy, unknown = rules.policy, attempt.unknown
    if unknown is None and attempt.page_until is not None:
        ask_at, reason = surely_closed_at(attempt.page_until), "page_open"
    elif unknown is None:
        ask_at, reason = attempt.attempted_at + policy.gateway_budget, "answer_awaited"
    else:
        ask_at, reason = unknown.ask_again_at, "outcome_unknown" if attempt.pending_ref is None else "charge_pending"
        if not unknown.case_opened:
            case_at = _case_at(card, attempt, policy)
            if at >= case_at:
                return CaseOpened(about=attempt.attempt_id, reason=reason, at=at)
            ask_at = ask_at if at >= ask_at else min(ask_at, case_at)
    if at < ask_at:
        return Wait(ask_at, reason)
    again = (
        attempt.pending_ref is None and _key_is_known(attempt, rules, at) and _still_wanted(card, attempt, rules, at)
    )
    return AskCharge(attempt, "asked_again" if again else "looked_up")


def _case_at(card: HasDeadlines, attempt: Attempt, policy: Policy) -> datetime:
    """When a case is opened: sooner if the carrier would take the number by then."""
    patient_for = policy.case_after if attempt.pending_ref is None else policy.pending_case_after
    soonest = carrier_reclaims_at(card) - policy.case_before_reclaim_days * DAY
    return min(attempt.attempted_at + patient_for, soonest)


def _key_is_known(attempt: Attempt, rules: Rules, at: datetime) -> bool:
    """Whether the gateway certainly still knows the attempt's key, or has not seen it so far.

    Nobody knows when an attempt of a clock that was ahead was really sent: it may have been long before its own time.
    """
    ahead_until = rules.clock_ahead_until
    if ahead_until is not None and attempt.attempted_at <= ahead_until:
        return False
    return sent_within(attempt, rules.provider).contains(at)


class Span(NamedTuple):
    """From an instant to another one, which is not part of it."""

    begins: datetime
    ends: datetime

    def contains(self, at: datetime) -> bool:
        """Whether the instant is one of them."""
        return self.begins <= at < self.ends


def sent_within(attempt: Attempt, provider: Provider) -> Span:
    """When an attempt may be sent, for the first time or again.

    Earlier it was decided by a clock that was ahead: sent then, its key would be forgotten before its own time has
    passed. Later the gateway may have forgotten it.
    """
    made_at = attempt.attempted_at
    return Span(made_at - SEND_EARLY_MAX, key_ends_at(made_at, provider))


def key_ends_at(sent_at: datetime, provider: Provider) -> datetime:
    """From when on the provider may have forgotten a key that was first sent at `sent_at`."""
    return _FOR_EVER if provider.key_lifetime is None else sent_at + provider.key_lifetime


def _still_wanted(card: Askable, attempt: Attempt, rules: Rules, at: datetime) -> bool:
    """Whether it may be sent again, since it might charge for the first time."""
    if attempt.look_up_only or attempt.page_until is not None or rules.charging_stopped:
        return False
    return card.held_since is None and is_kept(card) and not may_be_lost(card, at)


def asked_once_more(unknown: Unknown | None) -> int:
    """How often the gateway has been asked in vain, this time included."""
    return (unknown.asked if unknown else 0) + 1


def not_answered(attempt: Attempt, term_number: int, reason: str, rules: Rules, at: datetime) -> ChargeOutcomeUnknown:
    """The gateway gave no definite answer."""
    asked = asked_once_more(attempt.unknown)
    return ChargeOutcomeUnknown(
        attempt_id=attempt.attempt_id,
        term_number=term_number,
        reason=reason,
        asked=asked,
        ask_again_at=at + _pause(attempt, asked, rules, at, is_pending=attempt.pending_ref is not None),
        at=at,
    )


def outcome_to_come(attempt: Attempt, term_number: int, gateway_ref: str, rules: Rules, at: datetime) -> ChargePending:
    """The gateway will know the outcome later."""
    asked = asked_once_more(attempt.unknown)
    return ChargePending(
        attempt_id=attempt.attempt_id,
        term_number=term_number,
        gateway_ref=gateway_ref,
        asked=asked,
        ask_again_at=at + _pause(attempt, asked, rules, at, is_pending=True),
        at=at,
    )


def _pause(attempt: Attempt, asked: int, rules: Rules, at: datetime, *, is_pending: bool) -> timedelta:
    """How long to wait: a bank takes days, but a page that should be closed is so soon."""
    if is_pending and attempt.page_until is None:
        return rules.policy.look_up_every
    return patience(rules, asked, attempt.attempted_at, at)


def patience(rules: Rules, asked: int, sent_at: datetime, at: datetime) -> timedelta:
    """How long to wait after having asked so often, of what was first sent at `sent_at`."""
    if at >= key_ends_at(sent_at, rules.provider):
        return rules.policy.look_up_every
    waits = rules.policy.ask_again_after
    return waits[min(asked, len(waits)) - 1]
