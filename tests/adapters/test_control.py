"""The operator's word and the virtual clock reach every role."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from adapters.control import (
    CLOCK_CHANNEL,
    charging_stopped_since,
    move_clock,
    read_control,
    resume_charging,
    stop_charging,
)
from adapters.schema import migrate
from engine.store.log import Listener

NEW_YEAR = datetime(2040, 1, 1, tzinfo=UTC)
A_DAY = timedelta(days=1)
SOON = timedelta(seconds=10)


@pytest.fixture
def connection(database_url):
    migrate(database_url)
    with psycopg.connect(database_url, autocommit=True) as open_connection:
        yield open_connection


def now(connection, *, virtual_clock=True):
    return read_control(connection, virtual_clock=virtual_clock).now


def test_the_virtual_clock_stands_where_it_was_moved_to(connection):
    move_clock(connection, NEW_YEAR)
    assert now(connection) == now(connection) == NEW_YEAR


def test_the_virtual_clock_never_goes_back(connection):
    move_clock(connection, NEW_YEAR)
    move_clock(connection, NEW_YEAR - A_DAY)
    assert now(connection) == NEW_YEAR


def test_with_the_system_s_clock_nobody_sees_the_virtual_one(connection):
    move_clock(connection, NEW_YEAR)
    assert datetime.now(UTC) - now(connection, virtual_clock=False) < SOON


def test_until_it_is_moved_the_virtual_clock_shows_real_time(connection):
    assert datetime.now(UTC) - now(connection) < SOON


def test_moving_the_clock_wakes_those_who_listen(connection, database_url):
    with Listener(database_url, (CLOCK_CHANNEL,)) as listener:
        move_clock(connection, NEW_YEAR)
        assert listener.wait(SOON)


def test_charging_goes_on_until_it_is_stopped_and_again_when_it_is_resumed(connection):
    assert not read_control(connection, virtual_clock=False).charging_stopped
    stop_charging(connection, "a bad night")
    assert read_control(connection, virtual_clock=False).charging_stopped
    resume_charging(connection)
    assert not read_control(connection, virtual_clock=False).charging_stopped
    assert charging_stopped_since(connection) is None


def test_stopping_twice_keeps_the_time_of_the_first_and_the_reason_of_the_last(connection):
    since = stop_charging(connection, "a bad night")
    assert stop_charging(connection, "worse than thought") == since
    assert charging_stopped_since(connection) == (since, "worse than thought")
