"""When a notice is sent: quiet hours, one SMS a card and day, and the pauses between tries."""

from datetime import datetime, time, timedelta
from random import Random

from engine.calendar import local_date, local_instant, start_of_day

QUIET_FROM, QUIET_UNTIL = time(21), time(8)
"""By the clock on the holder's wall; an SMS that can wait does."""

RETRIES = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=8),
    timedelta(hours=24),
)
"""Pauses after the first try, the second, …; after the last one a notice is given up."""
RETRIES_OF_CODES = (timedelta(seconds=2), timedelta(seconds=10), timedelta(seconds=30), timedelta(minutes=1))
"""The same for what lives for minutes."""
JITTER = 0.2
"""A pause is so much of itself longer or shorter, so that not all come back at the same moment."""
UNKNOWN_WAITS = timedelta(minutes=5)
"""How long a notice waits before it is asked again whether a charge of unknown outcome has one by now."""


def retry_after(tries: int, random: Random, *, once: bool) -> timedelta | None:
    """The pause after so many tries; None when it is given up."""
    pauses = RETRIES_OF_CODES if once else RETRIES
    if tries > len(pauses):
        return None
    return pauses[tries - 1] * random.uniform(1 - JITTER, 1 + JITTER)


def after_quiet_hours(at: datetime, zone: str) -> datetime:
    """The first instant from `at` on that is not quiet where the holder lives."""
    day = local_date(at, zone)
    morning = local_instant(day, QUIET_UNTIL, zone)
    if at < morning:
        return morning
    if at >= local_instant(day, QUIET_FROM, zone):
        return local_instant(day + timedelta(days=1), QUIET_UNTIL, zone)
    return at


def day_began(at: datetime, zone: str) -> datetime:
    """The beginning of the local day."""
    return start_of_day(local_date(at, zone), zone)


def next_morning(at: datetime, zone: str) -> datetime:
    """The end of the quiet hours on the next local day."""
    return local_instant(local_date(at, zone) + timedelta(days=1), QUIET_UNTIL, zone)
