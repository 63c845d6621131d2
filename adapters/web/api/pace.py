"""How fast a token may ask: a bucket for each, filled evenly, in this process alone."""

import math
from collections.abc import Callable
from time import monotonic
from uuid import UUID

PER_SECOND, BURST = 20.0, 40.0
"""A program that shows cards to one person needs less; a back office pages through 100,000 cards in a minute."""
BUCKETS_MOST = 10_000
"""Full buckets are forgotten beyond that."""


class Pace:
    """Counts requests by token; several web processes each count their own."""

    def __init__(
        self, now_s: Callable[[], float] = monotonic, *, per_second: float = PER_SECOND, burst: float = BURST
    ) -> None:
        self._now_s, self._per_second, self._burst = now_s, per_second, burst
        self._left: dict[UUID, tuple[float, float]] = {}

    def wait_s(self, token_id: UUID) -> int:
        """0 if the token may ask now, which is counted; otherwise after how many seconds it may."""
        now = self._now_s()
        left = self._filled(self._left.get(token_id, (self._burst, now)), now)
        if left < 1:
            self._left[token_id] = left, now
            return math.ceil((1 - left) / self._per_second)
        if len(self._left) >= BUCKETS_MOST:
            self._left = {one: kept for one, kept in self._left.items() if self._filled(kept, now) < self._burst}
        self._left[token_id] = left - 1, now
        return 0

    def _filled(self, bucket: tuple[float, float], now: float) -> float:
        left, since = bucket
        return min(self._burst, left + (now - since) * self._per_second)
