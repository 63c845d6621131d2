"""Undoing: a paid term that has not begun ends once all that was charged for it went back; the one before runs on."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol
from uuid import UUID

from msgspec.structs import replace

from engine.calendar import Instant, Term
from engine.card import balance
from engine.card.attempt import HasAttempts
from engine.card.balance import BalanceCredited, BalanceDebited, HasBalance, give_back_terms
from engine.card.consent import AutoRenewSwitchedOff, HasConsent, switched_off
from engine.card.custody import check_kept
from engine.card.deadlines import Deadlines, HasDeadlines
from engine.card.event import Event
from engine.card.reminders import Reminded
from engine.card.term import CardRenewed, HasRenewal
from engine.errors import CorruptHistoryError, Refused
from engine.value import Value

# Facts


class TermUndone(Event, kw_only=True):
    """The paid term `undone_number`, which had not begun, ended, since its charge went back in full; `term` runs on."""

    undone_number: int
    attempt_id: UUID
    term: Term


# State


class Before(Value):
    """What was before the last term was paid ahead by `attempt_id`: the term that runs, and what belongs to it."""

    attempt_id: UUID
    term: Term
    anchor_day: int
    deadlines: Deadlines
    made: int
    """Attempts for the term that was paid; they are never counted from 1 again, as keys derive from their number."""
    reminded: Reminded
    aware_at: Instant | None = None


class _Renewed(HasDeadlines, HasAttempts, HasRenewal, Protocol):
    """What is kept of a card when its next term is paid."""

    @property
    def reminded(self) -> Reminded: ...
    @property
    def aware_at(self) -> Instant | None: ...


class _Restorable(HasBalance, _Renewed, Protocol):
    """What restoring reads of a card."""

    @property
    def before(self) -> Before | None: ...


class Undoable(_Restorable, HasConsent, Protocol):
    """What undoing reads of a card."""


class _Restored(Value):
    card_id: UUID
    term: Term
    deadlines: Deadlines


# Fold


def before(card: _Renewed, fact: CardRenewed) -> Before | None:
    """What is kept, as long as the paid term may be undone: it was charged for, and has not begun."""
    if fact.attempt_id is None or fact.at >= fact.term.starts_at:
        return None
    deadlines = replace(card.deadlines, blocked_since=None)
    reminders = card.reminded, card.aware_at
    return Before(fact.attempt_id, card.term, card.anchor_day, deadlines, card.attempts.made, *reminders)


def undone(card: _Restorable, fact: TermUndone) -> Mapping[str, object]:
    """What changes of a card, back to what it was before the term was paid; attempts for it go on counting."""
    kept = card.before
    if kept is None:
        raise CorruptHistoryError("a term is undone that was not paid ahead")
    return {
        "term": fact.term,
        "anchor_day": kept.anchor_day,
        "deadlines": kept.deadlines,
        "renewal": None,
        "attempts": replace(card.attempts, made=kept.made),
        "reminded": kept.reminded,
        "aware_at": kept.aware_at,
        "balance": balance.term_undone(card.balance, fact.undone_number),
        "before": None,
    }


# Decisions


def undo_term(
    card: Undoable, *, attempt_id: UUID, is_full: bool, at: datetime
) -> tuple[TermUndone | BalanceCredited | BalanceDebited | AutoRenewSwitchedOff, ...]:
    """End the last term with the refund of its charge; what the balance paid of it returns, auto-renewal goes off.

    Raises Refused `term_begun`, `not_the_last_term`, `not_a_full_refund`.
    """
    check_kept(card)
    if at >= card.term.starts_at or card.attempts.made or card.renewal is not None:
        raise Refused("term_begun", f"term {card.term.number} has begun; only one that has not can end", "ends_term")
    kept = card.before
    if kept is None or kept.attempt_id != attempt_id:
        raise Refused("not_the_last_term", f"that charge did not pay for term {card.term.number}", "attempt_id")
    if not is_full:
        message = "a term ends only when all that is left of its charge goes back"
        raise Refused("not_a_full_refund", message, "amount.minor")
    fact = TermUndone(undone_number=card.term.number, attempt_id=attempt_id, term=kept.term, at=at)
    paid = give_back_terms(card, {card.term.number}, at)
    restored = _Restored(card.card_id, kept.term, kept.deadlines)
    off = (switched_off(restored, "operator", at),) if card.consent is not None else ()
    return (fact, *paid, *off)
