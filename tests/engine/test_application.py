"""The engine over the real store: wake, ask, record; commands; and what happens when two do so at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from threading import Barrier
from uuid import UUID, uuid4

import pytest

from engine.application import CONFLICT_TRIES, Engine, Question
from engine.calendar import local_date
from engine.card.events import (
    AutoRenewEnabled,
    AutoRenewSwitchedOff,
    CardRenewed,
    ChargeAttempted,
    ChargeFailed,
    ChargeOutcomeUnknown,
    ChargeSucceeded,
    Deferred,
    PaymentMethodBound,
    RenewalStarted,
)
from engine.catalogue import Catalogue
from engine.commands import BindPaymentMethod, EnableAutoRenew, RegisterCard, SwitchOffAutoRenew
from engine.errors import BaohaoError, CorruptHistoryError, Refused
from engine.ports import Charged, ChargeRequest, Declined, Unclear
from engine.store import Store
from tests.engine.lives import RECORDED_AT
from tests.engine.samples import (
    BUDGET,
    CATALOGUE,
    ENDS_AT,
    MONTH_PRICE,
    OPENS_AT,
    PAYPAL,
    REGISTERED_AT,
    RULES,
    SECOND,
    VISA,
    ZONE,
    local,
)

LATER = OPENS_AT + timedelta(hours=2)
"""Whatever its place in the charge hour, each card of these tests is due by then."""


@pytest.fixture
def engine(store) -> Engine:
    return Engine(store, lambda: RECORDED_AT)


@pytest.fixture
def new_engine(new_recorder):
    """Makes engines with connections of their own, over whatever kind of store."""

    def make(kind: type[Store] = Store) -> Engine:
        return Engine(kind(new_recorder(), "tests"), lambda: RECORDED_AT)

    return make


def register(card_id: UUID, plan: str = "keep-short") -> RegisterCard:
    return RegisterCard(
        command_id=f"register-{card_id}",
        card_id=card_id,
        holder_id="holder-1",
        plan=plan,
        currency="CNY",
        zone=ZONE,
        starts_on=date(2026, 3, 1),
        months=1,
    )


def bind(card_id: UUID, method=VISA) -> BindPaymentMethod:
    return BindPaymentMethod(command_id=f"bind-{method.method_id}-{card_id}", card_id=card_id, method=method)


def enable(card_id: UUID, months: int = 1) -> EnableAutoRenew:
    command_id = f"enable-{months}-{card_id}"
    return EnableAutoRenew(command_id=command_id, card_id=card_id, months=months, terms_version="1", channel="web")


def switch_off(card_id: UUID) -> SwitchOffAutoRenew:
    return SwitchOffAutoRenew(command_id=f"off-{card_id}", card_id=card_id)


def paying(engine: Engine, count: int = 1, *methods) -> list[UUID]:
    """Cards whose holders pay by these methods, month by month."""
    cards = [uuid4() for _ in range(count)]
    commands = [
        command
        for card_id in cards
        for command in (register(card_id), *(bind(card_id, m) for m in methods or (VISA,)), enable(card_id))
    ]
    assert all(engine.execute(commands, RULES, REGISTERED_AT))
    return cards


def wake(engine: Engine, *cards: UUID, at=LATER, rules=RULES):
    return engine.wake({card_id: f"due-{card_id}" for card_id in cards}, rules, at)


def kinds(store: Store, card_id: UUID) -> list[type]:
    """The facts of a card after those that made it pay."""
    return [type(one.fact) for one in store.history(card_id)[3:]]


def charged(question: Question) -> Charged:
    request = question.request
    return Charged(attempt_id=request.attempt_id, amount=request.amount, gateway_ref="ref-1")


# The way of one renewal


def test_a_due_card_becomes_a_question_and_its_answer_a_renewal(engine, store):
    [card_id] = paying(engine)
    settled = wake(engine, card_id)
    [question] = settled.questions
    [attempted] = [one.fact for one in store.history(card_id) if isinstance(one.fact, ChargeAttempted)]
    assert question.request == ChargeRequest(
        attempt_id=attempted.attempt_id, card_id=card_id, purpose="renewal:1", token="tok-visa", amount=MONTH_PRICE
    )
    assert (question.learned, question.cause, settled.facts, settled.failed) == ("sent", f"due-{card_id}", 2, {})

    settled = engine.record([(question, charged(question))], RULES, LATER + SECOND)
    assert (settled.questions, settled.failed, settled.facts) == ([], {}, 2)
    assert kinds(store, card_id) == [RenewalStarted, ChargeAttempted, ChargeSucceeded, CardRenewed]
    stream = store.load_many([card_id])[card_id]
    assert (stream.card.term.number, stream.card.term.ends_on) == (1, date(2026, 5, 1))
    assert local_date(stream.wake_at, ZONE) == date(2026, 4, 28)


def test_the_envelope_says_what_led_to_a_fact(engine, store):
    [card_id] = paying(engine)
    engine.record([(question, charged(question)) for question in wake(engine, card_id).questions], RULES, LATER)
    history = store.history(card_id)
    assert [one.cause for one in history[:3]] == [f"register-{card_id}", f"bind-visa-{card_id}", f"enable-1-{card_id}"]
    assert {one.cause for one in history[3:]} == {f"due-{card_id}"}
    assert {one.recorded_at for one in history} == {RECORDED_AT}
    assert [one.last for one in history] == [True, True, True, False, True, False, True]
    assert history[4].wake_at == LATER + BUDGET  # the intent: if nobody answers, ask again


def test_a_decline_leads_to_the_next_method_at_once(engine, store):
    [card_id] = paying(engine, 1, VISA, PAYPAL)
    [question] = wake(engine, card_id).questions
    settled = engine.record([(question, Declined(code="expired_card"))], RULES, LATER)
    [question] = settled.questions
    assert (question.request.token, question.learned) == ("tok-paypal", "sent")
    engine.record([(question, charged(question))], RULES, LATER)
    assert kinds(store, card_id)[-4:] == [ChargeFailed, ChargeAttempted, ChargeSucceeded, CardRenewed]


def test_an_unknown_outcome_is_asked_about_with_the_very_same_request(engine, store):
    [card_id] = paying(engine)
    [question] = wake(engine, card_id).questions
    assert engine.record([(question, Unclear(reason="timeout"))], RULES, LATER).questions == []
    wake_at = store.load_many([card_id])[card_id].wake_at
    [again] = wake(engine, card_id, at=wake_at).questions
    assert (again.request, again.learned) == (question.request, "asked_again")
    engine.record([(again, charged(again))], RULES, wake_at)
    assert kinds(store, card_id)[-3:] == [ChargeOutcomeUnknown, ChargeSucceeded, CardRenewed]


def test_a_killed_consumer_is_made_good_by_the_next_wake(engine, store):
    [card_id] = paying(engine)
    [lost] = wake(engine, card_id).questions
    assert wake(engine, card_id, at=LATER + BUDGET - SECOND).questions == []
    [again] = wake(engine, card_id, at=LATER + BUDGET).questions
    assert (again.request, again.learned) == (lost.request, "asked_again")
    assert kinds(store, card_id) == [RenewalStarted, ChargeAttempted]


def test_a_doubled_message_asks_nothing_and_stores_nothing(engine):
    [card_id] = paying(engine)
    wake(engine, card_id)
    settled = wake(engine, card_id, at=LATER + SECOND)
    assert (settled.questions, settled.facts, settled.failed) == ([], 0, {})


def test_a_doubled_answer_stores_nothing(engine, store):
    [card_id] = paying(engine)
    [question] = wake(engine, card_id).questions
    engine.record([(question, charged(question))], RULES, LATER)
    for said in (charged(question), Unclear(reason="timeout"), Declined(code="do_not_honor")):
        settled = engine.record([(question, said)], RULES, LATER + SECOND)
        assert (settled.facts, settled.questions, settled.failed) == (0, [], {})
    assert kinds(store, card_id).count(ChargeSucceeded) == 1


def test_a_card_woken_in_vain_says_why_and_is_put_off(engine, store):
    [card_id] = paying(engine)
    engine.execute([switch_off(card_id)], RULES, REGISTERED_AT)
    assert store.load_many([card_id])[card_id].wake_at == ENDS_AT
    engine.execute([enable(card_id)], RULES, LATER)  # due at once; charging stops before its message comes
    settled = wake(engine, card_id, rules=replace(RULES, charging_stopped=True))
    assert (settled.questions, settled.facts) == ([], 1)
    last = store.history(card_id)[-1]
    assert last.fact == Deferred(reason="charging_stopped", until=LATER + timedelta(hours=1), at=LATER)
    assert last.wake_at == LATER + timedelta(hours=1)


# Many cards at a time


def test_a_batch_gives_each_card_its_own_question(engine):
    cards = paying(engine, 40)
    settled = wake(engine, *cards)
    assert {question.request.card_id for question in settled.questions} == set(cards)
    assert settled.facts == 80
    answers = [
        (question, charged(question) if number % 2 else Unclear(reason="timeout"))
        for number, question in enumerate(settled.questions)
    ]
    assert engine.record(answers, RULES, LATER).facts == 60


def test_a_card_that_fails_is_named_and_harms_no_other(engine, store, connection):
    corrupt, gone, good = paying(engine, 3)
    connection.execute(
        "INSERT INTO card_events (originator_id, originator_version, topic, state) VALUES (%s, 4, 'x.v1', '{}')",
        (corrupt,),
    )
    other_plan, unknown = uuid4(), uuid4()
    engine.execute([register(other_plan, "keep-cn"), bind(other_plan), enable(other_plan)], RULES, REGISTERED_AT)
    fewer = CATALOGUE.model_dump()
    del fewer["plans"]["keep-cn"]
    rules = replace(RULES, catalogue=Catalogue.model_validate(fewer))
    settled = wake(engine, corrupt, unknown, other_plan, good, gone, rules=rules)
    assert {question.request.card_id for question in settled.questions} == {good, gone}
    assert {card_id: type(error) for card_id, error in settled.failed.items()} == {
        corrupt: CorruptHistoryError,
        unknown: BaohaoError,
        other_plan: Refused,
    }
    assert kinds(store, other_plan) == []


def test_an_outcome_is_recorded_though_what_follows_from_it_cannot_be_decided(engine, store):
    """Paid so late in a long grace that the next renewal opens at once, of a plan that is gone."""
    card_id, told = uuid4(), CATALOGUE.model_dump()
    told["keep_rules"]["reach-brand"] |= {"grace_days": 180, "reclaim_days": 270}
    rules = replace(RULES, catalogue=Catalogue.model_validate(told))
    engine.execute([register(card_id), bind(card_id), enable(card_id)], rules, REGISTERED_AT)
    at = local("2026-04-29 12:00")
    [question] = wake(engine, card_id, at=at, rules=rules).questions
    del told["plans"]["keep-short"]
    rules = replace(RULES, catalogue=Catalogue.model_validate(told))
    settled = engine.record([(question, charged(question))], rules, at)
    assert (settled.failed, settled.facts) == ({}, 2)
    assert kinds(store, card_id)[2:] == [ChargeSucceeded, CardRenewed]
    assert store.load_many([card_id])[card_id].wake_at == at  # the next wake tells what is wrong
    assert isinstance(wake(engine, card_id, at=at, rules=rules).failed[card_id], Refused)


# Two at once


def test_two_engines_that_wake_the_same_cards_charge_each_once(new_engine, store):
    cards = paying(new_engine(), 30)
    at_once = Barrier(2, timeout=20)

    def take(engine: Engine) -> list[Question]:
        at_once.wait()
        return wake(engine, *cards).questions

    with ThreadPoolExecutor(2) as pool:
        questions = [question for taken in pool.map(take, [new_engine(), new_engine()]) for question in taken]
    assert sorted(question.request.card_id for question in questions) == sorted(cards)
    for card_id in cards:
        assert kinds(store, card_id) == [RenewalStarted, ChargeAttempted]


def interrupted_by(interruptions: list) -> type[Store]:
    """A store where others get in between loading and appending, once for each of `interruptions`."""

    class Interrupted(Store):
        def append_many(self, appends, recorded_at):
            if interruptions:
                interruptions.pop(0)()
            return super().append_many(appends, recorded_at)

    return Interrupted


def test_in_conflict_a_card_is_loaded_and_decided_again(engine, new_engine, store):
    faster, other = paying(engine, 2)
    slow = new_engine(interrupted_by([lambda: engine.execute([switch_off(faster)], RULES, LATER)]))
    settled = wake(slow, faster, other)
    assert [question.request.card_id for question in settled.questions] == [other]
    assert settled.failed == {}
    assert kinds(store, faster) == [AutoRenewSwitchedOff]


def test_an_answer_is_recorded_though_the_card_changed_meanwhile(engine, new_engine, store):
    [card_id] = paying(engine)
    [question] = wake(engine, card_id).questions
    engine.execute([switch_off(card_id)], RULES, LATER)
    engine.record([(question, charged(question))], RULES, LATER + SECOND)
    assert kinds(store, card_id)[2:] == [AutoRenewSwitchedOff, ChargeSucceeded, CardRenewed]


def test_a_card_that_others_keep_changing_is_given_up_and_the_rest_is_not(engine, new_engine, store):
    busy, other = paying(engine, 2)
    changes = [
        partial(engine.execute, [enable(busy, months)], RULES, REGISTERED_AT) for months in [3, 6] * CONFLICT_TRIES
    ]
    left = list(changes)
    settled = wake(new_engine(interrupted_by(left)), busy, other)
    assert [question.request.card_id for question in settled.questions] == [other]
    assert list(settled.failed) == [busy]
    assert f"{CONFLICT_TRIES} times" in str(settled.failed[busy])
    assert len(changes) - len(left) == CONFLICT_TRIES
    assert ChargeAttempted not in kinds(store, busy)


# Commands


def test_commands_for_one_card_are_taken_in_their_order_each_in_the_light_of_the_one_before(engine, store):
    card_id, other = uuid4(), uuid4()
    commands = [
        enable(card_id),
        register(card_id),
        enable(card_id),
        register(other),
        bind(card_id),
        enable(card_id),
        enable(card_id),
        switch_off(card_id),
    ]
    unregistered, registered, no_method, also, bound, on, already, off = engine.execute(commands, RULES, REGISTERED_AT)
    assert (unregistered.code, no_method.code) == ("unknown_card", "no_payment_method")
    assert [type(one) for one in (*bound, *on, *off)] == [PaymentMethodBound, AutoRenewEnabled, AutoRenewSwitchedOff]
    assert (len(registered), len(also), already) == (1, 1, ())
    assert [one.fact for one in store.history(card_id)] == [*registered, *bound, *on, *off]  # refusals left no trace
    assert len(store.history(other)) == 1


def test_the_same_commands_again_change_nothing(engine):
    [card_id] = paying(engine)
    again = engine.execute([register(card_id), bind(card_id), enable(card_id)], RULES, LATER)
    assert again == [(), (), ()]


def test_a_command_decides_when_the_card_wakes_next(engine, store):
    [card_id] = paying(engine)
    assert local_date(store.load_many([card_id])[card_id].wake_at, ZONE) == date(2026, 3, 29)
    engine.execute([switch_off(card_id)], RULES, REGISTERED_AT)
    assert store.load_many([card_id])[card_id].wake_at == ENDS_AT
    engine.execute([enable(card_id)], RULES, local("2026-03-30 12:00"))
    assert store.load_many([card_id])[card_id].wake_at == local("2026-03-30 12:00")


def test_of_two_that_register_the_same_card_at_once_one_does(engine, new_engine, store):
    card_id = uuid4()
    slow = new_engine(interrupted_by([lambda: engine.execute([register(card_id)], RULES, REGISTERED_AT)]))
    assert slow.execute([register(card_id)], RULES, REGISTERED_AT) == [()]
    [refused] = slow.execute([register(card_id, "keep-cn")], RULES, REGISTERED_AT)
    assert refused.code == "already_registered"
    assert len(store.history(card_id)) == 1


def test_a_command_for_a_card_with_a_corrupt_history_is_told_so_and_no_other(engine, connection):
    corrupt, good = paying(engine, 2)
    connection.execute(
        "INSERT INTO card_events (originator_id, originator_version, topic, state) VALUES (%s, 4, 'x.v1', '{}')",
        (corrupt,),
    )
    first, second, off = engine.execute([switch_off(corrupt), bind(corrupt), switch_off(good)], RULES, LATER)
    assert isinstance(first, CorruptHistoryError)
    assert isinstance(second, CorruptHistoryError)
    assert [type(one) for one in off] == [AutoRenewSwitchedOff]


def test_no_commands_have_no_answers(engine):
    assert engine.execute([], RULES, LATER) == []
    assert wake(engine).facts == 0
