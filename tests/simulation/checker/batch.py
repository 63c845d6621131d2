"""A worker's batch: before it is acknowledged, what became known is stored, and what cannot be handled is parked."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from tests.simulation.checker.findings import Findings

READ_TRIES = 2
"""What cannot be read so often is parked, and nothing else is."""


class Batch:
    """The batch under way."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._unread: dict[UUID, int] = {}
        """Cards that could not be read, and how often."""

    def unreadable(self, card_id: UUID) -> None:
        """A card could not be read."""
        self._unread[card_id] = self._unread.get(card_id, 0) + 1

    def readable(self, card_id: UUID) -> None:
        """It could be read after all."""
        self._unread.pop(card_id, None)

    def acknowledged(self, parked: Mapping[UUID, str], attempts: Iterable[str]) -> None:
        """The batch is over: some cards are parked, and of some attempts something became known."""
        for card_id, why in parked.items():
            if self._unread.pop(card_id, 0) != READ_TRIES:
                self._findings.violation("failed", card_id, f"it was parked: {why}")
        for card_id, times in self._unread.items():
            sentence = f"it could not be read, {times} times, and was not parked"
            self._findings.violation("parking", card_id, sentence)
        self._unread.clear()
        for attempt_id in attempts:
            attempt = self._findings.attempts.get(attempt_id)
            if attempt is not None and attempt.outcome is None and not attempt.is_unknown:
                sentence = f"what became known of attempt {attempt_id} is not stored"
                self._findings.violation("lost_fact", attempt.card_id, sentence)
