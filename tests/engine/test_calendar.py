"""Local dates in every zone there is: first instants of days, and terms that follow one another without drift."""

import csv
import zoneinfo
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib import resources
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.calendar import (
    known_zones,
    local_date,
    local_instant,
    months_after,
    start_of_day,
    term_after,
    term_from,
    zone_named,
)
from engine.catalogue import PERIODS

ZONES = sorted(known_zones())
FIRST, LAST = datetime(1969, 12, 20, tzinfo=UTC), datetime(2051, 1, 10, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
LOOKED_FOR_EVERY = timedelta(days=12)
"""Between two looks at a zone's offset; a pair of changes closer than that may be missed, as may no single one."""
JUST_BEFORE = [timedelta(minutes=m) for m in (1 / 60, 1, 30, 60, 90, 120, 240, 720, 1380, 1440, 1500, 2880)]

zones = st.sampled_from(ZONES)
days = st.dates(date(1970, 1, 1), date(2050, 12, 31))


ZONES_OF_DATA: dict[bytes, str] = {}
"""By the bytes that define a zone its first name: many names mean the same."""


def changes(zone: str) -> tuple[datetime, ...]:
    """The instants from 1970 to 2050 at which the zone's offset changes, to the second."""
    data = resources.files("tzdata").joinpath("zoneinfo", *zone.split("/")).read_bytes()
    return changes_of(ZONES_OF_DATA.setdefault(data, zone))


@cache
def changes_of(zone: str) -> tuple[datetime, ...]:
    tz = zone_named(zone)
    found, at = [], FIRST
    while at < LAST:
        following = at + LOOKED_FOR_EVERY
        if at.astimezone(tz).utcoffset() != following.astimezone(tz).utcoffset():
            found.append(change_between(at, following, tz))
        at = following
    return tuple(found)


def change_between(before: datetime, after: datetime, tz: ZoneInfo) -> datetime:
    old = before.astimezone(tz).utcoffset()
    while after - before > SECOND:
        middle = before + timedelta(seconds=(after - before) // SECOND // 2)
        before, after = (middle, after) if middle.astimezone(tz).utcoffset() == old else (before, middle)
    return after


def first_instant_by_stretches(day: date, zone: str) -> datetime:
    """The same by brute force: between two changes of its offset a zone is plain arithmetic."""
    tz = zone_named(zone)
    midnight = datetime.combine(day, time(), UTC)
    start, end = midnight - 3 * DAY, midnight + 3 * DAY
    inside = [change for change in changes(zone) if start < change < end]
    for begins, ends in zip([start, *inside], [*inside, end], strict=True):
        shown_at_once = max(begins, midnight - begins.astimezone(tz).utcoffset())
        if shown_at_once < ends:
            return shown_at_once
    raise AssertionError


def assert_first(instant: datetime, day: date, zone: str) -> None:
    tz = zone_named(zone)
    assert instant.astimezone(tz).date() >= day
    for earlier in JUST_BEFORE:
        assert (instant - earlier).astimezone(tz).date() < day, (zone, day, instant, earlier)


def distinct_zones(step: int) -> Iterator[str]:
    """Of every so many zones, one name of each set of names that mean the same."""
    known: set[tuple[object, ...]] = set()
    for zone in islice(ZONES, 0, None, step):
        what = (zone_named(zone).utcoffset(datetime(2049, 7, 1)), changes(zone))  # noqa: DTZ001 (wall time is meant)
        if what not in known:
            known.add(what)
            yield zone


@given(zones, days)
def test_a_day_begins_at_the_first_instant_that_shows_it_or_a_later_one(zone, day):
    assert_first(start_of_day(day, zone), day, zone)
    assert start_of_day(day, zone) == first_instant_by_stretches(day, zone)


@pytest.mark.parametrize(("step", "seen_least"), [(9, 1_000), pytest.param(1, 10_000, marks=pytest.mark.slow)])
def test_a_day_begins_likewise_around_every_change_of_every_zone(step, seen_least):
    """Of every ninth zone, or with --slow of every one."""
    seen = 0
    for zone in distinct_zones(step):
        tz = zone_named(zone)
        for change in changes(zone):
            shown = {(change - SECOND).astimezone(tz).date(), change.astimezone(tz).date()}
            for day in (min(shown), max(shown), max(shown) + DAY):
                assert_first(start_of_day(day, zone), day, zone)
                seen += 1
    assert seen > seen_least


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("Asia/Shanghai", date(2026, 3, 1), "2026-03-01 00:00"),
        ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04 01:00"),  # the clock jumped from midnight to one
        ("Asia/Beirut", date(2022, 3, 27), "2022-03-27 01:00"),
        ("Africa/Cairo", date(2024, 4, 26), "2024-04-26 01:00"),
        ("America/Havana", date(2026, 11, 1), "2026-11-01 00:00"),  # midnight comes twice: the first
        ("America/St_Johns", date(2010, 11, 7), "2010-11-07 00:00"),  # a minute of the day, then 23:01 again
        ("Pacific/Apia", date(2011, 12, 29), "2011-12-29 00:00"),
        ("Pacific/Apia", date(2011, 12, 30), "2011-12-31 00:00"),  # a day that never was
        ("Pacific/Apia", date(2011, 12, 31), "2011-12-31 00:00"),
        ("Pacific/Kwajalein", date(1993, 8, 21), "1993-08-22 00:00"),  # another one
        ("Pacific/Kwajalein", date(1993, 8, 22), "1993-08-22 00:00"),
    ],
)
def test_a_day_of_note_begins(zone, day, begins):
    found = start_of_day(day, zone)
    assert found.astimezone(zone_named(zone)).strftime("%Y-%m-%d %H:%M") == begins
    assert_first(found, day, zone)
    assert found == first_instant_by_stretches(day, zone)


@given(zones, days)
def test_days_begin_in_their_order(zone, day):
    assert start_of_day(day, zone) <= start_of_day(day + DAY, zone)


@given(zones, days, st.times())
def test_a_wall_time_is_shown_at_its_instant_or_was_jumped_over(zone, day, wall):
    wall = wall.replace(microsecond=0)
    tz = zone_named(zone)
    instant = local_instant(day, wall, zone)
    shown = instant.astimezone(tz).replace(tzinfo=None)
    wanted = datetime.combine(day, wall)
    assert shown >= wanted
    assert (instant - SECOND).astimezone(tz).replace(tzinfo=None) < wanted
    if shown > wanted:
        known = changes(zone)
        assert instant == known[bisect_right(known, instant) - 1]


def test_a_wall_time_that_was_jumped_over_is_the_moment_of_the_jump():
    """In each zone's first jump and its last: whether into summer time or over a whole day."""
    seen = 0
    for zone in ZONES:
        tz = zone_named(zone)
        jumps = [at for at in changes(zone) if at.astimezone(tz).utcoffset() > (at - SECOND).astimezone(tz).utcoffset()]
        for jump in jumps[:1] + jumps[-1:]:
            before, after = ((at.astimezone(tz).replace(tzinfo=None)) for at in (jump - SECOND, jump))
            missing = before + (after - before) // 2
            wall = missing.time().replace(microsecond=0)
            assert local_instant(missing.date(), wall, zone) == jump, (zone, missing)
            seen += 1
    assert seen > 500
    assert local_instant(date(2026, 3, 8), time(2, 30), "America/New_York") == datetime(2026, 3, 8, 7, tzinfo=UTC)


def test_an_instant_has_the_date_of_the_wall_calendar():
    instant = datetime(2026, 3, 31, 16, 0, tzinfo=UTC)
    assert local_date(instant, "Asia/Shanghai") == date(2026, 4, 1)
    assert local_date(instant - SECOND, "Asia/Shanghai") == date(2026, 3, 31)
    assert local_date(instant, "America/New_York") == date(2026, 3, 31)


def written_terms() -> list[tuple[date, int, list[date], str]]:
    with Path(__file__).with_name("terms.csv").open(encoding="utf-8", newline="") as file:
        return [
            (
                date.fromisoformat(row["anchor_start"]),
                int(row["months"]),
                [date.fromisoformat(day) for day in row["expected_ends"].split(";")],
                row["source"],
            )
            for row in csv.DictReader(file)
        ]


@pytest.mark.parametrize(("start", "months", "ends", "source"), written_terms())
def test_terms_end_as_in_published_examples(start, months, ends, source):
    term = term_from(0, start, months, start.day, "Europe/London")
    found = [term.ends_on]
    while len(found) < len(ends):
        term = term_after(term, months, start.day, "Europe/London")
        found.append(term.ends_on)
    assert found == ends


def test_the_anchor_day_survives_a_short_february():
    assert months_after(date(2026, 1, 31), 1, 31) == date(2026, 2, 28)
    assert months_after(date(2026, 2, 28), 1, 31) == date(2026, 3, 31)
    assert months_after(date(2024, 2, 29), 12, 29) == date(2025, 2, 28)
    assert months_after(date(2025, 2, 28), 36, 29) == date(2028, 2, 29)


@given(days, st.lists(st.sampled_from(PERIODS), min_size=1, max_size=24), zones)
def test_terms_follow_without_gap_or_overlap_and_keep_their_anchor_day(start, periods, zone):
    last = term_from(0, start, periods[0], start.day, zone)
    months = periods[0]
    for number, period in enumerate(periods[1:], start=1):
        term = term_after(last, period, start.day, zone)
        months += period
        assert (term.number, term.starts_on, term.starts_at) == (number, last.ends_on, last.ends_at)
        assert term.ends_on == months_after(start, months, start.day)  # never by way of a shortened month
        assert term.starts_at < term.ends_at
        last = term


@given(days, st.integers(0, 60), st.integers(1, 60))
def test_months_later_is_the_anchor_day_or_the_last_of_a_shorter_month(start, months, more):
    found = months_after(start, months, start.day)
    assert (found.year * 12 + found.month) - (start.year * 12 + start.month) == months
    assert found.day == start.day or (found.day < start.day and (found + DAY).day == 1)
    assert months_after(found, more, start.day) == months_after(start, months + more, start.day)


@given(days, zones, zones)
def test_after_a_change_of_zone_the_next_term_begins_when_the_last_one_ended(start, zone, moved_to):
    last = term_from(3, start, 1, start.day, zone)
    term = term_after(last, 1, start.day, moved_to)
    assert (term.starts_at, term.starts_on, term.zone) == (last.ends_at, last.ends_on, moved_to)
    assert term.ends_at == start_of_day(term.ends_on, moved_to)


def test_zones_come_with_the_program_where_the_machine_has_none():
    assert resources.files("tzdata").joinpath("zoneinfo", "Pacific", "Apia").is_file()


def test_zones_are_those_that_come_with_the_program_and_real():
    assert {"Asia/Shanghai", "Europe/London", "UTC", "US/Pacific"} <= known_zones()
    assert not known_zones() & {"localtime", "Factory", "posixrules", "posix/Asia/Shanghai", "right/Asia/Shanghai"}
    assert zone_named("Asia/Shanghai").key == "Asia/Shanghai"


def test_offsets_and_abbreviations_are_no_places_and_utc_alone_may_be_said():
    offsets = {"Etc/GMT+5", "Etc/UTC", "EST", "EST5EDT", "PST8PDT", "Zulu", "GMT", "Greenwich", "HST", "CET", "UCT"}
    assert not known_zones() & offsets
    without_region = {zone for zone in known_zones() if "/" not in zone}
    assert {"UTC", "Singapore", "Hongkong", "Cuba", "NZ", "PRC"} <= without_region
    assert not {zone for zone in without_region - {"NZ-CHAT", "GB-Eire", "W-SU"} if not zone.isalpha()}


@pytest.mark.parametrize(("zone", "shown"), [("Etc/GMT+5", date(2026, 3, 30)), ("Zulu", date(2026, 3, 31))])
def test_a_zone_that_is_no_place_can_be_read_from_old_facts(zone, shown):
    assert local_date(datetime(2026, 3, 31, 4, tzinfo=UTC), zone) == shown


def test_a_zone_that_only_this_machine_has_can_be_read_from_old_facts(tmp_path):
    before = zoneinfo.TZPATH
    tmp_path.joinpath("localtime").write_bytes(
        resources.files("tzdata").joinpath("zoneinfo", "Asia", "Shanghai").read_bytes()
    )
    zoneinfo.reset_tzpath([tmp_path])
    try:
        assert local_date(datetime(2026, 3, 31, 16, tzinfo=UTC), "localtime") == date(2026, 4, 1)
    finally:
        zoneinfo.reset_tzpath(before)
