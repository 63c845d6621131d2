"""Dates, zones and durations, computed without the engine."""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
CLOCK_SKEW = timedelta(minutes=5)
"""The most by which the clocks of two workers differ."""
OPENINGS = {"first": (3, 10), "second": (5, 15), "third": (1, 9), "2026-11-01": (3, 10)}
"""When renewals open by policy, three of the simulated world and the installed one: days before the end, local hour."""
_zone = cache(ZoneInfo)  # ZoneInfo itself keeps only eight alive
_DURATION = re.compile(r"(-?)P(?:(\d+)D)?(?:T(\d+(?:\.\d+)?)S)?")


@lru_cache(maxsize=4096)
def instant(text: str) -> datetime:
    """An instant as it is written in facts."""
    return datetime.fromisoformat(text)


def duration(text: str) -> timedelta:
    """An ISO 8601 duration of days and seconds as it is written in facts; raises ValueError."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no duration")
    sign, *parts = found.groups()
    days, seconds = (float(part or 0) for part in parts)
    length = timedelta(days=days, seconds=seconds)
    return -length if sign else length


def local_day(at: datetime, zone: str) -> date:
    """The date in `zone` at that instant."""
    return at.astimezone(_zone(zone)).date()


@lru_cache(maxsize=16_384)
def day_begins(day: date, zone: str) -> datetime:
    """The first instant whose local date is `day` or later, found by bisection."""
    tz = _zone(zone)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    before, after = noon - 2 * DAY, noon + 2 * DAY
    while after - before > SECOND:
        middle = before + timedelta(seconds=(after - before) // SECOND // 2)
        if middle.astimezone(tz).date() >= day:
            after = middle
        else:
            before = middle
    return after


def opening(ends_on: date, zone: str, policy: str) -> datetime:
    """When renewals of terms that end on that day begin to open by that policy; all are open an hour later."""
    days, hour = OPENINGS[policy]
    return datetime.combine(ends_on - days * DAY, time(hour), _zone(zone)).astimezone(UTC)


def openings(ends_on: date, zone: str) -> list[datetime]:
    """The same by each policy, each instant once."""
    return list(dict.fromkeys(opening(ends_on, zone, policy) for policy in OPENINGS))


def months_later(start: date, months: int, anchor_day: int) -> date:
    """The date `months` later, on the anchor day or the last day of a shorter month."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    for day in range(anchor_day, 27, -1):
        try:
            return date(year, month + 1, day)
        except ValueError:
            continue
    return date(year, month + 1, min(anchor_day, 28))


def time_covered(intervals: list[tuple[datetime, datetime]]) -> timedelta:
    """The time that the intervals cover together, each moment counted once."""
    total, until = timedelta(0), None
    for begins, ends in sorted(intervals):
        start = begins if until is None else max(begins, until)
        if ends > start:
            total += ends - start
            until = ends
    return total
