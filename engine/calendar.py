"""Local dates, zones, anchors and term arithmetic; the only file that turns dates into instants."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from importlib import resources
from typing import Annotated
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from msgspec import Meta

from engine.value import Value

Instant = Annotated[datetime, Meta(tz=True)]
"""An aware datetime; in JSON an ISO 8601 string."""
SECOND = timedelta(seconds=1)
_MIDNIGHT = time()


class Term(Value):
    """One paid stretch of service: local dates `[starts_on, ends_on)` in `zone`, and the same as instants.

    Number 0 is the term a card was registered with; each renewal adds one.
    """

    number: int
    starts_on: date
    ends_on: date
    starts_at: Instant
    ends_at: Instant
    zone: str


ABBREVIATIONS = {"CET", "CST6CDT", "EET", "EST", "EST5EDT", "HST", "MET", "MST", "MST7MDT", "PST8PDT", "WET"}
ZERO_OFFSETS = {"GMT", "GMT+0", "GMT-0", "GMT0", "Greenwich", "UCT", "Universal", "Zulu"}
NO_PLACES = ABBREVIATIONS | ZERO_OFFSETS | {"Factory"}
"""Names of tzdata, beside those below Etc/, that are no places; the last is for a clock that nobody has set."""


@cache
def known_zones() -> frozenset[str]:
    """The time zones that a card can be told to live in: the places of tzdata, whatever else the machine has.

    An offset follows no law of any place, so that its days would part from those of the card's carrier. `UTC` alone
    may be said: for cards of machines, which have no place. Facts of old that name others are read all the same.
    """
    return frozenset(name for name in _zones_of_tzdata() - NO_PLACES if not name.startswith("Etc/"))


@cache
def _zones_of_tzdata() -> frozenset[str]:
    return frozenset((resources.files("tzdata") / "zones").read_text("utf-8").split())


@cache  # ZoneInfo's own cache keeps eight, and reads any other from disk again (100 µs)
def zone_named(zone: str) -> ZoneInfo:
    """The zone as tzdata has it, the same on every machine; one that old facts name and tzdata does not, as here."""
    if zone not in _zones_of_tzdata():
        return ZoneInfo(zone)
    with resources.files("tzdata").joinpath("zoneinfo", *zone.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, zone)


@lru_cache(maxsize=4096)  # the cards of a batch ask for few dates
def months_after(start: date, months: int, anchor_day: int) -> date:
    """The date `months` calendar months after `start` that keeps `anchor_day` where the month has it.

    31 January, anchor 31: 28 or 29 February, then 31 March (decisions: "month end: anchor kept").
    """
    return start + relativedelta(months=months, day=anchor_day)


@lru_cache(maxsize=65_536)  # the cards of a batch ask for the same instant, and live in few zones
def local_date(instant: datetime, zone: str) -> date:
    """The date that a wall calendar in `zone` shows at `instant` (aware)."""
    return instant.astimezone(zone_named(zone)).date()


@lru_cache(maxsize=65_536)
def local_instant(day: date, wall: time, zone: str) -> datetime:
    """The first instant (UTC) at which the clock in `zone` shows `day` and `wall`, or anything later.

    In an overlap that is the earlier of the two; in a gap the moment at which the clock jumped over it.
    Some zones skipped whole days (Apia, 30 December 2011), so the local date of the result may be later.
    """
    tz = zone_named(zone)
    wanted = datetime.combine(day, wall)
    by_old_offset, by_new_offset = (wanted.replace(tzinfo=tz, fold=fold).astimezone(UTC) for fold in (0, 1))
    if by_old_offset.astimezone(tz).replace(tzinfo=None) == wanted:
        return by_old_offset
    before, after = by_new_offset - SECOND, by_old_offset  # a gap: the clock jumped between these two
    while after - before > SECOND:
        middle = before + timedelta(seconds=(after - before).total_seconds() // 2)
        if middle.astimezone(tz).replace(tzinfo=None) >= wanted:
            after = middle
        else:
            before = middle
    return after


def start_of_day(day: date, zone: str) -> datetime:
    """The first instant (UTC) whose local date in `zone` is `day` or later."""
    return local_instant(day, _MIDNIGHT, zone)


def term_from(
    number: int, starts_on: date, months: int, anchor_day: int, zone: str, starts_at: datetime | None = None
) -> Term:
    """A term of `months` that starts on a local day of `zone`: at its beginning, or at `starts_at`."""
    ends_on = months_after(starts_on, months, anchor_day)
    return Term(
        number=number,
        starts_on=starts_on,
        ends_on=ends_on,
        starts_at=starts_at or start_of_day(starts_on, zone),
        ends_at=start_of_day(ends_on, zone),
        zone=zone,
    )


def term_after(last: Term, months: int, anchor_day: int, zone: str) -> Term:
    """The term that follows `last` without gap or overlap, also when `zone` is a new one.

    It starts at the very instant at which the last one ended (decisions: "zone changed between terms").
    """
    return term_from(last.number + 1, last.ends_on, months, anchor_day, zone, starts_at=last.ends_at)
