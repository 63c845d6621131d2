"""Conflicts over the real store: two processes decide for the same card at the same time."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from uuid import uuid4

import pytest

from engine.application import ROUNDS_MAX, Engine
from engine.card.attempt import ChargeAttempted
from engine.card.consent import AutoRenewSwitchedOff
from engine.card.methods import PaymentMethodBound
from engine.card.payments import ChargeSucceeded
from engine.card.term import CardRenewed, RenewalStarted
from engine.ports import Charged
from engine.questions import Question
from engine.store.streams import Store
from tests.engine.engine_calls import LATER, bind, enable, execute, kinds, paying, register, switch_off, wake
from tests.engine.recorded_history import CONSUMER
from tests.engine.samples import (
    PAYPAL,
    REGISTERED_AT,
    RULES,
    SECOND,
)


@pytest.fixture
def new_engine(new_recorder):
    """Makes engines with connections of their own, over whatever kind of store."""

    def make(kind: type[Store] = Store) -> Engine:
        return Engine(kind(new_recorder()), CONSUMER)

    return make


def interrupted_by(interruptions: list) -> type[Store]:
    """A store where others get in between loading and appending, once for each of `interruptions`."""

    class Interrupted(Store):
        def append_many(self, appends):
            if interruptions:
                interruptions.pop(0)()
            return super().append_many(appends)

    return Interrupted


def charged(question: Question) -> Charged:
    request = question.request
    return Charged(attempt_id=request.attempt_id, amount=request.amount, gateway_ref="ref-1")


def test_two_engines_that_wake_the_same_cards_charge_each_once(new_engine, store):
    cards = paying(new_engine(), 30)
    at_once = Barrier(2, timeout=60)

    def take(engine: Engine) -> list[Question]:
        at_once.wait()
        return wake(engine, *cards).questions

    with ThreadPoolExecutor(2) as pool:
        questions = [question for taken in pool.map(take, [new_engine(), new_engine()]) for question in taken]
    assert sorted(question.request.card_id for question in questions) == sorted(cards)
    for card_id in cards:
        assert kinds(store, card_id) == [RenewalStarted, ChargeAttempted]


def test_in_conflict_a_card_is_loaded_and_decided_again(engine, new_engine, store):
    faster, other = paying(engine, 2)
    slow = new_engine(interrupted_by([lambda: execute(engine, [switch_off(faster)], RULES, LATER)]))
    settled = wake(slow, faster, other)
    assert [question.request.card_id for question in settled.questions] == [other]
    assert settled.failed == {}
    assert kinds(store, faster) == [AutoRenewSwitchedOff]


def test_an_answer_is_recorded_though_the_card_changed_meanwhile(engine, new_engine, store):
    [card_id] = paying(engine)
    [question] = wake(engine, card_id).questions
    execute(engine, [switch_off(card_id)], RULES, LATER)
    engine.record([(question, charged(question))], RULES, LATER + SECOND)
    assert kinds(store, card_id)[2:] == [AutoRenewSwitchedOff, ChargeSucceeded, CardRenewed]


def put_back(connection, card_id, position: int) -> None:
    """The log is put back, under the running engine, to where it was."""
    connection.execute("SET session_replication_role = replica")  # past the triggers
    connection.execute("DELETE FROM card_events WHERE notification_id > %s", (position,))
    connection.execute("DELETE FROM card_events_snapshots WHERE card_id = %s", (card_id,))
    connection.execute("DELETE FROM card_events_tries")
    connection.execute("RESET session_replication_role")


def test_an_answer_is_not_recorded_in_a_log_that_was_put_back_to_before_its_attempt(engine, store, connection):
    [card_id] = paying(engine)
    (position,) = connection.execute("SELECT max(notification_id) FROM card_events").fetchone()
    [question] = wake(engine, card_id).questions
    put_back(connection, card_id, position)
    assert engine.record([(question, charged(question))], RULES, LATER + SECOND).facts == 0
    assert kinds(store, card_id) == []


def test_nor_where_as_many_other_facts_have_been_added_since(engine, store, connection):
    [card_id] = paying(engine)
    (position,) = connection.execute("SELECT max(notification_id) FROM card_events").fetchone()
    [question] = wake(engine, card_id).questions
    put_back(connection, card_id, position)
    execute(engine, [switch_off(card_id), bind(card_id, PAYPAL)], RULES, LATER)
    assert len(kinds(store, card_id)) == 2
    assert engine.record([(question, charged(question))], RULES, LATER + SECOND).facts == 0
    assert kinds(store, card_id) == [AutoRenewSwitchedOff, PaymentMethodBound]


def test_a_card_that_others_keep_changing_is_given_up_and_the_rest_is_not(engine, new_engine, store):
    busy, other = paying(engine, 2)
    changes = [
        partial(execute, engine, [enable(busy, 3 + 3 * (turn % 2), turn)], RULES, REGISTERED_AT)
        for turn in range(2 * ROUNDS_MAX)
    ]
    left = list(changes)
    settled = wake(new_engine(interrupted_by(left)), busy, other)
    assert [question.request.card_id for question in settled.questions] == [other]
    assert list(settled.failed) == [busy]
    assert f"in {ROUNDS_MAX} rounds" in str(settled.failed[busy])
    assert len(changes) - len(left) == ROUNDS_MAX
    assert ChargeAttempted not in kinds(store, busy)


def test_of_two_concurrent_registrations_of_a_card_one_is_accepted(engine, new_engine, store):
    card_id = uuid4()
    slow = new_engine(interrupted_by([lambda: execute(engine, [register(card_id)], RULES, REGISTERED_AT)]))
    [answer] = execute(slow, [register(card_id)], RULES, REGISTERED_AT)
    assert answer == (store.history(card_id)[0].fact,)
    otherwise = register(card_id, "keep-cn").model_copy(update={"command_id": "other"})
    [refused] = execute(slow, [otherwise], RULES, REGISTERED_AT)
    assert refused.code == "already_registered"
    assert len(store.history(card_id)) == 1
