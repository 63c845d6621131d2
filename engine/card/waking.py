"""Waking: facts that only move the time at which the card is asked again. They change nothing else."""

from engine.calendar import Instant
from engine.card.event import Event


class Deferred(Event, kw_only=True):
    """The card was woken, there was nothing to do but wait, and this is why and until when."""

    reason: str
    until: Instant | None


class Replanned(Event, kw_only=True):
    """Rules or zone database changed, and with them the time at which this card wakes."""

    reason: str
    until: Instant | None
