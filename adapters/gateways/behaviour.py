"""What becomes of a charge: the one model of test payment methods that the simulated gateway and the sandbox share."""

from datetime import UTC, date, datetime
from hashlib import blake2b
from typing import NamedTuple

CHARGED = "charged"
"""The outcome of a charge that moved money; any other is the reason why it did not."""


class Behaviour(NamedTuple):
    """How a test payment method answers a charge: it declines with `codes`, or never if there are none.

    With less than a hundred `percent` it declines only that often; from the UTC day `good_from` on it is good.
    """

    codes: str = ""
    percent: int = 100
    good_from: date = date.max


GOOD = Behaviour()


def outcome(behaviour: Behaviour, at: datetime, roll: float) -> str:
    """CHARGED, or the codes of the decline, for a charge at a time; `roll` is its number in [0, 1)."""
    if not behaviour.codes or at.astimezone(UTC).date() >= behaviour.good_from:
        return CHARGED
    return behaviour.codes if roll * 100 < behaviour.percent else CHARGED


def roll(seed: bytes, identity: bytes) -> float:
    """A pseudo-random number in [0, 1), a function of seed and identity: the same in any process and any order."""
    return int.from_bytes(blake2b(identity, key=seed, digest_size=6).digest()) / 2**48
