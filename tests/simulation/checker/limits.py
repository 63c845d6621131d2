"""What the card networks allow per payment card, counted again from the facts."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from tests.simulation.checker import codes
from tests.simulation.checker.card import Attempt, Card, Fact
from tests.simulation.checker.days import CLOCK_SKEW

MONTH, DAY = timedelta(days=30), timedelta(hours=24)
RETRIES_MAX, DECLINES_MAX, DECLINES_PER_AMOUNT_MAX = 15, 10, 35


class Limits:
    """Retries and declines per fingerprint, as far as they still count."""

    def __init__(self) -> None:
        self._retries: defaultdict[str, list[Attempt]] = defaultdict(list)
        self._declines: defaultdict[str, list[tuple[datetime, tuple[int, str]]]] = defaultdict(list)
        self._blocked: set[str] = set()
        self._mastercard_attempts: set[str] = set()

    def attempted(self, card: Card, fact: Fact, attempt: Attempt) -> Iterator[str]:
        """Count an attempt; yields a sentence for each limit that it breaks."""
        fingerprint = attempt.fingerprint
        if fingerprint is None:
            return
        if fingerprint in self._blocked:
            yield f"payment card {fingerprint} is tried after a code that says never"
        renewal_declines = card.renewal.declines if card.renewal else 0
        declines = renewal_declines if attempt.top_up is None else card.top_up_declines
        if fact.body.get("follows_decline", False) != (declines > 0):
            yield f"{declines} declines came before, but it says otherwise"
        if str(fact.body.get("brand")).lower() == "mastercard":
            self._mastercard_attempts.add(attempt.attempt_id)
        elif declines:
            since = fact.at - MONTH + CLOCK_SKEW
            recent = [
                old
                for old in self._retries[fingerprint]
                if old.at > since and old.outcome != "charged" and old.outcome not in codes.NOT_COUNTED
            ]
            recent.append(attempt)
            self._retries[fingerprint] = recent
            if len(recent) > RETRIES_MAX:
                yield f"payment card {fingerprint} is tried again {len(recent)} times in 30 days"

    def declined(self, fact: Fact, attempt: Attempt, *, is_never: bool) -> Iterator[str]:
        """Count a decline; yields a sentence if it is one too many."""
        fingerprint = attempt.fingerprint
        if fingerprint is None or attempt.outcome in codes.NOT_COUNTED:
            return
        if is_never:
            self._blocked.add(fingerprint)
        if attempt.attempt_id not in self._mastercard_attempts:
            return
        self._mastercard_attempts.discard(attempt.attempt_id)
        amount = (attempt.minor, attempt.currency)
        recent = [old for old in self._declines[fingerprint] if old[0] > fact.at - MONTH + CLOCK_SKEW]
        recent.append((fact.at, amount))
        self._declines[fingerprint] = recent
        in_a_day = sum(at > fact.at - DAY + CLOCK_SKEW for at, _ in recent)
        of_amount = sum(other == amount for _, other in recent)
        if in_a_day > DECLINES_MAX or of_amount > DECLINES_PER_AMOUNT_MAX:
            yield (
                f"payment card {fingerprint} was declined {in_a_day} times in 24 h,"
                f" {of_amount} times for {amount} in 30 days"
            )
