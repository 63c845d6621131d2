"""Doubt: once our delays have outlasted the carrier's own date, whether the number exists; until then no charge.

The deadlines move by our delays, but the carrier knows nothing of them: whoever is charged after its date may pay for
a number that is gone. A case opens when a charge falls due then, and for a held card on that date or its release.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import reduce
from typing import Protocol

from msgspec.structs import replace

from engine.calendar import Instant
from engine.card.attempt import CaseOpened, HasAttempts, HasHold
from engine.card.custody import HasStatus, check_kept
from engine.card.deadlines import (
    DAY,
    DeadlinesMoved,
    HasDeadlines,
    HasTerm,
    carrier_reclaims_at,
    move_deadlines,
)
from engine.card.event import Event
from engine.card.gap import HasGap, open_gap
from engine.card.ids import derived_id
from engine.card.term import HasRenewal, open_since
from engine.card.wait import Wait
from engine.errors import Refused
from engine.rules import Rules
from engine.value import Value

IN_DOUBT = "number_may_be_lost"
"""The reason of the case."""
CONFIRMED_FOR = DAY
"""A confirmation counts until we have delayed the payment for so long after it."""


# Facts


class NumberConfirmed(Event, kw_only=True):
    """A person found out that the number still exists, as `evidence` shows."""

    evidence: str


# State


class Doubt(Value):
    """Since when it is to be found out whether the number still exists, and when a person said that it does."""

    since: Instant
    confirmed_at: Instant | None = None
    delayed_by: timedelta = timedelta(0)
    """For how long we have delayed the payment since the confirmation."""


class MayBeInDoubt(Protocol):
    """A card of which it may have to be found out whether its number still exists."""

    @property
    def doubt(self) -> Doubt | None: ...


class _Doubtful(MayBeInDoubt, HasDeadlines, Protocol):
    """What the case reads of a card."""


class Delayed(_Doubtful, HasAttempts, HasGap, HasHold, Protocol):
    """What can delay the payment of a card."""


class _Confirmable(Delayed, HasRenewal, HasStatus, Protocol):
    """What a confirmation reads of a card."""


# Fold


def confirmed(doubt: Doubt | None, fact: NumberConfirmed) -> Doubt:
    """The number existed then."""
    return Doubt(fact.at if doubt is None else doubt.since, fact.at)


def delayed(doubt: Doubt | None, fact: DeadlinesMoved) -> Doubt | None:
    """We delayed the payment: the part after the confirmation makes that older; days after a late notice do not."""
    if doubt is None or doubt.confirmed_at is None or fact.reason == "notice_late":
        return doubt
    since_then = min(fact.by, fact.at - doubt.confirmed_at)
    return replace(doubt, delayed_by=doubt.delayed_by + max(since_then, timedelta(0)))  # clocks may have differed


def after_renewal(doubt: Doubt | None) -> Doubt | None:
    """A new term has a date of its own; whether the number exists is still to be found out."""
    return doubt if doubt is not None and doubt.confirmed_at is None else None


# Decisions


def is_in_doubt(card: MayBeInDoubt) -> bool:
    """Whether nothing may be charged before a person said that the number still exists."""
    return card.doubt is not None and card.doubt.confirmed_at is None


def check_number(card: MayBeInDoubt) -> None:
    """Raise Refused `number_in_doubt` for a charge before it is known that the number still exists."""
    if is_in_doubt(card):
        raise _in_doubt()


def check_not_lost(card: _Doubtful, at: datetime) -> None:
    """Raise Refused `number_in_doubt` for a payment past the carrier's own date, before its case is open."""
    if may_be_lost(card, at):
        raise _in_doubt()


def _in_doubt() -> Refused:
    message = "we delayed the payment past the day on which the carrier may take the number"
    return Refused("number_in_doubt", f"{message}; confirm first that it still exists")


def may_be_lost(card: _Doubtful, at: datetime) -> bool:
    """Whether it is past the carrier's own date, and nobody has said lately that the number still exists."""
    return at >= carrier_reclaims_at(card) and not _is_confirmed(card.doubt)


def number_case(card: HasTerm, at: datetime) -> CaseOpened:
    """The case: a person has to find out whether the number still exists."""
    return CaseOpened(about=derived_id(card.card_id, IN_DOUBT), reason=IN_DOUBT, at=at)


def while_held(card: _Doubtful, at: datetime) -> CaseOpened | Wait:
    """The case of a held card, which opens on the carrier's own date; or the wait for it."""
    if card.doubt is not None:
        return Wait(None, "held")
    date = carrier_reclaims_at(card)
    return Wait(date, "held") if at < date else number_case(card, at)


def on_release(card: _Doubtful, moved: Sequence[DeadlinesMoved], at: datetime) -> tuple[CaseOpened, ...]:
    """The case of a card that is released after that date, unless it is open or a person has just confirmed.

    `moved`: by how much the hold delayed the payment.
    """
    if at < carrier_reclaims_at(card) or is_in_doubt(card):
        return ()
    return () if _is_confirmed(reduce(delayed, moved, card.doubt)) else (number_case(card, at),)


def delayed_since(card: Delayed, rules: Rules, at: datetime) -> datetime:
    """Since when something on our side has kept the card from being charged without a break; `at` if nothing does.

    Whatever moves the deadlines counts from here: what had begun before would be lost else, as moved is up to now.
    """
    attempt, gap = card.attempts.open, open_gap(card, rules)
    causes = (
        card.held_since,
        card.deadlines.blocked_since,
        _in_doubt_since(card),
        attempt.attempted_at if attempt is not None and attempt.page_until is None else None,
        gap.since if gap is not None else None,
    )
    return min((one for one in causes if one is not None), default=at)


def _in_doubt_since(card: Delayed) -> datetime | None:
    """A confirmation of the number of a held card moves nothing: its doubt counts until the release."""
    doubt, held_since = card.doubt, card.held_since
    if doubt is None or doubt.confirmed_at is None:
        return doubt.since if doubt is not None else None
    return doubt.since if held_since is not None and doubt.confirmed_at >= held_since else None


def confirm_number(
    card: _Confirmable, rules: Rules, *, evidence: str, at: datetime
) -> tuple[NumberConfirmed | DeadlinesMoved, ...]:
    """A person says that the number still exists; the deadlines move by the time for which nobody had said so."""
    check_kept(card)
    if card.doubt is None or card.doubt.confirmed_at is not None:
        return ()
    fact = NumberConfirmed(evidence=evidence, at=at)
    if card.held_since is not None:  # the release moves them
        return (fact,)
    since = delayed_since(card, rules, at)
    return fact, *move_deadlines(card, "number_in_doubt", since, open_since(card, rules.policy), at)


def _is_confirmed(doubt: Doubt | None) -> bool:
    return doubt is not None and doubt.confirmed_at is not None and doubt.delayed_by < CONFIRMED_FOR
