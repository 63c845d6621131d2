"""Chance as a function of the seed and of the subject asked about, never of earlier questions.

So a run does not depend on the sizes of batches, and a card has the same life in a smaller world.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from random import Random
from typing import TypeVar

T = TypeVar("T")

_SCALE = 2**32


class Chance:
    """The dice of one seed."""

    def __init__(self, seed: int) -> None:
        self._key = str(seed).encode()

    def of(self, *about: object) -> float:
        """A number in [0, 1) for the subject named by `about`."""
        digest = blake2b(repr(about).encode(), key=self._key, digest_size=4).digest()
        return int.from_bytes(digest) / _SCALE

    def pick(self, weights: Mapping[T, float], *about: object) -> T | None:
        """One of the keys, each with its probability; None with the remaining probability."""
        left = self.of(*about)
        for one, probability in weights.items():
            left -= probability
            if left < 0:
                return one
        return None

    def dice(self, *about: object) -> Random:
        """A source of any number of random numbers for the subject named by `about`."""
        return Random(blake2b(repr(about).encode(), key=self._key, digest_size=8).digest())


def weighted(dice: Random, weights: Sequence[tuple[T, float]]) -> T:
    """One of the values, by its weight."""
    return dice.choices([value for value, _ in weights], [weight for _, weight in weights])[0]
