"""Quiet hours where the holder lives, and the pauses between tries."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from adapters.notices.timing import RETRIES, RETRIES_OF_CODES, after_quiet_hours, day_began, next_morning, retry_after

SHANGHAI = "Asia/Shanghai"


def at(text):
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("2026-03-29T07:59", "2026-03-29T08:00"),
        ("2026-03-29T08:00", "2026-03-29T08:00"),
        ("2026-03-29T20:59", "2026-03-29T20:59"),
        ("2026-03-29T21:00", "2026-03-30T08:00"),
        ("2026-03-30T00:30", "2026-03-30T08:00"),
    ],
)
def test_nobody_is_woken_between_nine_and_eight(now, then):
    assert after_quiet_hours(at(now), SHANGHAI) == at(then)


def test_the_holders_clock_counts():
    assert after_quiet_hours(at("2026-03-29T07:00"), "America/Los_Angeles") == at("2026-03-29T07:00")


def test_a_day_begins_at_midnight_there_and_the_next_morning_ends_the_quiet_hours():
    assert day_began(at("2026-03-29T10:00"), SHANGHAI) == at("2026-03-29T00:00")
    assert next_morning(at("2026-03-29T10:00"), SHANGHAI) == at("2026-03-30T08:00")


@pytest.mark.parametrize(("once", "pauses"), [(False, RETRIES), (True, RETRIES_OF_CODES)])
def test_pauses_grow_vary_by_a_fifth_and_end(once, pauses):
    random = Random(1)
    for tries, pause in enumerate(pauses, start=1):
        found = retry_after(tries, random, once=once)
        assert pause * 0.8 <= found <= pause * 1.2
        assert found != pause
    assert retry_after(len(pauses) + 1, random, once=once) is None


def test_a_notice_is_tried_for_more_than_a_day():
    assert sum(RETRIES, timedelta()) > timedelta(days=1)
