"""Ending a term later: its charge went back before the operator said that the term ends with it, or to the bank."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from engine.card.balance import BalanceCredited, BalanceDebited
from engine.card.consent import AutoRenewSwitchedOff
from engine.card.payments import HasPayments, Recall, find_payment
from engine.card.undoing import TermUndone, Undoable, undo_term
from engine.errors import Refused


class _Endable(Undoable, HasPayments, Protocol):
    """What ending a term reads of a card."""


def end_term(
    card: _Endable, recall: Recall, *, attempt_id: UUID, at: datetime
) -> tuple[TermUndone | BalanceCredited | BalanceDebited | AutoRenewSwitchedOff, ...]:
    """End the last term, which has not begun, once nothing is left of its charge, whichever way it went back.

    Raises Refused `not_a_full_refund`, and those of `undo_term`.
    """
    ended = undo_term(card, attempt_id=attempt_id, is_full=True, at=at)
    payment = find_payment(card, recall, attempt_id)
    if payment.left:
        message = f"of that charge {payment.amount.of(payment.left)} is left; give it back with ends_term"
        raise Refused("not_a_full_refund", message, "attempt_id")
    return ended
