"""A wait, and which of several ends first."""

from datetime import datetime

from engine.reasons import WaitReason
from engine.value import Value


class Wait(Value):
    """Nothing to do before `until` (None: ever), because of `reason`."""

    until: datetime | None
    reason: WaitReason
    blocks_lapse: bool = False
    """What is waited for is our own affair: no deadline passes meanwhile."""


def earliest(first: Wait, *others: Wait | None) -> Wait:
    """The wait that ends first; of those that end together the one named first."""
    for other in others:
        if other is not None and other.until is not None and (first.until is None or other.until < first.until):
            first = other
    return first
