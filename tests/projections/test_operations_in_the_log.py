"""Facts about stopping and resuming charging stand between those of cards: every reader of the log skips them."""

import pytest

from adapters.broker.contract import INTERNAL_FACTS, message_of
from engine.envelope import NAME_OF
from engine.notices import NOTICE_FACTS, notice_of
from engine.operations import OPERATIONS_ID, ChargingResumed, ChargingStopped
from engine.store.limits_rebuild import rebuild_limits
from engine.store.log import read_log, read_others
from engine.store.operations import record_operation
from projections.follow import follow
from projections.live import LIVE, MODELS, differences
from tests.engine.payment_cards import AT, DAY, HOUR, append, declined, limit_rows, tries
from tests.engine.random_histories import random_history, stored_round_by_round


def operate(recorder, at) -> None:
    """Stop charging, or resume it if it is stopped."""

    def decision(stop):
        return (ChargingResumed(at=at) if stop else ChargingStopped(reason="a bad night", at=at),)

    record_operation(recorder, decision, actor="operator:cli", cause="test")


@pytest.fixture
def mixed(store, recorder):
    """Lives of cards, with charging stopped and resumed in between, and a try that counts for a limit."""
    lives = [random_history(seed, 20) for seed in range(6)]
    for number, _ in enumerate(stored_round_by_round(store, lives)):
        operate(recorder, AT + number * HOUR)
    attempt = tries()
    store.append_many([append(attempt)])
    operate(recorder, AT + DAY)
    store.append_many([append(declined(attempt))])
    return lives


def test_every_read_model_skips_them(connection, mixed):
    while follow(connection, LIVE, 7).fact_count:
        pass
    rows = {}
    for model in MODELS:
        if any(column.name == "card_id" for column in model.columns):
            query = f"SELECT count(*), count(*) FILTER (WHERE card_id = %s) FROM {model.name}"
            rows[model.name] = connection.execute(query, (OPERATIONS_ID,)).fetchone()
    assert {name: of_operations for name, (_, of_operations) in rows.items()} == dict.fromkeys(rows, 0)
    assert rows.keys() == {model.name for model in MODELS}
    assert rows["cards"][0] == len(mixed)
    assert differences(connection, 1000) == dict.fromkeys(rows, 0)


def test_the_publisher_skips_them(connection, mixed):
    log = read_log(connection, 0, 10_000)
    ours = [one for one in log if one.card_id == OPERATIONS_ID]
    assert {type(one.fact) for one in ours} == {ChargingStopped, ChargingResumed}
    assert {message_of(one.fact) for one in ours} == {None}
    facts, upto = read_others(connection, INTERNAL_FACTS, 0, 10_000)
    assert facts == [one for one in log if message_of(one.fact) is not None]
    assert upto == log[-1].position


def test_no_holder_gets_a_notice_of_them(connection, mixed):
    log = read_log(connection, 0, 10_000)
    assert {notice_of(one) for one in log if one.card_id == OPERATIONS_ID} == {None}
    assert not {NAME_OF[ChargingStopped], NAME_OF[ChargingResumed]} & NOTICE_FACTS


def test_the_limits_are_rebuilt_as_they_were(connection, mixed):
    before = limit_rows(connection)
    assert before[0]
    rebuild_limits(connection)
    assert limit_rows(connection) == before
