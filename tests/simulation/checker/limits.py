"""What the card networks allow per payment card, counted again from the facts."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from tests.simulation.checker import codes
from tests.simulation.checker.attempt import Attempt
from tests.simulation.checker.card import Card, Fact
from tests.simulation.checker.days import CLOCK_SKEW

MONTH, DAY = timedelta(days=30), timedelta(hours=24)
_KEPT = 3 * MONTH
"""Nothing younger is forgotten: a clock may be ahead, and then be put right."""
RETRIES_MAX, DECLINES_MAX, DECLINES_PER_AMOUNT_MAX = 15, 10, 35
EARLY_RETRIES_MAX, EARLY_DECLINES_MAX = 10, 7
"""For what is no last rung: the last third of a limit is kept."""
RULES = {
    "retries_30d": (MONTH, EARLY_RETRIES_MAX, RETRIES_MAX),
    "mastercard_24h": (DAY, EARLY_DECLINES_MAX, DECLINES_MAX),
    "mastercard_amount_30d": (MONTH, 24, DECLINES_PER_AMOUNT_MAX),
}
"""By name: its window, and how many may be declined in it before an early rung, and before a last one."""


class Limits:
    """Retries and declines per fingerprint, as far as they still count."""

    def __init__(self) -> None:
        self._declines: defaultdict[str, list[tuple[datetime, tuple[int, str]]]] = defaultdict(list)
        self._blocked: set[str] = set()
        self._delayed: dict[str, datetime] = {}
        """Until when an issuer's advice leaves a payment card alone."""
        self._mastercard_attempts: set[str] = set()
        self._counted: defaultdict[str, list[Attempt]] = defaultdict(list)
        """By fingerprint, every try that counts."""

    def attempted(self, card: Card, fact: Fact, attempt: Attempt) -> Iterator[str]:
        """Count an attempt; yields a sentence for each limit that it breaks."""
        fingerprint = attempt.fingerprint
        if fingerprint is None:
            return
        if fingerprint in self._blocked:
            yield f"payment card {fingerprint} is tried after a code that says never"
        delayed_until = self._delayed.get(fingerprint)
        if delayed_until is not None and fact.at < delayed_until - CLOCK_SKEW:
            yield f"payment card {fingerprint} is tried, though it is to be left alone until {delayed_until}"
        renewal_declines = card.renewal.declines if card.renewal else 0
        declined_today = any(one == fingerprint and at > fact.at - DAY for one, at in card.top_up_declined)
        declines = renewal_declines if attempt.top_up is None else card.top_up_declines + declined_today
        if fact.body.get("follows_decline", False) != (declines > 0):
            yield f"{declines} declines came before, but it says otherwise"
        if fact.body.get("last_rung", False) != attempt.is_last_rung:
            yield f"that it is a last rung should be {attempt.is_last_rung}"
        is_mastercard = str(fact.body.get("brand")).lower() == "mastercard"
        if is_mastercard:
            self._mastercard_attempts.add(attempt.attempt_id)
        if is_mastercard or declines:
            counted = [old for old in self._counted[fingerprint] if _counts(old, fact.at, _KEPT)]
            self._counted[fingerprint] = [*counted, attempt]
            yield from self._too_often(fact, attempt, is_mastercard=is_mastercard)

    def _too_often(self, fact: Fact, attempt: Attempt, *, is_mastercard: bool) -> Iterator[str]:
        """Sentences for an attempt of which too many count, itself among them."""
        counted, card = self._counted[str(attempt.fingerprint)], f"payment card {attempt.fingerprint}"
        window = DAY if is_mastercard else MONTH
        times = sum(_counts(old, fact.at, window - CLOCK_SKEW) for old in counted)
        early, most = (EARLY_DECLINES_MAX, DECLINES_MAX) if is_mastercard else (EARLY_RETRIES_MAX, RETRIES_MAX)
        if times > early and not attempt.is_last_rung:
            yield f"{card} is tried {times} times in {window}, and the rest is kept for last rungs"
        if times > most:
            yield f"{card} is tried {times} times in {window}"

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
        kept = [old for old in self._declines[fingerprint] if old[0] > fact.at - _KEPT]
        self._declines[fingerprint] = [*kept, (fact.at, amount)]
        recent = [old for old in self._declines[fingerprint] if old[0] > fact.at - MONTH + CLOCK_SKEW]
        in_a_day = sum(at > fact.at - DAY + CLOCK_SKEW for at, _ in recent)
        of_amount = sum(other == amount for _, other in recent)
        if in_a_day > DECLINES_MAX or of_amount > DECLINES_PER_AMOUNT_MAX:
            yield (
                f"payment card {fingerprint} was declined {in_a_day} times in 24 h,"
                f" {of_amount} times for {amount} in 30 days"
            )

    def advised(self, attempt: Attempt, until: datetime) -> None:
        """Leave a payment card alone, wherever it is bound."""
        if attempt.fingerprint is not None:
            self._delayed[attempt.fingerprint] = max(until, self._delayed.get(attempt.fingerprint, until))

    def forbids(self, fact: Fact, fingerprint: str | None) -> bool:
        """Whether the rule by which a try is withheld may be what keeps the payment card from being tried."""
        reason, last_rung = fact.body["reason"], fact.body.get("last_rung", False)
        if fingerprint is None:
            return False
        if reason == "never":
            return fingerprint in self._blocked
        if reason == "delayed":
            return self._delayed.get(fingerprint, fact.at) > fact.at
        if reason not in RULES:
            return False
        window, early, last = RULES[reason]
        counted = sum(_counts(old, fact.at, window + CLOCK_SKEW) for old in self._counted[fingerprint])
        return counted >= (last if last_rung else early)

    def is_open_only(self, fact: Fact, fingerprint: str | None, card: Card) -> bool:
        """Whether a limit by which a try is withheld would have room, were it not for tries that are open."""
        rule = RULES.get(fact.body["reason"])
        if rule is None or fingerprint is None:
            return False
        window, early, last = rule
        since = fact.at - window - CLOCK_SKEW
        declined = sum(old.declined_at is not None and old.declined_at > since for old in self._counted[fingerprint])
        return declined < (last if card.is_in_last_rung else early)


def _counts(old: Attempt, at: datetime, window: timedelta) -> bool:
    """Whether a try is open, or was declined in the window that ends at `at`.

    To the networks a decline stays one, also where the money turns out to have been taken.
    """
    return old.outcome is None if old.declined_at is None else old.declined_at > at - window
