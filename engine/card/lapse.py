"""Active → grace → suspended → reclaimed, by the days of the keep rule and never by our own trouble."""

from datetime import datetime, timedelta
from typing import Literal

from engine.calendar import local_date
from engine.card.deadlines import reclaims_at, suspends_at
from engine.card.dunning import opens_at
from engine.card.events import DeadlinesMoved, Events, GraceStarted, NumberReclaimed, OwnTrouble, Suspended
from engine.card.state import Card
from engine.card.step import Wait
from engine.money import Money
from engine.policy import Policy


def lapse(card: Card, policy: Policy, at: datetime) -> Events | Wait:
    """The next step of a card whose term nobody pays, or until when there is none."""
    term = card.term
    if card.status == "active" and card.keep.grace_days and at < term.ends_at:
        return Wait(term.ends_at, "term_ends")
    if card.status == "suspended":
        lost_at = reclaims_at(card)
        return Wait(lost_at, "reclaim") if at < lost_at else (reclaimed(card, "deadline", policy, at),)
    ends_at = suspends_at(card)
    if at >= ends_at:
        return (_suspended(card, policy, at),)
    if card.status == "grace":
        return Wait(ends_at, "grace_ends")
    if not card.keep.grace_days:  # what we held up ourselves is nobody's grace
        return Wait(ends_at, "term_ends")
    suspends_on = local_date(ends_at, term.zone)
    return (GraceStarted(term_number=term.number, suspends_on=suspends_on, policy_version=policy.version, at=at),)


def moved(card: Card, reason: OwnTrouble, since: datetime, policy: Policy, at: datetime) -> Events:
    """The deadlines move by the time from `since` to `at` for which we kept the next term from being paid.

    What came before the renewal opens kept nobody from paying, and what is counted already does not count again.
    """
    renewal, opening = card.renewal, opens_at(card, policy)
    if renewal is not None and (renewal.rung > 0 or renewal.asked_for is None):
        opening = min(opening, renewal.offered_at)  # it is open, whatever the policy says of later ones
    begins = max(since, opening, card.moved_until or since)
    return (DeadlinesMoved(reason=reason, by=at - begins, at=at),) if at > begins else ()


def _suspended(card: Card, policy: Policy, at: datetime) -> Suspended:
    return Suspended(
        term_number=card.term.number,
        reclaimed_on=local_date(reclaims_at(card), card.term.zone),
        rungs=card.renewal.rung if card.renewal else 0,
        last_code=card.renewal.last_code if card.renewal else None,
        policy_version=policy.version,
        at=at,
    )


def reclaimed(card: Card, by: Literal["deadline", "carrier"], policy: Policy, at: datetime) -> NumberReclaimed:
    """The end of the number in our care."""
    today = local_date(at, card.term.zone)
    return NumberReclaimed(
        term_number=card.term.number,
        by=by,
        quarantined_until=today + timedelta(card.keep.quarantine_days),
        balance=Money(minor=card.balance.minor, currency=card.currency),
        policy_version=policy.version,
        at=at,
    )
