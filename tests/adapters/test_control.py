"""The operator's stop and the virtual clock, as every role reads them."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from adapters.control import (
    CLOCK_CHANNEL,
    begin_stop,
    blocked_cards,
    charging_stopped_since,
    move_clock,
    read_control,
    resume_charging,
    stop_charging,
)
from adapters.settings import load_settings
from adapters.wiring import recorder_of
from engine.errors import Refused
from engine.operations import ChargingResumed, ChargingStopped, Stop
from engine.store.log import Listener
from engine.store.operations import operations_history
from engine.store.recorder import CardRecorder, datastore
from tests.adapters.cards import BEGIN, FAR

NEW_YEAR = datetime(2040, 1, 1, tzinfo=UTC)
A_DAY = timedelta(days=1)
SOON = timedelta(seconds=10)


def now(connection, *, virtual_clock=True):
    return read_control(connection, virtual_clock=virtual_clock).now


def test_the_virtual_clock_stands_where_it_was_moved_to(connection):
    move_clock(connection, NEW_YEAR)
    assert now(connection) == now(connection) == NEW_YEAR


def test_the_virtual_clock_never_goes_back(connection):
    move_clock(connection, NEW_YEAR)
    move_clock(connection, NEW_YEAR - A_DAY)
    assert now(connection) == NEW_YEAR


def test_with_the_system_clock_the_virtual_one_is_ignored(connection):
    move_clock(connection, NEW_YEAR)
    assert datetime.now(UTC) - now(connection, virtual_clock=False) < SOON


def test_until_it_is_moved_the_virtual_clock_shows_real_time(connection):
    assert datetime.now(UTC) - now(connection) < SOON


def test_moving_the_clock_notifies_listeners(connection, database_url):
    with Listener(database_url, (CLOCK_CHANNEL,)) as listener:
        move_clock(connection, NEW_YEAR)
        assert listener.wait(SOON)


# Charging


@pytest.fixture
def recorder(connection, database_url):
    with datastore(database_url, pool_size=1) as pool:
        yield CardRecorder(pool)


def stop(connection, recorder, reason="a bad night", by="operator:cli", at=NEW_YEAR):
    stop_charging(connection, recorder, reason, by, at)


def is_stopped(connection) -> bool:
    return read_control(connection, virtual_clock=False).charging_stopped


def test_charging_can_be_stopped_and_resumed(connection, recorder):
    assert not is_stopped(connection)
    stop(connection, recorder)
    assert is_stopped(connection)
    resume_charging(connection, recorder, "operator:7", NEW_YEAR + A_DAY)
    assert not is_stopped(connection)
    assert charging_stopped_since(connection) is None
    assert [(one.fact, one.actor) for one in operations_history(recorder)] == [
        (ChargingStopped(reason="a bad night", at=NEW_YEAR), "operator:cli"),
        (ChargingResumed(at=NEW_YEAR + A_DAY), "operator:7"),
    ]


def test_stopping_twice_keeps_the_first_time_and_the_last_reason(connection, recorder):
    stop(connection, recorder)
    stop(connection, recorder, "worse than thought", "operator:7", NEW_YEAR + A_DAY)
    assert charging_stopped_since(connection) == Stop(NEW_YEAR, "worse than thought", "operator:7")


def test_repeating_a_stop_with_the_same_reason_keeps_the_first_actor(connection, recorder):
    stop(connection, recorder)
    stop(connection, recorder, by="operator:7", at=NEW_YEAR + A_DAY)
    assert charging_stopped_since(connection) == Stop(NEW_YEAR, "a bad night", "operator:cli")


@pytest.mark.parametrize(("reason", "by"), [("worse than thought", "operator:cli"), ("a bad night", "operator:7")])
def test_an_operator_replaces_no_stop_of_another_and_none_by_another_reason(connection, recorder, reason, by):
    begin_stop(connection, recorder, "a bad night", "operator:cli", NEW_YEAR, same_again=True)
    begin_stop(connection, recorder, "a bad night", "operator:cli", NEW_YEAR + A_DAY, same_again=True)
    for same_again in (True, False):
        with pytest.raises(Refused, match="charging is stopped already, since 2040-01-01"):
            begin_stop(connection, recorder, reason, by, NEW_YEAR + A_DAY, same_again=same_again)
    assert charging_stopped_since(connection) == Stop(NEW_YEAR, "a bad night", "operator:cli")


def test_a_stop_without_a_reason_is_refused_and_changes_nothing(connection, recorder):
    with pytest.raises(Refused):
        stop(connection, recorder, " ")
    assert not is_stopped(connection)


def test_stopping_again_repairs_the_row_after_a_kill(connection, recorder):
    stop(connection, recorder)
    connection.execute("UPDATE control SET charging_stopped_at = NULL")
    stop(connection, recorder, at=NEW_YEAR + A_DAY)
    assert charging_stopped_since(connection) == Stop(NEW_YEAR, "a bad night", "operator:cli")
    assert len(operations_history(recorder)) == 1


def test_resuming_again_repairs_the_row_after_a_kill(connection, recorder):
    stop(connection, recorder)
    resume_charging(connection, recorder, "operator:cli", NEW_YEAR)
    connection.execute("UPDATE control SET charging_stopped_at = %s", (NEW_YEAR,))
    resume_charging(connection, recorder, "operator:cli", NEW_YEAR)
    assert not is_stopped(connection)
    assert len(operations_history(recorder)) == 2


def test_where_the_virtual_clock_rules_facts_are_recorded_by_it(connection, database_url, monkeypatch):
    monkeypatch.setenv("BAOHAO_CLOCK", "virtual")
    recorder = recorder_of(load_settings(), database_url)
    with closing(recorder.datastore):
        before = datetime.now(UTC)
        stop(connection, recorder)  # the clock is not set yet
        move_clock(connection, NEW_YEAR)
        resume_charging(connection, recorder, "operator:cli", NEW_YEAR)
        first, second = (one.recorded_at for one in operations_history(recorder))
    assert before <= first <= datetime.now(UTC)
    assert second == NEW_YEAR


def test_the_cards_that_a_stop_kept_from_their_charge_are_known_until_the_next_stop(connection, database_url, cards):
    recorder = CardRecorder(datastore(database_url, pool_size=1))
    assert blocked_cards(connection) == []
    for number in (1, 2):
        stop_charging(connection, recorder, "tests", "operator:tests", BEGIN)
        [card_id] = cards.register(number)
        cards.engine.wake({card_id: "test"}, replace(cards.policy_and_catalogue, charging_stopped=True), FAR)
        assert blocked_cards(connection) == [card_id]
        resume_charging(connection, recorder, "operator:tests", FAR)
        resume_charging(connection, recorder, "operator:tests", FAR)
        assert blocked_cards(connection) == [card_id]
    recorder.datastore.close()
