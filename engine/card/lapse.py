"""Lapse: active → grace → suspended → reclaimed, by the days of the keep rule and never by our own delays."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Literal, Protocol
from uuid import UUID

from msgspec.structs import replace

from engine.calendar import local_date
from engine.card.attempt import HasAttempts
from engine.card.balance import BalanceCredited, BalanceDebited, HasBalance, give_back_terms
from engine.card.custody import Status, balance_owed, check_kept
from engine.card.deadlines import HasDeadlines, reclaims_at, suspends_at
from engine.card.event import Event
from engine.card.payments import HasPayments
from engine.card.refunds import RefundStarted, refund_started
from engine.card.term import HasRenewal, Reinstated
from engine.card.wait import Wait
from engine.money import Money
from engine.policy import Policy

# Facts


class GraceStarted(Event, kw_only=True):
    """The term ended unpaid; the service stays on until `suspends_on`."""

    term_number: int
    suspends_on: date
    policy_version: str


class Suspended(Event, kw_only=True):
    """Grace ended unpaid; the service is off, the number is still ours until `reclaimed_on`."""

    term_number: int
    reclaimed_on: date
    rungs: int
    last_code: str | None
    policy_version: str


class NumberReclaimed(Event, kw_only=True):
    """The carrier took the number back: by its deadline, or because it said so; `balance` is owed to the holder.

    What an open attempt has reserved is part of it, and can be paid out when its outcome is known. `charges` are the
    attempts that paid for terms which were not over: they pay for nothing any more.
    """

    term_number: int
    by: Literal["deadline", "carrier"]
    quarantined_until: date
    balance: Money
    policy_version: str
    charges: tuple[UUID, ...] = ()


# The state is the card's status, of which custody.py has the values.

STATUS_AFTER: Mapping[type[Event], Status] = {
    GraceStarted: "grace",
    Suspended: "suspended",
    Reinstated: "active",
    NumberReclaimed: "reclaimed",
}


class Lapsing(HasRenewal, HasDeadlines, HasBalance, HasAttempts, Protocol):
    """What lapsing reads of a card."""


class _Reclaimed(Lapsing, HasPayments, Protocol):
    """What a reclaim by the carrier reads of a card."""


# Decisions


def lapse(card: Lapsing, policy: Policy, at: datetime) -> tuple[GraceStarted | Suspended | NumberReclaimed, ...] | Wait:
    """The next step of a card whose next term is unpaid, or until when there is none."""
    term, grace_days = card.term, card.deadlines.keep.grace_days
    if card.status == "active" and grace_days and at < term.ends_at:
        return Wait(term.ends_at, "term_ends")
    if card.status == "suspended":
        lost_at = reclaims_at(card)
        return Wait(lost_at, "reclaim") if at < lost_at else (_reclaimed(card, "deadline", policy, at),)
    ends_at = suspends_at(card)
    if at >= ends_at:
        return (_suspended(card, policy, at),)
    if card.status == "grace":
        return Wait(ends_at, "grace_ends")
    if not grace_days:  # time that we delayed ourselves is no grace
        return Wait(ends_at, "term_ends")
    suspends_on = local_date(ends_at, term.zone)
    return (GraceStarted(term_number=term.number, suspends_on=suspends_on, policy_version=policy.version, at=at),)


def confirm_reclaim(
    card: _Reclaimed, policy: Policy, *, at: datetime
) -> tuple[BalanceCredited | BalanceDebited | NumberReclaimed | RefundStarted, ...]:
    """The carrier took the number, whatever we think of it: what was paid for terms that are not over goes back."""
    if card.status == "reclaimed":
        return ()
    check_kept(card)
    lost, terms = _reclaimed(card, "carrier", policy, at), _terms_lost(card, at)
    paid = [one for one in card.payments if one.top_up is None and one.term_number in terms]
    refunds = tuple(refund_started(card, one, "number_reclaimed", at) for one in paid if one.left)
    back = give_back_terms(card, terms, at)
    minor = sum(one.amount.minor if isinstance(one, BalanceCredited) else -one.amount.minor for one in back)
    owed = replace(lost.balance, minor=lost.balance.minor + minor)
    return *back, replace(lost, balance=owed, charges=tuple(one.attempt_id for one in paid)), *refunds


def _terms_lost(card: Lapsing, at: datetime) -> frozenset[int]:
    if card.status != "active" or at >= card.term.ends_at:
        return frozenset()
    number = card.term.number
    return frozenset({number - 1, number} if at < card.term.starts_at else {number})


def _suspended(card: Lapsing, policy: Policy, at: datetime) -> Suspended:
    return Suspended(
        term_number=card.term.number,
        reclaimed_on=local_date(reclaims_at(card), card.term.zone),
        rungs=card.renewal.rung if card.renewal else 0,
        last_code=card.renewal.last_code if card.renewal else None,
        policy_version=policy.version,
        at=at,
    )


def _reclaimed(card: Lapsing, by: Literal["deadline", "carrier"], policy: Policy, at: datetime) -> NumberReclaimed:
    """The end of the number in our care."""
    today = local_date(at, card.term.zone)
    return NumberReclaimed(
        term_number=card.term.number,
        by=by,
        quarantined_until=today + timedelta(card.deadlines.keep.quarantine_days),
        balance=balance_owed(card),
        policy_version=policy.version,
        at=at,
    )
