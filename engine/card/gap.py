"""The gap: what the log may have lost when its database was restored, and what the gateway knows of it.

Ids of attempts are derived, so a restored card would make the attempts of the gap again, under keys that the gateway
has forgotten. So nothing is done with a card before the gateway was asked for all its charges. What the gateway lists
is complete only some time after the restore; until then the card waits, at our expense.
"""

from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from msgspec.structs import replace

from engine.calendar import Instant
from engine.card.attempt import Attempt, Attempts, ClosedAttempt
from engine.card.deadlines import HasTerm
from engine.card.event import Event
from engine.card.ids import derived_id
from engine.errors import Refused
from engine.money import Money
from engine.provider import Provider
from engine.rules import Gap, Rules
from engine.value import Value

UNEXPLAINED = "charge_unexplained"
"""The reason of a case: the gateway charged in the gap what the restored card has no reason for."""

LOOK_BACK = timedelta(days=1)
"""Charges are looked up from so long before the gap on: clocks differ. What the log has of them is passed over."""


# Facts


class ChargeFound(Event, kw_only=True):
    """A charge that the log had lost when it was restored was found at the gateway.

    `pays`: it counts for what it was made for, with `from_balance` reserved in addition; else its money goes back.
    `method_id` is the method whose token was charged, or the token itself if no such method is bound any more.
    """

    attempt_id: UUID
    term_number: int
    method_id: str
    token: str
    amount: Money
    charged_at: Instant
    pays: bool
    top_up: int | None = None
    from_balance: int = 0
    fingerprint: str | None = None


class GapClosed(Event, kw_only=True):
    """All that the gateway had charged before `until`, when the log was restored, is in the log again."""

    until: Instant


# State


class GapState(Value):
    """What is known of the gap of the last restore."""

    closed_until: Instant | None = None
    """The end of the last gap that is closed; None: there was none."""
    unexplained: tuple[UUID, ...] = ()
    """Charges of an open gap that are a case for a person."""


class HasGap(Protocol):
    """A card with what is known of its gap."""

    @property
    def gap(self) -> GapState: ...


class _Attempting(HasTerm, HasGap, Protocol):
    """What the id of an attempt follows from."""


# Fold


def found(attempts: Attempts, fact: ChargeFound) -> Attempts:
    """The charge is under way, as it would be without the restore, or one that was thought never to have happened."""
    instrument = fact.fingerprint or fact.token
    if not fact.pays:
        closed = ClosedAttempt(
            fact.attempt_id, fact.term_number, fact.amount, fact.method_id, fact.top_up, instrument, happened=False
        )
        return replace(attempts, closed=(*attempts.closed, closed))
    attempt = Attempt(
        attempt_id=fact.attempt_id,
        method_id=fact.method_id,
        token=fact.token,
        amount=fact.amount,
        attempted_at=fact.at,
        rung=0,
        top_up=fact.top_up,
        from_balance=fact.from_balance,
        fingerprint=fact.fingerprint,
        look_up_only=True,
    )
    return replace(attempts, open=attempt) if fact.top_up is None else replace(attempts, top_up=attempt)


def unexplained(gap: GapState, attempt_id: UUID) -> GapState:
    """A person is asked about one more charge."""
    return replace(gap, unexplained=(*gap.unexplained, attempt_id))


def explained(gap: GapState, attempt_id: UUID) -> GapState:
    """The charge is recorded now."""
    if attempt_id not in gap.unexplained:
        return gap
    return replace(gap, unexplained=tuple(one for one in gap.unexplained if one != attempt_id))


def closed(fact: GapClosed) -> GapState:
    """Everything is explained."""
    return GapState(closed_until=fact.until)


# Decisions


class ListCharges(Value):
    """Ask the gateway for all charges of the card in the gap, before anything else is done."""

    gap: Gap


def open_gap(card: HasGap, rules: Rules) -> Gap | None:
    """The gap that is still open for the card; None if there is none."""
    gap, closed_until = rules.restored, card.gap.closed_until
    return None if gap is None or (closed_until is not None and closed_until >= gap.until) else gap


def check_gap(card: HasGap, rules: Rules) -> None:
    """Raise Refused `restored` for a charge that the holder asks for while the gap is open."""
    if open_gap(card, rules) is not None:
        message = "the database was restored, and the card's charges are looked up first; try again later"
        raise Refused("restored", message)


def list_is_complete_at(gap: Gap, provider: Provider) -> datetime:
    """When the gateway's list certainly has every charge of the gap, as for an attempt that never happened."""
    return gap.until + provider.never_happened_after


def attempt_id_of(card: _Attempting, purpose: str, method_id: str, number: int) -> UUID:
    """The id of attempt `number` for a purpose, such as `renewal:7` or `top_up:3`; it is the key at the gateway.

    It follows from what it is for, so that nothing is charged twice; and no key of a gap is ever used again.
    """
    closed_until = card.gap.closed_until
    after_gap = "" if closed_until is None else f":after {closed_until.isoformat()}"
    return derived_id(card.card_id, f"{purpose}:{method_id}:{number}{after_gap}")
