"""What operators decide for many cards at once: facts of a stream of their own, the state they fold to, decisions.

The stream is in the same log as those of the cards, under a fixed id. The envelope names who acted.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from unicodedata import category
from uuid import UUID

from msgspec.structs import replace

from engine.calendar import Instant
from engine.card.event import Event
from engine.errors import Refused
from engine.networks import LimitEffects
from engine.rules import Gap
from engine.text import CARD_NUMBER_REFUSED, has_card_number
from engine.value import Value

OPERATIONS_ID = UUID("0b5e7a70-0000-4000-8000-000000000000")
"""Id of the stream; no card is registered under it."""

CLOCK_SKEW_MAX = timedelta(minutes=1)
"""A fact may be later than the clock of a machine that works well by as much."""
REASON_LENGTH_MAX = 200
"""Characters."""


class ChargingStopped(Event, kw_only=True):
    """All charging was stopped: no new attempts are made until it is resumed, and open ones run to their end."""

    reason: str


class ChargingResumed(Event, kw_only=True):
    """Charging was resumed."""


class PaymentCardAllowed(Event, kw_only=True):
    """A payment card that a code had blocked for every card may be tried again."""

    fingerprint: str
    reason: str


class ClockConfirmed(Event, kw_only=True):
    """The clock is right, though facts up to `until` are of the future: a clock was ahead when they were recorded."""

    until: Instant
    reason: str


class RestoreBegun(Event, kw_only=True):
    """The database was restored from a backup: the log may lack what happened from `since` until now.

    Before anything is sent for a card, the gateway is asked what it charged the card meanwhile.
    """

    since: Instant
    reason: str


class RestoreEnded(Event, kw_only=True):
    """The look-ups after a restore came to their end; with a `reason` although something was left to look up."""

    reason: str | None = None


OperationsFact = ChargingStopped | ChargingResumed | PaymentCardAllowed | ClockConfirmed | RestoreBegun | RestoreEnded
"""Every fact of operations: a closed union."""

OPERATIONS_NAMES: dict[str, type[OperationsFact]] = {
    "charging_stopped.v1": ChargingStopped,
    "charging_resumed.v1": ChargingResumed,
    "payment_card_allowed.v1": PaymentCardAllowed,
    "clock_confirmed.v1": ClockConfirmed,
    "restore_begun.v1": RestoreBegun,
    "restore_ended.v1": RestoreEnded,
}
"""Names under which they are stored, for ever."""


class Stop(Value):
    """All charging is stopped: since when, the latest reason, and who gave it, such as `operator:cli`."""

    since: datetime
    reason: str
    by: str


class Restore(Value):
    """The last restore: the gap that it left in the log, and whether that is closed."""

    gap: Gap
    reason: str
    by: str
    ended: bool = False


def restore_after(restore: Restore | None, fact: Event, actor: str) -> Restore | None:
    """The last restore after one more fact, recorded by `actor`; begun again its gap grows."""
    match fact:
        case RestoreBegun(since=since, reason=reason, at=at):
            if restore is not None and not restore.ended:
                since = min(since, restore.gap.since)
            return Restore(Gap(since, at), reason, actor)
        case RestoreEnded() if restore is not None:
            return replace(restore, ended=True)
        case _:
            return restore


def stop_after(stop: Stop | None, fact: Event, actor: str) -> Stop | None:
    """The stop that is in force after one more fact, recorded by `actor`; None where charging goes on."""
    match fact:
        case ChargingStopped(reason=reason, at=at):
            return Stop(at if stop is None else stop.since, reason, actor)
        case ChargingResumed():
            return None
        case _:
            return stop


def stop_charging(stop: Stop | None, reason: str, at: datetime) -> tuple[ChargingStopped, ...]:
    """Stop all charging; nothing if it is stopped for this reason already.

    Raises Refused: `reason_missing`, `reason_invalid`.
    """
    _check_reason(reason, "charging is to be stopped")
    return () if stop is not None and stop.reason == reason else (ChargingStopped(reason=reason, at=at),)


def resume_charging(stop: Stop | None, at: datetime) -> tuple[ChargingResumed, ...]:
    """Resume charging; nothing if it is not stopped."""
    return () if stop is None else (ChargingResumed(at=at),)


def begin_restore(since: datetime, reason: str, at: datetime) -> tuple[RestoreBegun, ...]:
    """Have all cards looked up at the gateway; begun again, they are all looked up again.

    Raises Refused `reason_missing`, `reason_invalid`.
    """
    _check_reason(reason, "all cards are to be looked up")
    return (RestoreBegun(since=min(since, at), reason=reason, at=at),)


def end_restore(restore: Restore | None, left: int, reason: str | None, at: datetime) -> tuple[RestoreEnded, ...]:
    """End the look-ups; nothing if there are none.

    `left` counts cards to be looked up, and charges that the log does not have: then it takes a reason. Raises Refused
    `restore_unfinished`, `reason_missing`, `reason_invalid`.
    """
    if restore is None or restore.ended:
        return ()
    if left and reason is None:
        message = "what is left may be charged twice once this ends; see `baohao restore status`, or give a reason"
        raise Refused("restore_unfinished", message, "reason")
    if reason is not None:
        _check_reason(reason, "the look-ups are to end")
    return (RestoreEnded(reason=reason if left else None, at=at),)


def allow_payment_card(fingerprint: str, reason: str, at: datetime) -> tuple[PaymentCardAllowed, ...]:
    """Let a payment card be tried again that was blocked or delayed for every card.

    Raises Refused: `reason_missing`, `reason_invalid`.
    """
    _check_reason(reason, "the payment card may be tried again")
    return (PaymentCardAllowed(fingerprint=fingerprint, reason=reason, at=at),)


def confirm_clock(before: datetime | None, newest: datetime, reason: str, at: datetime) -> tuple[ClockConfirmed, ...]:
    """Say that the clock is right though the log holds facts up to `newest`; nothing if that was said `before`.

    Raises Refused: `reason_missing`, `reason_invalid`, `clock_not_behind`.
    """
    _check_reason(reason, "facts of the future are of a clock that was ahead")
    if before is not None and before >= newest:
        return ()
    if newest - at <= CLOCK_SKEW_MAX:
        raise Refused("clock_not_behind", "no fact of the log is later than the clock, so there is nothing to confirm")
    return (ClockConfirmed(until=newest, reason=reason, at=at),)


def confirmed_until(facts: Iterable[Event]) -> datetime | None:
    """Up to which time the facts of operations say that others may be of a clock that was ahead."""
    return max((fact.until for fact in facts if isinstance(fact, ClockConfirmed)), default=None)


def effects_of(facts: Sequence[OperationsFact]) -> LimitEffects:
    """What facts of operations mean for the network limits."""
    allowed = (fact.fingerprint for fact in facts if isinstance(fact, PaymentCardAllowed))
    return LimitEffects(OPERATIONS_ID, allowed=tuple(allowed))


def _check_reason(reason: str, explained: str) -> None:
    if not reason.strip():
        raise Refused("reason_missing", f"say why {explained}", "reason")
    if len(reason) > REASON_LENGTH_MAX or any(category(each) in {"Cc", "Cs"} for each in reason):
        message = f"a reason is one line of at most {REASON_LENGTH_MAX} characters, without control characters"
        raise Refused("reason_invalid", message, "reason")
    if has_card_number(reason):
        raise Refused("reason_invalid", f"the reason {CARD_NUMBER_REFUSED}", "reason")
