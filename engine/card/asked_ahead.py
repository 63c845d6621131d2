"""What the holder asks for ahead of its day, and its end: nothing came of it, and what the holder learns of that."""

from datetime import datetime
from typing import Protocol

from engine.calendar import Instant
from engine.card.deadlines import opens_at
from engine.card.event import Event
from engine.card.methods import HasMethods, usable_methods
from engine.card.term import HasRenewal, Renewal
from engine.card.wait import Wait
from engine.policy import Policy


class RenewalRequestEnded(Event, kw_only=True):
    """What the holder had asked for ahead of time came to nothing: nothing more is tried before the renewal opens.

    `withheld` says which rule forbade to try anything, of which the holder is notified here; None: what was tried was
    declined, of which the holder is notified already. `next_try_at` is when it is tried next (None: no method can be).
    """

    term_number: int
    withheld: str | None = None
    next_try_at: Instant | None = None


class AskedAhead(HasMethods, HasRenewal, Protocol):
    """What the end of a request reads of a card."""


def end_request(card: AskedAhead, charging: Wait, policy: Policy, at: datetime) -> tuple[RenewalRequestEnded, ...]:
    """The end of a pass that the holder asked for ahead of time: nothing of it is to be tried now or soon."""
    renewal = card.renewal
    if renewal is None or renewal.rung or renewal.is_over or renewal.outside_ladder is None:
        return ()
    if charging.reason == "soon" or at >= opens_at(card, policy):
        return ()
    number, switched_off = card.term.number + 1, charging.reason == "auto_renew_off"
    withheld = None if switched_off else _not_tried(card, renewal)
    if withheld is None:
        return (RenewalRequestEnded(term_number=number, at=at),)
    again_at = _first_try_at(card, opens_at(card, policy))
    return (RenewalRequestEnded(term_number=number, withheld=withheld, next_try_at=again_at, at=at),)


def _not_tried(card: HasMethods, renewal: Renewal) -> str | None:
    """Why nothing was tried, where the holder does not know yet; None where something was, or nothing could ever be."""
    usable = usable_methods(card)
    if renewal.withheld is not None or not renewal.request_open or not usable:
        return renewal.withheld
    if any(one.method_id not in card.methods.not_before for one in usable):
        return None
    first = min(usable, key=lambda one: card.methods.not_before[one.method_id])
    limit = card.methods.limited.get(first.method_id)
    return limit.rule if limit is not None else "advice_delay"


def _first_try_at(card: HasMethods, opening: datetime) -> datetime | None:
    """When a method may be charged first, once the renewal is open; None where none can be."""
    waits = [card.methods.not_before.get(one.method_id, opening) for one in usable_methods(card)]
    return max(opening, min(waits)) if waits else None
