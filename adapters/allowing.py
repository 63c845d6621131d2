"""Letting a payment card be tried again that a code has blocked for every card; the cards that have it are told."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection

from adapters.control import allow_payment_card
from adapters.payment_cards import cards_with, is_blocked
from engine import operations
from engine.actor import Actor
from engine.application import Engine
from engine.commands import AllowPaymentMethod, Issued
from engine.errors import Refused
from engine.rules import Rules
from engine.store.port import Recorder

CARDS_AT_ONCE = 1000


@dataclass
class Allowed:
    """On how many cards a payment card may be charged again, and those that failed with their errors."""

    cards: int = 0
    failed: dict[UUID, Exception] = field(default_factory=dict[UUID, Exception])


@dataclass(frozen=True)
class Allowance:
    """Which payment card, why, and by whom."""

    fingerprint: str
    why: str
    by: Actor
    command_id: str = field(default_factory=lambda: f"limits-allow:{uuid4()}")

    def to(self, card_id: UUID) -> Issued:
        """The command that a card gets."""
        command = AllowPaymentMethod(
            command_id=f"{self.command_id}:{card_id}", card_id=card_id, fingerprint=self.fingerprint, reason=self.why
        )
        return Issued(command, self.by)


def allow(
    connection: Connection[Any], recorder: Recorder, engine: Engine, allowance: Allowance, rules: Rules, at: datetime
) -> Allowed:
    """Let a blocked payment card be tried again, and be charged on the cards on which the block had ended it.

    Raises Refused without a reason, or where it is neither blocked nor ended by that. Killed in between, it goes on
    with the cards when it is given again.
    """
    fingerprint, why = allowance.fingerprint, allowance.why
    operations.allow_payment_card(fingerprint, why, at)  # refused before anything is changed
    was_blocked = is_blocked(connection, fingerprint, at)
    if was_blocked:
        allow_payment_card(connection, recorder, fingerprint, why, allowance.by, at)
    allowed = _allow_on(engine, cards_with(connection, fingerprint), allowance, rules, at)
    if not (was_blocked or allowed.cards or allowed.failed):
        raise Refused("not_blocked", f"payment card {fingerprint!r} is not blocked", "fingerprint")
    return allowed


def _allow_on(engine: Engine, holders: Sequence[UUID], allowance: Allowance, rules: Rules, at: datetime) -> Allowed:
    """Tell each card, a batch at a time; those of which nothing was ended stay as they are."""
    allowed = Allowed()
    for start in range(0, len(holders), CARDS_AT_ONCE):
        batch = holders[start : start + CARDS_AT_ONCE]
        for card_id, reply in zip(batch, engine.execute([allowance.to(one) for one in batch], rules, at), strict=True):
            if isinstance(reply, Exception):
                allowed.failed[card_id] = reply
            else:
                allowed.cards += bool(reply)
    return allowed
