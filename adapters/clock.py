"""Where the time comes from; no other file reads the clock."""

from datetime import UTC, datetime


def recorded_now() -> datetime:
    """The real time in UTC, time-zone aware: when something was recorded, whatever the business time is."""
    return datetime.now(UTC)
