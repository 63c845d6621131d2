"""A system clock is compared with the database's and with the log, and an operator confirms it after one was ahead."""

from datetime import UTC, datetime, timedelta

import pytest

from adapters import clock_check
from adapters.clock_check import CheckedClock, ClockWrongError, wrong_clock
from adapters.control import confirm_clock, read_control, stop_charging
from adapters.settings import load_settings
from adapters.wiring import rules_now, rules_of
from engine.actor import actor
from engine.commands import Issued
from engine.errors import Refused
from engine.operations import ClockConfirmed
from engine.store.log import head, newest
from engine.store.operations import operations_history
from engine.store.recorder import CardRecorder, datastore
from tests.adapters.cards import BEGIN, commands_for
from tests.adapters.shifted_clocks import Clocks

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
AHEAD = timedelta(days=12)
WHY = "the time server was wrong"


@pytest.fixture
def clocks(monkeypatch, connection, database_url):
    found = Clocks(monkeypatch, database_url)
    connection.execute("SET search_path = public, clocks, pg_catalog")
    yield found
    found.close()


@pytest.fixture
def recorder(connection, database_url):
    with datastore(database_url, pool_size=1) as pool:
        yield CardRecorder(pool)


@pytest.fixture
def clock():
    return CheckedClock(virtual=False)


def record(cards, number, at):
    """Facts that were decided at a time."""
    issued = [Issued(command, actor("operator", "tests")) for command in commands_for(number, f"sim:good:{number}")]
    cards.engine.execute(issued, cards.policy_and_catalogue, at)


@pytest.mark.parametrize("differs", [-50 * SECOND, 50 * SECOND])
def test_a_clock_may_differ_a_little_from_the_databases(connection, clocks, clock, differs):
    clocks.process = differs
    assert abs(clock.read(connection).now - clocks.now()) < 5 * SECOND


@pytest.mark.parametrize(("differs", "which"), [(-2 * MINUTE, "behind"), (2 * MINUTE, "ahead of"), (AHEAD, "ahead of")])
def test_a_clock_that_differs_from_the_databases_is_wrong(connection, clocks, clock, differs, which):
    assert clock.read(connection)
    clocks.process = differs
    with pytest.raises(ClockWrongError, match=f"the clock of this machine shows .*, {which} the database's"):
        clock.read(connection)
    clocks.process = timedelta(0)
    assert clock.read(connection)
    assert read_control(connection, virtual_clock=False).clock_ahead_until is None


def test_a_clock_that_is_behind_the_log_is_wrong_and_the_future_facts_are_noted(connection, cards, clock):
    at = datetime.now(UTC) + AHEAD
    record(cards, 1, at)
    with pytest.raises(ClockWrongError, match="the log holds a fact of"):
        clock.read(connection)
    noted = read_control(connection, virtual_clock=False)
    assert at <= noted.clock_ahead_until <= at + SECOND
    assert "the log holds a fact of" in wrong_clock(connection, noted)


def test_a_clock_is_checked_again_a_second_after_it_was_found_right_and_at_once_after_it_was_wrong(
    connection, clocks, clock
):
    assert clock.is_to_be_checked
    clocks.process = AHEAD
    with pytest.raises(ClockWrongError):
        clock.read(connection)
    assert clock.is_to_be_checked
    clocks.process = timedelta(0)
    clock.read(connection)
    assert not clock.is_to_be_checked
    clock._right_at -= clock_check.LOOK_S
    assert clock.is_to_be_checked


def test_a_fact_of_the_near_future_is_another_machines(connection, cards, clock):
    record(cards, 1, datetime.now(UTC) + 50 * SECOND)
    assert clock.read(connection).clock_ahead_until is None


def test_a_future_fact_is_noticed_also_behind_others(connection, cards, clock):
    clock.read(connection)
    record(cards, 1, datetime.now(UTC) + AHEAD)
    record(cards, 2, datetime.now(UTC) - AHEAD)
    clock._looked_at -= clock_check.LOOK_S
    with pytest.raises(ClockWrongError):
        clock.read(connection)


def test_a_recorded_time_counts_as_well_as_a_decided_one(connection, recorder, clock):
    now = datetime.now(UTC)
    recorder.recorded_now = lambda: now + AHEAD  # the database's clock was ahead
    stop_charging(connection, recorder, "tests", "operator:tests", now)
    with pytest.raises(ClockWrongError, match="the log holds a fact of"):
        clock.read(connection)


def test_when_the_time_has_come_the_attempts_up_to_it_are_looked_up_for_good(connection, cards, clocks, clock):
    record(cards, 1, datetime.now(UTC) + AHEAD)
    with pytest.raises(ClockWrongError):
        clock.read(connection)
    clocks.show(AHEAD)
    rules, at = rules_now(connection, clock, rules_of(load_settings()))
    assert abs(rules.clock_ahead_until - at) < MINUTE


def test_what_cannot_be_read_has_no_time(connection, cards):
    record(cards, 1, BEGIN)
    before = newest(connection, 0)
    for number, state in enumerate((b"{}", b'{"recorded_at":"\xff","fact":{"at":"?"}}', b""), start=1):
        connection.execute(
            "INSERT INTO card_events (originator_id, originator_version, topic, state) "
            "VALUES ('00000000-0000-0000-0000-000000000001', %s, 'x.v1', %s)",
            (number, state),
        )
    assert newest(connection, 0) == before == (head(connection) - 3, BEGIN + SECOND)
    assert newest(connection, head(connection)) == (head(connection), None)


def test_the_virtual_clock_is_never_wrong_whatever_a_command_on_the_system_clock_found(
    connection, cards, clocks, clock
):
    record(cards, 1, datetime.now(UTC) + AHEAD)
    with pytest.raises(ClockWrongError):
        clock.read(connection)
    clocks.process = AHEAD
    virtual = CheckedClock(virtual=True)
    assert not virtual.is_to_be_checked
    assert virtual.read(connection).clock_ahead_until is None


# Confirming


def confirm(connection, recorder, until, why=WHY, at=None):
    confirm_clock(connection, recorder, until, why, "operator:cli", at or datetime.now(UTC))


def test_after_the_operators_confirmation_the_work_goes_on(connection, cards, recorder, clock):
    record(cards, 1, BEGIN)
    with pytest.raises(ClockWrongError):
        clock.read(connection)
    at = datetime.now(UTC)
    confirm(connection, recorder, newest(connection, 0).time, at=at)
    control = clock.read(connection)
    assert control.clock_ahead_until == control.clock_confirmed_until == BEGIN + SECOND
    assert wrong_clock(connection, control) is None
    [recorded] = operations_history(recorder)
    assert (recorded.fact, recorded.actor) == (ClockConfirmed(until=BEGIN + SECOND, reason=WHY, at=at), "operator:cli")


def test_a_later_future_fact_has_to_be_confirmed_again(connection, cards, recorder, clock):
    record(cards, 1, BEGIN)
    confirm(connection, recorder, newest(connection, 0).time)
    record(cards, 2, BEGIN + AHEAD)
    with pytest.raises(ClockWrongError):
        clock.read(connection)
    confirm(connection, recorder, newest(connection, 0).time)
    assert clock.read(connection)
    assert len(operations_history(recorder)) == 2


def test_confirming_twice_is_one_fact_and_repairs_the_row_after_a_kill(connection, cards, recorder, clock):
    record(cards, 1, BEGIN)
    for _ in range(2):
        confirm(connection, recorder, newest(connection, 0).time)
        assert clock.read(connection)
        connection.execute("UPDATE control SET clock_confirmed_until = NULL, clock_ahead_until = NULL")
    assert len(operations_history(recorder)) == 1


@pytest.mark.parametrize(("until", "why", "code"), [(-SECOND, WHY, "clock_not_behind"), (AHEAD, " ", "reason_missing")])
def test_there_must_be_something_to_confirm_and_a_reason(connection, recorder, until, why, code):
    at = datetime.now(UTC)
    with pytest.raises(Refused) as refused:
        confirm(connection, recorder, at + until, why, at)
    assert refused.value.code == code
    assert read_control(connection, virtual_clock=False).clock_confirmed_until is None


def test_messages_that_the_other_clock_sent_are_sent_again(connection, cards, recorder):
    [card_id] = cards.register(1)
    connection.execute("INSERT INTO due_sent VALUES (%s, 3, 1, clock_timestamp() + interval '12 days')", (card_id,))
    confirm(connection, recorder, newest(connection, 0).time)
    in_flight = "SELECT count(*) FROM due_sent WHERE lease_until > clock_timestamp()"
    assert connection.execute(in_flight).fetchone() == (0,)
