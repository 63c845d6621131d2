"""Dates, zones and durations, reckoned anew: nothing here is taken from the engine."""

import re
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
OPENINGS = {"first": (3, 10 * HOUR), "second": (5, 15 * HOUR), "third": (1, 9 * HOUR)}
"""How many days before the term ends, and at which local hour, renewals open by the simulated policies."""
_zone = cache(ZoneInfo)  # which by itself keeps but eight alive
_DURATION = re.compile(r"(-?)P(?:(\d+)D)?(?:T(\d+(?:\.\d+)?)S)?")


@lru_cache(maxsize=4096)
def instant(text: str) -> datetime:
    """An instant as facts write it."""
    return datetime.fromisoformat(text)


def duration(text: str) -> timedelta:
    """An ISO 8601 duration as facts write it: days and seconds."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no duration")
    sign, *parts = found.groups()
    days, seconds = (float(part or 0) for part in parts)
    length = timedelta(days=days, seconds=seconds)
    return -length if sign else length


def local_day(at: datetime, zone: str) -> date:
    """What a calendar on the wall shows."""
    return at.astimezone(_zone(zone)).date()


@lru_cache(maxsize=16_384)
def day_begins(day: date, zone: str) -> datetime:
    """The first instant whose local date is `day` or later, by halving."""
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


def months_on(start: date, months: int, anchor_day: int) -> date:
    """So many months later, on the anchor day or the last one that the month has."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    for day in range(anchor_day, 27, -1):
        try:
            return date(year, month + 1, day)
        except ValueError:
            continue
    return date(year, month + 1, min(anchor_day, 28))


def union(intervals: list[tuple[datetime, datetime]]) -> timedelta:
    """The time that the intervals cover together."""
    total, until = timedelta(0), None
    for begins, ends in sorted(intervals):
        start = begins if until is None else max(begins, until)
        if ends > start:
            total += ends - start
            until = ends
    return total
