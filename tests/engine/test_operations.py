"""Stopping and resuming all charging: decisions, and the stream of their facts."""

import pytest
from msgspec.structs import replace

from engine.actor import actor
from engine.command_dispatch import decide
from engine.commands import RegisterCard
from engine.errors import BaohaoError, CorruptHistoryError, Refused
from engine.operations import (
    CLOCK_SKEW_MAX,
    OPERATIONS_ID,
    ChargingResumed,
    ChargingStopped,
    ClockConfirmed,
    Restore,
    RestoreBegun,
    RestoreEnded,
    Stop,
    begin_restore,
    confirm_clock,
    confirmed_until,
    end_restore,
    restore_after,
    resume_charging,
    stop_after,
    stop_charging,
)
from engine.rules import Gap
from engine.store.operations import CONFLICT_TRIES, operations_history, record_operation, record_restore
from engine.store.streams import Append, Stream
from tests.engine.every_command import command
from tests.engine.given_when_then import no_older_charge
from tests.engine.payment_cards import AT, DAY, HOUR
from tests.engine.random_histories import RECORDED_AT, random_history
from tests.engine.samples import PAYING, TWO_VERSIONS
from tests.simulation.memory import MemoryRecorder

STOPPED, RESUMED = ChargingStopped(reason="a bad night", at=AT), ChargingResumed(at=AT + DAY)
STOP = Stop(AT, "a bad night", "operator:cli")


def record(recorder, decision, actor: str = "operator:cli"):
    return record_operation(recorder, decision, actor=actor, cause="test")


def stop(recorder, reason: str = "a bad night", at=AT, actor: str = "operator:cli"):
    return record(recorder, lambda stopped: stop_charging(stopped, reason, at), actor)


def resume(recorder, at=AT + DAY, actor: str = "operator:cli"):
    return record(recorder, lambda stopped: resume_charging(stopped, at), actor)


# Decisions


def test_stopping_what_runs_and_resuming_what_is_stopped_are_facts():
    assert stop_charging(None, "a bad night", AT) == (STOPPED,)
    assert resume_charging(STOP, AT + DAY) == (RESUMED,)


def test_stopping_again_for_the_same_reason_or_resuming_what_runs_is_no_fact():
    assert stop_charging(STOP, "a bad night", AT + DAY) == ()
    assert resume_charging(None, AT) == ()


def test_another_reason_for_the_stop_is_a_fact_and_keeps_its_beginning():
    (again,) = stop_charging(STOP, "worse than thought", AT + HOUR)
    assert stop_after(STOP, again, "operator:7") == Stop(AT, "worse than thought", "operator:7")


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_stop_without_a_reason_is_refused(reason):
    with pytest.raises(Refused) as refused:
        stop_charging(None, reason, AT)
    assert (refused.value.code, refused.value.field) == ("reason_missing", "reason")


@pytest.mark.parametrize("reason", ["two\nlines", "nul\0", "half \ud800", "x" * 201, "of 4242424242424242"])
def test_a_reason_is_one_short_line_without_a_card_number(reason):
    with pytest.raises(Refused) as refused:
        stop_charging(None, reason, AT)
    assert (refused.value.code, refused.value.field) == ("reason_invalid", "reason")


def test_after_resuming_there_is_no_stop_and_facts_of_cards_change_nothing():
    assert stop_after(STOP, RESUMED, "operator:cli") is None
    assert stop_after(STOP, PAYING[0], "consumer") == STOP


def test_a_clock_is_confirmed_once_for_the_facts_that_are_later_than_it():
    (fact,) = confirm_clock(None, AT + DAY, "ntp was wrong", AT)
    assert fact == ClockConfirmed(until=AT + DAY, reason="ntp was wrong", at=AT)
    assert confirmed_until([STOPPED, fact, RESUMED]) == AT + DAY
    assert confirm_clock(AT + DAY, AT + DAY, "ntp was wrong", AT + HOUR) == ()
    assert confirm_clock(AT + DAY, AT + 2 * DAY, "ntp was wrong", AT + HOUR)
    assert stop_after(STOP, fact, "operator:7") == STOP


@pytest.mark.parametrize("later", [-DAY, CLOCK_SKEW_MAX])
def test_a_clock_that_is_not_behind_the_facts_is_not_confirmed(later):
    with pytest.raises(Refused) as refused:
        confirm_clock(None, AT + later, "ntp was wrong", AT)
    assert refused.value.code == "clock_not_behind"


def test_a_clock_is_not_confirmed_without_a_reason():
    with pytest.raises(Refused) as refused:
        confirm_clock(None, AT + DAY, " ", AT)
    assert (refused.value.code, refused.value.field) == ("reason_missing", "reason")


# Their stream


@pytest.fixture(params=["PostgreSQL", "memory"])
def any_recorder(request):
    return request.getfixturevalue("recorder") if request.param == "PostgreSQL" else MemoryRecorder(lambda: RECORDED_AT)


def test_the_log_holds_who_stopped_and_resumed_when_and_why(any_recorder):
    assert stop(any_recorder) == STOP
    assert resume(any_recorder, actor="operator:7") is None
    history = operations_history(any_recorder)
    assert [one.fact for one in history] == [STOPPED, RESUMED]
    assert [one.actor for one in history] == ["operator:cli", "operator:7"]
    assert [(one.card_id, one.version, one.last, one.wake_at) for one in history] == [
        (OPERATIONS_ID, 1, True, None),
        (OPERATIONS_ID, 2, True, None),
    ]


def test_stopping_again_returns_the_stop_as_it_was_and_no_fact(any_recorder):
    stop(any_recorder)
    assert stop(any_recorder, at=AT + HOUR, actor="operator:7") == STOP
    assert len(operations_history(any_recorder)) == 1


def test_after_a_conflict_an_operation_is_decided_again(any_recorder):
    def overtaken(stopped):
        if stopped is None:
            stop(any_recorder, "somebody was faster", actor="operator:7")
        return stop_charging(stopped, "a bad night", AT + HOUR)

    assert record(any_recorder, overtaken) == STOP
    assert [one.actor for one in operations_history(any_recorder)] == ["operator:7", "operator:cli"]


def test_repeated_conflicts_raise_an_error(any_recorder):
    def always_overtaken(stopped):
        (resume if stopped else stop)(any_recorder)
        return stop_charging(stopped, "another reason", AT)

    with pytest.raises(BaohaoError, match=f"{CONFLICT_TRIES} times"):
        record(any_recorder, always_overtaken)


def test_a_card_that_has_a_fact_of_operations_is_corrupt(store):
    stream = Stream(OPERATIONS_ID, None, 0, None)
    card = random_history(1, 3).card
    store.append_many([Append(stream, (STOPPED,), card, None, "cause", actor("operator", "tests"))])
    assert isinstance(store.load_many([OPERATIONS_ID])[OPERATIONS_ID], BaohaoError)


def test_a_stream_of_operations_with_a_fact_of_a_card_is_corrupt(store, recorder):
    card = random_history(1, 3).card
    stream = Stream(OPERATIONS_ID, None, 0, None)
    store.append_many([Append(stream, (PAYING[0],), card, None, "cause", actor("operator", "tests"))])
    with pytest.raises(CorruptHistoryError, match="operations, version 1: CardRegistered is no fact"):
        operations_history(recorder)


def test_no_card_is_registered_under_the_id_of_operations():
    register = command(RegisterCard, card_id=OPERATIONS_ID)
    with pytest.raises(Refused) as refused:
        decide(register, None, TWO_VERSIONS, AT, no_older_charge)
    assert (refused.value.code, refused.value.field) == ("reserved_id", "card_id")


# A restore


def begin(recorder, since=AT, at=AT + HOUR, reason: str = "the disk died"):
    decided = begin_restore(since, reason, at)
    return record_restore(recorder, lambda _: decided, actor="operator:cli", cause="test")


def end(recorder, left: int, reason: str | None = None, at=AT + DAY):
    def decide(restore):
        return end_restore(restore, left, reason, at)

    return record_restore(recorder, decide, actor="operator:cli", cause="test")


def test_a_restore_begins_and_ends_once_beside_a_stop(any_recorder):
    stop(any_recorder)
    assert begin(any_recorder) == Restore(Gap(AT, AT + HOUR), "the disk died", "operator:cli")
    assert end(any_recorder, left=0).ended
    assert end(any_recorder, left=0).ended
    assert [one.fact for one in operations_history(any_recorder)] == [
        STOPPED,
        RestoreBegun(since=AT, reason="the disk died", at=AT + HOUR),
        RestoreEnded(at=AT + DAY),
    ]


def test_begun_again_the_gap_of_a_restore_grows():
    first = Restore(Gap(AT, AT + HOUR), "the disk died", "operator:cli")
    again = RestoreBegun(since=AT + HOUR, reason="again", at=AT + DAY)
    assert restore_after(first, again, "operator:7") == Restore(Gap(AT, AT + DAY), "again", "operator:7")
    assert restore_after(replace(first, ended=True), again, "operator:7").gap == Gap(AT + HOUR, AT + DAY)


def test_a_restore_does_not_end_while_something_is_left_unless_there_is_a_reason(any_recorder):
    begin(any_recorder)
    with pytest.raises(Refused) as refused:
        end(any_recorder, left=1)
    assert (refused.value.code, refused.value.field) == ("restore_unfinished", "reason")
    assert end(any_recorder, left=1, reason="the card is unknown").ended
    assert operations_history(any_recorder)[-1].fact.reason == "the card is unknown"
    assert end_restore(None, 5, None, AT) == ()
