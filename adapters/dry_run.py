"""Dry run of an import: the real engine decides on what is stored, and what it would append stays in memory."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from engine.calendar import zone_named
from engine.card.attempt import ChargeAttempted
from engine.card.card import Card
from engine.card.deadlines import opens_at
from engine.card.next import advance
from engine.card.wait import Wait
from engine.envelope import NAME_OF
from engine.rules import Rules
from engine.store.port import AcceptedCommand, Recorder, Refusals, StoredFact, StreamTail, Write
from engine.why.phrases import money


class Foreseen(NamedTuple):
    """What the engine would do first with a card; times in the card's zone."""

    card_id: UUID
    status: str
    at_once: str
    """The facts that would be recorded at once, such as `renewal_started, charge_attempted`; empty if none."""
    charged_now: str | None
    """What would be charged at once, such as `15.00 CNY`."""
    next: str
    """What the card waits for after that."""
    next_at: datetime | None
    renewal_opens: datetime | None
    """When its renewal opens, or opened; None while auto-renewal is off."""


class DryRunRecorder:
    """Implements the port `Recorder`: reads from another one, and keeps in memory what is to be stored."""

    def __init__(self, stored: Recorder) -> None:
        self.accepted: dict[str, AcceptedCommand] = {}
        """The commands that would be accepted, by their id."""
        self._stored = stored
        self._tails: dict[UUID, StreamTail] = {}
        self._versions: dict[UUID, int] = {}
        """Of each stream that would be appended to, the version of its last fact that is stored."""

    @property
    def changed(self) -> list[UUID]:
        """The cards that would be appended to."""
        return list(self._versions)

    def append_many(self, writes: Sequence[Write]) -> Refusals:
        """See Recorder; commands try no payment card, so that no network limit is asked."""
        conflicts: set[UUID] = set()
        for write in writes:
            command = write.command
            if command is not None and command.command_id in self.accepted:
                conflicts.add(write.card_id)
                continue
            if write.facts:
                self._versions.setdefault(write.card_id, write.first_version - 1)
                self._tails[write.card_id].facts.extend(write.facts)
            if command is not None:
                place = write.card_id, write.first_version, len(write.facts)
                self.accepted[command.command_id] = AcceptedCommand(command.body_hash, *place)
        return Refusals(frozenset(conflicts), {})

    def load_many(self, card_ids: Sequence[UUID], state_version: int) -> list[StreamTail]:
        """See Recorder; a card is read once, so that what others append meanwhile does not count."""
        unread = [one for one in card_ids if one not in self._tails]
        if unread:
            self._tails.update(zip(unread, self._stored.load_many(unread, state_version), strict=True))
        return [self._tails[one] for one in card_ids]

    def read_stream(self, card_id: UUID, *, after: int = 0, upto: int | None = None) -> list[StoredFact]:
        """See Recorder."""
        facts = self._stored.read_stream(card_id, after=after, upto=upto)
        last = self._versions.get(card_id)
        if last is None:
            return facts
        added = [one for one in self._tails[card_id].facts if one.version > max(last, after)]
        return [
            *(one for one in facts if one.version <= last),
            *(one for one in added if upto is None or one.version <= upto),
        ]

    def accepted_commands(self, command_ids: Sequence[str]) -> Mapping[str, AcceptedCommand]:
        """See Recorder."""
        would_be = {one: self.accepted[one] for one in command_ids if one in self.accepted}
        return {**self._stored.accepted_commands(command_ids), **would_be}


def foresee(card: Card, rules: Rules, at: datetime) -> Foreseen:
    """What the engine would do first with a card that is as it stands."""
    after, facts, step = advance(card, rules, at)
    asked = next((fact.amount for fact in facts if isinstance(fact, ChargeAttempted)), None)
    names = [NAME_OF[type(fact)].partition(".")[0] for fact in facts]
    waits = (step.reason, step.until) if isinstance(step, Wait) else ("due", at)
    zone = zone_named(card.term.zone)
    return Foreseen(
        card_id=card.card_id,
        status=after.status,
        at_once=", ".join(names),
        charged_now=money(asked) if asked else None,
        next=waits[0],
        next_at=waits[1].astimezone(zone) if waits[1] else None,
        renewal_opens=opens_at(card, rules.policy).astimezone(zone) if card.consent is not None else None,
    )
