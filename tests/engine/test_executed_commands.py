"""Commands over the real store: executed in order, each with its reply."""

from datetime import date
from uuid import uuid4

from engine.calendar import local_date
from engine.card.consent import AutoRenewEnabled, AutoRenewSwitchedOff
from engine.card.methods import PaymentMethodBound
from engine.errors import CorruptHistoryError
from tests.engine.engine_calls import LATER, bind, enable, execute, paying, register, switch_off, wake
from tests.engine.samples import (
    PAYPAL,
    REGISTERED_AT,
    RULES,
    ZONE,
    local,
)


def test_commands_for_one_card_are_executed_in_order_each_on_the_result_of_the_one_before(engine, store):
    card_id, other = uuid4(), uuid4()
    commands = [
        enable(card_id),
        register(card_id),
        enable(card_id, turn=2),
        register(other),
        bind(card_id),
        enable(card_id, turn=3),
        enable(card_id, turn=4),
        switch_off(card_id),
    ]
    unregistered, registered, no_method, also, bound, on, already, off = execute(engine, commands, RULES, REGISTERED_AT)
    assert (unregistered.code, no_method.code) == ("unknown_card", "no_payment_method")
    assert [type(one) for one in (*bound, *on, *off)] == [PaymentMethodBound, AutoRenewEnabled, AutoRenewSwitchedOff]
    assert (len(registered), len(also), already) == (1, 1, ())
    assert [one.fact for one in store.history(card_id)] == [*registered, *bound, *on, *off]  # refusals left no trace
    assert len(store.history(other)) == 1


def test_a_command_decides_when_the_card_wakes_next(engine, store):
    [card_id] = paying(engine)
    assert local_date(store.load_many([card_id])[card_id].wake_at, ZONE) == date(2026, 3, 29)
    execute(engine, [switch_off(card_id)], RULES, REGISTERED_AT)
    assert local_date(store.load_many([card_id])[card_id].wake_at, ZONE) == date(2026, 3, 25)  # told of the end
    execute(engine, [enable(card_id, turn=2)], RULES, local("2026-03-30 12:00"))
    assert store.load_many([card_id])[card_id].wake_at == local("2026-03-30 12:00")


def test_commands_for_a_card_with_a_corrupt_history_fail_and_no_others(engine, connection):
    corrupt, good = paying(engine, 2)
    connection.execute(
        "INSERT INTO card_events (originator_id, originator_version, topic, state) VALUES (%s, 4, 'x.v1', '{}')",
        (corrupt,),
    )
    first, second, off = execute(engine, [switch_off(corrupt), bind(corrupt, PAYPAL), switch_off(good)], RULES, LATER)
    assert isinstance(first, CorruptHistoryError)
    assert isinstance(second, CorruptHistoryError)
    assert [type(one) for one in off] == [AutoRenewSwitchedOff]


def test_without_commands_there_are_no_replies(engine):
    assert execute(engine, [], RULES, LATER) == []
    assert wake(engine).facts == 0
