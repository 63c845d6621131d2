"""Outlooks that are kept: working one out costs as much as all else of a page.

An outlook depends on the card, of which the version tells whether it has changed, on the rules, and on the time, which
changes nothing before the first thing that is due.
"""

from collections import OrderedDict
from datetime import datetime
from threading import Lock
from typing import NamedTuple
from uuid import UUID

from engine.card.card import Card
from engine.card.facts import CardFacts
from engine.outlook import Foreseen, foresee
from engine.rules import Rules

KEPT = 10_000
"""Cards that were shown last; an outlook takes some kilobytes."""


class _Kept(NamedTuple):
    version: int
    rules: Rules
    since: datetime
    foreseen: Foreseen

    def holds(self, version: int, rules: Rules, at: datetime) -> bool:
        """Whether it is the outlook of that card by these rules at this time."""
        until = self.foreseen.until
        is_same = version == self.version and _are_the_same(rules, self.rules)
        return is_same and self.since <= at and (until is None or at < until)


class Outlooks:
    """Those of one process, for any number of threads."""

    def __init__(self, most: int = KEPT) -> None:
        self._most, self._lock = most, Lock()
        self._kept: OrderedDict[UUID, _Kept] = OrderedDict()

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._kept)

    def of(self, card: Card, version: int, rules: Rules, at: datetime) -> CardFacts:
        """What will happen to the card by itself."""
        with self._lock:
            kept = self._kept.get(card.card_id)
            if kept is not None:
                self._kept.move_to_end(card.card_id)
        if kept is not None and kept.holds(version, rules, at):
            return kept.foreseen.facts
        found = _Kept(version, rules, at, foresee(card, rules, at))
        with self._lock:
            self._kept[card.card_id] = found
            self._kept.move_to_end(card.card_id)
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return found.foreseen.facts


def _are_the_same(one: Rules, other: Rules) -> bool:
    """Whether rules are the same but for the stops, which an outlook passes over.

    Policy, catalogue and provider are read once a process, so whether they are the same object says it all.
    """
    if not (one.policy is other.policy and one.catalogue is other.catalogue and one.provider is other.provider):
        return False
    return (one.clock_ahead_until, one.restored) == (other.clock_ahead_until, other.restored)
