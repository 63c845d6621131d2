"""Where the time comes from; no other file reads the clock."""

from datetime import UTC, datetime


def recorded_now() -> datetime:
    """The real time, aware and in UTC: when something was written down, whatever the business time is."""
    return datetime.now(UTC)
