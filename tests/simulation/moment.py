"""What time it is in a world, and what goes wrong at that time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from tests.simulation.chance import Chance
from tests.simulation.faults import Faults

K = TypeVar("K", bound=str)
T = TypeVar("T")


class Moment:
    """The present instant; from `quiet_from` on nothing new goes wrong."""

    def __init__(self, now: datetime, quiet_from: datetime, chance: Chance, faults: Faults) -> None:
        self.quiet_from = quiet_from
        self.faults = faults
        self._chance = chance
        self.move(now)

    def move(self, now: datetime) -> None:
        """Time goes on."""
        self.now = now
        self._tick = int(now.timestamp())

    def after(self, delay: timedelta) -> datetime:
        """The instant so much later."""
        return self.now + delay

    def fault_for(self, kinds: Sequence[K], *about: object) -> K | None:
        """The one of `kinds` that happens now to what `about` names, if any."""
        return None if self.now >= self.quiet_from else self.faults.fault_for(kinds, *about, self._tick)

    def share(self, *about: object) -> float:
        """A number in [0, 1) for what `about` names, now."""
        return self._chance.of(*about, self._tick)

    def some(self, choices: Sequence[T], *about: object) -> T:
        """One of the choices for what `about` names, now."""
        return choices[int(self.share(*about) * len(choices))]
