"""How fast a token may ask, or a holder: a bucket for each, filled evenly, in this process alone."""

import math
from collections.abc import Callable
from time import monotonic
from uuid import UUID

PER_SECOND, BURST = 20.0, 40.0
"""A program that shows cards to one person needs less; a back office pages through 100,000 cards in a minute."""
PROVIDER_PER_SECOND, PROVIDER_BURST = 1.0, 20.0
"""How often one of them may make us ask the provider: what it takes of our rate there, no charge has."""
BUCKETS_MOST = 10_000
"""Full buckets are forgotten beyond that."""


class Pace:
    """Counts requests by who asks; several web processes each count their own."""

    def __init__(
        self, now_s: Callable[[], float] = monotonic, *, per_second: float = PER_SECOND, burst: float = BURST
    ) -> None:
        self._now_s, self._per_second, self._burst = now_s, per_second, burst
        self._left: dict[UUID | str, tuple[float, float]] = {}

    def wait_s(self, who: UUID | str) -> int:
        """0 if that token or holder may ask now, which is counted; otherwise after how many seconds it may."""
        now = self._now_s()
        left = self._filled(self._left.get(who, (self._burst, now)), now)
        if left < 1:
            self._left[who] = left, now
            return math.ceil((1 - left) / self._per_second)
        if len(self._left) >= BUCKETS_MOST:
            self._left = {one: kept for one, kept in self._left.items() if self._filled(kept, now) < self._burst}
        self._left[who] = left - 1, now
        return 0

    def _filled(self, bucket: tuple[float, float], now: float) -> float:
        left, since = bucket
        return min(self._burst, left + (now - since) * self._per_second)


def provider_pace() -> Pace:
    """The pace at which tokens and holders may make us ask the provider."""
    return Pace(per_second=PROVIDER_PER_SECOND, burst=PROVIDER_BURST)
