"""Histories as the log holds them: which cards, which days, and what operators did for all of them."""

from datetime import timedelta

import pytest

from engine.envelope import card_fact
from engine.operations import ChargingResumed, ChargingStopped, PaymentCardAllowed
from engine.store.operations import record_operation
from projections.follow import follow
from projections.live import LIVE
from projections.whatif.histories import (
    NothingToReplayError,
    Span,
    cards_of,
    operators_facts,
    read_past,
    span_of_log,
)
from tests.engine.payment_cards import AT, DAY
from tests.engine.random_histories import random_history, store_all

SPAN = Span(AT, AT + 10 * DAY)


def operate(recorder, *facts) -> None:
    record_operation(recorder, lambda _: facts, actor="operator:cli", cause="test")


@pytest.fixture
def lives(store):
    made = [random_history(seed, 30) for seed in range(6)]
    store_all(store, made)
    return made


def test_stops_are_spans_and_the_last_one_lasts(connection, recorder):
    allowed = PaymentCardAllowed(fingerprint="fp-1", reason="good", at=AT + 2 * DAY)
    operate(recorder, ChargingStopped(reason="a bad night", at=AT))
    operate(recorder, ChargingStopped(reason="a worse one", at=AT + DAY))
    operate(recorder, allowed)
    operate(recorder, ChargingResumed(at=AT + 3 * DAY))
    operate(recorder, ChargingStopped(reason="again", at=AT + 5 * DAY))
    given = operators_facts(connection, SPAN)
    assert given.stops == ((AT, AT + 3 * DAY), (AT + 5 * DAY, SPAN.until))
    assert given.allowed == (allowed,)


def test_cards_come_by_their_ids_and_by_their_plan(connection, recorder, lives):
    operate(recorder, ChargingResumed(at=AT))
    while follow(connection, LIVE, 1000).fact_count:
        pass
    ids = sorted(life.card_id for life in lives)
    assert cards_of(connection, None, 100) == ids
    assert cards_of(connection, None, 2) == ids[:2]
    plans = dict(connection.execute("SELECT card_id, plan FROM cards").fetchall())
    [plan, *_] = plans.values()
    assert cards_of(connection, plan, 100) == [one for one in ids if plans[one] == plan]
    assert cards_of(connection, "none", 100) == []


def test_the_days_end_where_the_log_ends(connection, store, lives):
    first = card_fact(store.history(lives[0].card_id)[0]).at
    span = span_of_log(connection, None, None)
    assert span.since <= first
    assert span_of_log(connection, first, span.until + 100 * DAY) == Span(first, span.until)
    with pytest.raises(NothingToReplayError, match="nothing is left to replay "):
        span_of_log(connection, span.until, None)


def test_every_card_is_replayed_or_left_out_for_a_reason(connection, lives):
    told = []
    ids = cards_of(connection, None, 100)
    span = span_of_log(connection, None, None)
    past = read_past(
        connection, ids, span._replace(until=span.until + timedelta(days=9999)), lambda *so: told.append(so)
    )
    assert len(past.histories) + past.left_out.total() == len(lives)
    assert told[-1] == (len(ids), len(ids))


def test_a_card_with_a_fact_that_is_missing_is_left_out(connection, lives):
    connection.execute("ALTER TABLE card_events DISABLE TRIGGER USER")
    gone = lives[0].card_id
    connection.execute("DELETE FROM card_events WHERE originator_id = %s AND originator_version = 2", (gone,))
    past = read_past(connection, [gone], span_of_log(connection, None, None), lambda *_: None)
    assert (past.histories, past.left_out) == ([], {"a fact of them is missing or cannot be read": 1})


def test_an_empty_log_has_nothing_to_replay(connection):
    with pytest.raises(NothingToReplayError, match="the log is empty"):
        span_of_log(connection, None, None)
