"""What every fact is: something that happened at a business time, never changed once stored."""

from engine.calendar import Instant
from engine.value import Value


class Event(Value, kw_only=True):
    """A fact; `at` is business time (aware, UTC).

    Its fields hold all that a later reader needs to understand it, without catalogue, policy or zone database.
    """

    at: Instant
