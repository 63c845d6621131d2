"""Working and looking at the same time: both results, and no look that is still under way after a failure."""

import asyncio
from threading import Event

import pytest

from adapters.meanwhile import meanwhile


async def working(result=None, error=None):
    await asyncio.sleep(0)
    if error is not None:
        raise error
    return result


def failing():
    raise LookupError("the database is away")


def test_both_results_come_back():
    assert asyncio.run(meanwhile(working(1), lambda: 2)) == (1, 2)


def test_a_failure_waits_for_the_look_which_uses_the_connection():
    looked, ends = Event(), Event()

    def look():
        ends.wait(0.2)
        looked.set()

    with pytest.raises(ConnectionError):
        asyncio.run(meanwhile(working(error=ConnectionError()), look))
    assert looked.is_set()


def test_where_both_fail_the_work_says_why_and_nothing_is_left_behind(caplog):
    with pytest.raises(ConnectionError):
        asyncio.run(meanwhile(working(error=ConnectionError()), failing))
    with pytest.raises(LookupError):
        asyncio.run(meanwhile(working(1), failing))
    assert not caplog.records
