"""Holds: a card taken out of all automatic work by the operator, or by an alarm of ours."""

from datetime import datetime
from typing import Literal, Protocol

from engine.calendar import Instant
from engine.card.attempt import CaseOpened, HasHold
from engine.card.custody import HasStatus, check_kept
from engine.card.deadlines import DeadlinesMoved, move_deadlines
from engine.card.doubt import Delayed, delayed_since, on_release
from engine.card.event import Event
from engine.card.term import HasRenewal, open_since
from engine.rules import Rules
from engine.value import Value

HeldBy = Literal["operator", "alarm"]


class CardHeld(Event, kw_only=True):
    """The card was taken out of all automatic work: nothing is charged, suspended or given up until it is released."""

    reason: str
    by: HeldBy


class CardReleased(Event, kw_only=True):
    """The hold was lifted."""


class Hold(Value):
    """Since when a card is on hold, and whether a person wanted that."""

    since: Instant
    by: HeldBy


class _Holdable(HasHold, HasStatus, Protocol):
    """What a hold reads of a card."""


class _Releasable(Delayed, HasRenewal, HasStatus, Protocol):
    """What a release reads of a card."""


def after(fact: CardHeld | CardReleased) -> Hold | None:
    """The card is on hold from now on, or is not."""
    return Hold(fact.at, fact.by) if isinstance(fact, CardHeld) else None


def hold_card(card: _Holdable, *, reason: str, at: datetime) -> tuple[CardHeld, ...]:
    """Take the card out of all automatic work until it is released."""
    check_kept(card)
    return () if card.held_since is not None else (CardHeld(reason=reason, by="operator", at=at),)


def release_card(
    card: _Releasable, rules: Rules, *, at: datetime
) -> tuple[CardReleased | DeadlinesMoved | CaseOpened, ...]:
    """Lift the hold; the deadlines move by the time for which it, or what came before it, kept us from charging.

    After the carrier's own date it is a case whether the number still exists.
    """
    check_kept(card)
    if card.held_since is None:
        return ()
    moved = move_deadlines(card, "held", delayed_since(card, rules, at), open_since(card, rules.policy), at)
    return CardReleased(at=at), *moved, *on_release(card, moved, at)
