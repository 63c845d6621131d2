"""The instants of a term: when its renewal opens, when service ends, when the number is lost; and what moves them.

Grace and reclaim count the holder's days. Time for which we ourselves kept the next term from being paid does not
count: both deadlines move by it, and overlapping causes count once.
"""

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal, Protocol
from uuid import UUID

from msgspec.structs import replace

from engine.calendar import Instant, Term, local_date, local_instant, start_of_day
from engine.card.event import Event
from engine.catalogue import KeepRule
from engine.policy import Policy
from engine.value import Value

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)

BlockReason = Literal["charging_stopped", "gateway_down", "open_tries"]
"""What keeps a card from being charged: the operator's stop, a gateway that does not answer, or that a network limit is
full of open tries of ours."""
DelayReason = Literal["unknown_outcome", "held", "late", "notice_late", "number_in_doubt", "restored"] | BlockReason
"""What on our side delayed a payment: an unknown outcome, a hold, that we were not running, a late notice of a charge,
that nobody had said whether the number still exists, that the database was restored, or what blocked it."""


# Facts


class ChargingBlocked(Event, kw_only=True):
    """The card was to be charged, but something on our side kept it from that: `reason` says what."""

    reason: BlockReason = "charging_stopped"


class DeadlinesMoved(Event, kw_only=True):
    """Grace and reclaim of the unpaid term moved by the time for which we, not the holder, delayed the payment.

    `until`: up to when delays are counted, where that is not the time of the fact. `suspends_on` (None: the service is
    off) and `lost_on` are the new days, where the holder knew others.
    """

    reason: DelayReason
    by: timedelta
    until: Instant | None = None
    suspends_on: date | None = None
    lost_on: date | None = None


# State


class Deadlines(Value):
    """The keep rule of the card's carrier, and how far the deadlines of the running term have moved."""

    keep: KeepRule
    moved_by: timedelta = timedelta(0)
    moved_until: Instant | None = None
    """Up to when delays are counted in `moved_by`."""
    blocked_since: Instant | None = None
    """Since when something on our side keeps the card from being charged."""
    blocked_by: BlockReason = "charging_stopped"
    """What does so, or did so last."""
    notified: bool = False
    """The holder was notified when the service ends and the number is lost."""


class HasTerm(Protocol):
    """A card's id and running term."""

    @property
    def card_id(self) -> UUID: ...

    @property
    def term(self) -> Term: ...


class HasDeadlines(HasTerm, Protocol):
    """A card with its deadlines."""

    @property
    def deadlines(self) -> Deadlines: ...


class Movable(HasDeadlines, Protocol):
    """What moving the deadlines reads of a card."""

    @property
    def status(self) -> str: ...


# Fold


def blocked(deadlines: Deadlines, fact: ChargingBlocked) -> Deadlines:
    """Something on our side keeps the card from being charged."""
    return replace(deadlines, blocked_since=fact.at, blocked_by=fact.reason)


def moved(deadlines: Deadlines, fact: DeadlinesMoved) -> Deadlines:
    """Our own delay is counted up to now."""
    moved_until = fact.until or fact.at
    return replace(deadlines, moved_by=deadlines.moved_by + fact.by, moved_until=moved_until, blocked_since=None)


def counted_until(deadlines: Deadlines, at: datetime) -> Deadlines:
    """Delays from `at` on count, whatever a clock that was ahead, or a late notice, has counted beyond it."""
    if deadlines.moved_until is None or deadlines.moved_until <= at:
        return deadlines
    return replace(deadlines, moved_until=at)


def end_notified(deadlines: Deadlines) -> Deadlines:
    """The holder knows when the service ends and the number is lost."""
    return deadlines if deadlines.notified else replace(deadlines, notified=True)


def restarted(deadlines: Deadlines) -> Deadlines:
    """A new term begins with the deadlines of its keep rule."""
    if deadlines.moved_until is None and deadlines.blocked_since is None and not deadlines.notified:
        return deadlines
    return Deadlines(deadlines.keep)


# The charge hour and the opening


def charge_instant(card: HasTerm, day: date, policy: Policy) -> datetime:
    """When on the local `day` this card is charged: the charge hour, spread by card id."""
    return _charge_instant(card.card_id, day, card.term.zone, policy)


def _charge_instant(card_id: UUID, day: date, zone: str, policy: Policy) -> datetime:
    spread_s = card_id.int % policy.charge_spread_s
    begins = _even_hour(day, policy.charge_hour, zone)
    if begins is not None:
        return begins + timedelta(seconds=spread_s)
    return local_instant(day, time(policy.charge_hour, *divmod(spread_s, 60)), zone)


@lru_cache(maxsize=16_384)  # the cards of a zone have it in common
def _even_hour(day: date, hour: int, zone: str) -> datetime | None:
    """When that hour begins; None if the clock does not run evenly through it."""
    begins, ends = local_instant(day, time(hour), zone), local_instant(day, time(hour + 1), zone)
    return begins if ends - begins == HOUR else None


def opens_at(card: HasTerm, policy: Policy) -> datetime:
    """When the renewal of the running term opens."""
    return opening_of(card.card_id, card.term, policy)


def opening_of(card_id: UUID, term: Term, policy: Policy) -> datetime:
    """When the renewal of a term of that card opens, or would."""
    return _charge_instant(card_id, term.ends_on - timedelta(days=policy.lead_days), term.zone, policy)


# The deadlines


def suspends_at(card: HasDeadlines) -> datetime:
    """When service ends for a term that stays unpaid; without days of grace that is the end of the term."""
    term, grace_days = card.term, card.deadlines.keep.grace_days
    by_rule = _days_after(term.ends_on, grace_days, term.zone) if grace_days else term.ends_at
    return by_rule + card.deadlines.moved_by


def reclaims_at(card: HasDeadlines) -> datetime:
    """When the number of a card that stays unpaid is lost."""
    return carrier_reclaims_at(card) + card.deadlines.moved_by


def carrier_reclaims_at(card: HasDeadlines) -> datetime:
    """When the carrier, who knows nothing of our delays, may take the number."""
    return _days_after(card.term.ends_on, card.deadlines.keep.reclaim_days, card.term.zone)


def last_day(card: HasDeadlines) -> date:
    """The day before the number is lost: there is always a rung on it, and none after it."""
    return local_date(reclaims_at(card), card.term.zone) - DAY


@lru_cache(maxsize=65_536)  # asked for with each step of a card that is unpaid
def _days_after(day: date, days: int, zone: str) -> datetime:
    return start_of_day(day + timedelta(days), zone)


def move_deadlines(
    card: Movable,
    reason: DelayReason,
    since: datetime,
    open_since: datetime,
    at: datetime,
    until: datetime | None = None,
) -> tuple[DeadlinesMoved, ...]:
    """Move the deadlines by the time from `since` to `until` (None: `at`) for which we keep the next term unpaid.

    Time before `open_since`, when the renewal opened, kept nobody from paying; what has been counted does not count
    again.
    """
    begins, ends = max(since, open_since, card.deadlines.moved_until or since), until or at
    return (deadlines_moved(card, reason, ends - begins, at, until),) if ends > begins else ()


def move_deadlines_by_all(
    card: Movable, reason: DelayReason, open_since: datetime, at: datetime, until: datetime
) -> tuple[DeadlinesMoved, ...]:
    """Move the deadlines by all the time from `open_since` to `until`, less what they have moved by already.

    So the short delays between two that were counted, too short to count by themselves, count in the end.
    """
    deadlines = card.deadlines
    counted = min(deadlines.moved_by, (deadlines.moved_until or open_since) - open_since)
    by = until - open_since - max(counted, timedelta(0))
    return (deadlines_moved(card, reason, by, at, until),) if by > timedelta(0) else ()


def deadlines_moved(
    card: Movable, reason: DelayReason, by: timedelta, at: datetime, until: datetime | None = None
) -> DeadlinesMoved:
    """The move as a fact, with the new days where the holder knows others."""
    moved = DeadlinesMoved(reason=reason, by=by, until=until, at=at)
    if not card.deadlines.notified:
        return moved
    zone = card.term.zone
    suspended = card.status == "suspended"
    before = [suspends_at(card), reclaims_at(card)][suspended:]
    if all(local_date(one, zone) == local_date(one + by, zone) for one in before):
        return moved
    suspends_on = None if suspended else local_date(suspends_at(card) + by, zone)
    return replace(moved, suspends_on=suspends_on, lost_on=local_date(reclaims_at(card) + by, zone))
