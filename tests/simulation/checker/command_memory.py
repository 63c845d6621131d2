"""Command memory: a command has its effects once, and given again it has the same reply."""

from typing import NamedTuple
from uuid import UUID

from tests.simulation.checker.card import Card, Fact
from tests.simulation.checker.findings import Findings


class _Accepted(NamedTuple):
    card_id: UUID
    body: object
    reply: object


class _Effect(NamedTuple):
    """The last fact that a command led to."""

    card_id: UUID
    version: int
    actor: str


class CommandMemory:
    """All commands that were accepted, and the facts that they led to."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._accepted: dict[str, _Accepted] = {}
        self._effects: dict[str, _Effect] = {}
        """By command."""

    def stored(self, card: Card, fact: Fact) -> None:
        """A fact is stored, which may be the effect of a command."""
        cause = fact.cause
        known = self._effects.get(cause)
        if cause in self._accepted or (known is not None and known[:2] != (card.card_id, fact.version - 1)):
            self._findings.violation("command_memory", fact, f"command {cause} has two effects")
        if fact.is_by_command:
            self._effects[cause] = _Effect(card.card_id, fact.version, fact.actor)
        elif fact.is_by_wake and not fact.actor.startswith("system:"):
            self._findings.violation("actor", fact, f"what time led to is recorded as done by {fact.actor}")

    def accepted(self, command_id: str, card_id: UUID, actor: str, body: object, reply: object) -> bool:
        """A command of `actor` was accepted, for the first time or not; `reply` is true if it led to facts."""
        known = self._accepted.get(command_id)
        if known is None:
            self._accepted[command_id] = _Accepted(card_id, body, reply)
            effect = self._effects.get(command_id)
            if effect is not None and effect.actor != actor:
                sentence = f"command {command_id} of {actor} is recorded as done by {effect.actor}"
                self._findings.violation("actor", card_id, sentence)
            if reply and effect is None:
                sentence = f"command {command_id} was accepted, but none of its facts is stored"
                self._findings.violation("lost_fact", card_id, sentence)
        elif known.body != body:
            sentence = f"command id {command_id} was accepted for two different bodies"
            self._findings.violation("command_memory", card_id, sentence)
        elif known.reply != reply:
            sentence = f"command {command_id} given again has another reply"
            self._findings.violation("command_memory", card_id, sentence)
        return known is None

    def refused(self, command_id: str, body: object, code: str) -> None:
        """A command was refused."""
        known = self._accepted.get(command_id)
        if known is not None and known.body == body:
            sentence = f"command {command_id} was accepted, but is refused ({code}) when given again"
            self._findings.violation("command_memory", known.card_id, sentence)
