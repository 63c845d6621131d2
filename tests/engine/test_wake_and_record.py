"""Wakes and answers over the real store: one renewal step by step, then many cards in a batch."""

from datetime import date
from uuid import uuid4

from msgspec import json
from msgspec.structs import replace

from engine.calendar import local_date
from engine.card.attempt import ChargeAttempted, ChargeOutcomeUnknown
from engine.card.card import STATE_VERSION
from engine.card.deadlines import ChargingBlocked
from engine.card.decline import ChargeFailed
from engine.card.payments import ChargeSucceeded
from engine.card.term import CardRenewed, RenewalStarted
from engine.card.waking import Deferred
from engine.catalogue import Catalogue
from engine.errors import BaohaoError, CorruptHistoryError, Refused, UnknownFactError
from engine.news import News
from engine.ports import Charged, ChargeRequest, Declined, Refunded, Unclear
from engine.questions import Question
from engine.store.port import StoredFact
from engine.store.streams import with_checksum
from tests.engine.engine_calls import LATER, bind, enable, execute, kinds, paying, register, switch_off, wake
from tests.engine.random_histories import RECORDED_AT
from tests.engine.samples import (
    AGREED_AT,
    BUDGET,
    CATALOGUE,
    ENDS_AT,
    MONTH_PRICE,
    OPENS_AT,
    PAYPAL,
    POLICY,
    REGISTERED_AT,
    RULES,
    SECOND,
    VISA,
    ZONE,
)


def charged(question: Question) -> Charged:
    request = question.request
    return Charged(attempt_id=request.attempt_id, amount=request.amount, gateway_ref="ref-1")


# One renewal


def test_a_due_card_becomes_a_question_and_its_answer_a_renewal(engine, store):
    [card_id] = paying(engine)
    settled = wake(engine, card_id)
    [question] = settled.questions
    [attempted] = [one.fact for one in store.history(card_id) if isinstance(one.fact, ChargeAttempted)]
    assert question.request == ChargeRequest(
        attempt_id=attempted.attempt_id,
        card_id=card_id,
        purpose="renewal:1",
        token="tok-visa",
        amount=MONTH_PRICE,
        attempted_at=attempted.at,
    )
    assert (question.learned, question.cause, settled.facts, settled.failed) == ("sent", f"due-{card_id}", 2, {})

    settled = engine.record([(question, charged(question))], RULES, LATER + SECOND)
    assert (settled.questions, settled.failed, settled.facts) == ([], {}, 2)
    assert kinds(store, card_id) == [RenewalStarted, ChargeAttempted, ChargeSucceeded, CardRenewed]
    stream = store.load_many([card_id])[card_id]
    assert (stream.card.term.number, stream.card.term.ends_on) == (1, date(2026, 5, 1))
    assert local_date(stream.wake_at, ZONE) == date(2026, 4, 21)  # to tell of the next charge


def test_the_envelope_says_what_led_to_a_fact_and_who_acted(engine, store):
    [card_id] = paying(engine)
    engine.record([(question, charged(question)) for question in wake(engine, card_id).questions], RULES, LATER)
    history = store.history(card_id)
    assert [one.cause for one in history[:3]] == [
        f"register-{card_id}",
        f"bind-visa-{card_id}",
        f"enable-1-1-{card_id}",
    ]
    assert {one.cause for one in history[3:]} == {f"due-{card_id}"}
    assert {one.actor for one in history[:3]} == {"holder:holder-1"}
    assert {one.actor for one in history[3:]} == {"system:consumer"}
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


def test_the_next_wake_continues_after_a_killed_consumer(engine, store):
    [card_id] = paying(engine)
    [lost] = wake(engine, card_id).questions
    assert wake(engine, card_id, at=LATER + BUDGET - SECOND).questions == []
    [again] = wake(engine, card_id, at=LATER + BUDGET).questions
    assert (again.request, again.learned) == (lost.request, "asked_again")
    assert kinds(store, card_id) == [RenewalStarted, ChargeAttempted]


def test_a_duplicate_message_leads_to_no_question_and_no_fact(engine):
    [card_id] = paying(engine)
    wake(engine, card_id)
    settled = wake(engine, card_id, at=LATER + SECOND)
    assert (settled.questions, settled.facts, settled.failed) == ([], 0, {})


def test_a_duplicate_answer_stores_nothing(engine, store):
    [card_id] = paying(engine)
    [question] = wake(engine, card_id).questions
    engine.record([(question, charged(question))], RULES, LATER)
    for reply in (charged(question), Unclear(reason="timeout"), Declined(code="do_not_honor")):
        settled = engine.record([(question, reply)], RULES, LATER + SECOND)
        assert (settled.facts, settled.questions, settled.failed) == (0, [], {})
    assert kinds(store, card_id).count(ChargeSucceeded) == 1


def test_an_answer_to_another_kind_of_question_fails_its_card_and_no_other(engine, store):
    one, other = wake(engine, *paying(engine, 2)).questions
    back = Refunded(refund_id=uuid4(), amount=one.request.amount, gateway_ref="back-1")
    settled = engine.record([(one, back), (other, charged(other))], RULES, LATER)
    [(card_id, error)] = settled.failed.items()
    assert (card_id, str(error)) == (one.request.card_id, "Refunded is no answer to a ChargeRequest")
    assert (kinds(store, card_id)[-1], kinds(store, other.request.card_id)[-1]) == (ChargeAttempted, CardRenewed)


def test_a_card_with_nothing_due_is_deferred_with_its_reason(engine, store):
    [card_id] = paying(engine)
    execute(engine, [switch_off(card_id)], RULES, REGISTERED_AT)
    assert REGISTERED_AT < store.load_many([card_id])[card_id].wake_at < ENDS_AT
    execute(engine, [enable(card_id, turn=2)], RULES, LATER)  # due at once; charging stops before its message comes
    stopped, recheck = replace(RULES, charging_stopped=True), RULES.policy.stopped_recheck
    assert wake(engine, card_id, rules=stopped).questions == []
    assert kinds(store, card_id)[-2:] == [RenewalStarted, ChargingBlocked]
    settled = wake(engine, card_id, at=LATER + recheck, rules=stopped)
    assert (settled.questions, settled.facts) == ([], 1)
    last = store.history(card_id)[-1]
    until = LATER + 2 * recheck
    assert last.fact == Deferred(reason="charging_stopped", until=until, at=LATER + recheck)
    assert last.wake_at == until


def test_two_answers_for_one_card_in_one_batch_are_both_recorded(engine, store):
    (card_id,) = paying(engine)
    (question,) = wake(engine, card_id).questions
    unclear = (question, Unclear(reason="timeout"))
    reply = Charged(attempt_id=question.request.attempt_id, amount=question.request.amount, gateway_ref="ref")
    settled = engine.record([unclear, (question, reply)], RULES, LATER + SECOND)
    assert not settled.failed
    assert kinds(store, card_id) == [
        RenewalStarted,
        ChargeAttempted,
        ChargeOutcomeUnknown,
        ChargeSucceeded,
        CardRenewed,
    ]


# Many cards in a batch


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


def test_a_card_that_fails_is_reported_and_no_other_fails(engine, store, connection):
    corrupt, gone, good = paying(engine, 3)
    connection.execute(
        "INSERT INTO card_events (originator_id, originator_version, topic, state) VALUES (%s, 4, 'x.v1', '{}')",
        (corrupt,),
    )
    other_plan, unknown = uuid4(), uuid4()
    execute(engine, [register(other_plan, "keep-cn"), bind(other_plan), enable(other_plan)], RULES, AGREED_AT)
    fewer = CATALOGUE.model_dump()
    del fewer["plans"]["keep-cn"], fewer["versions"][0]["prices"]["keep-cn"]
    rules = replace(RULES, catalogue=Catalogue.model_validate(fewer))
    settled = wake(engine, corrupt, unknown, other_plan, good, gone, rules=rules)
    agreed = {good, gone, other_plan}  # a plan that is sold no more is kept for those who have it
    assert {question.request.card_id for question in settled.questions} == agreed
    assert {card_id: type(error) for card_id, error in settled.failed.items()} == {
        corrupt: UnknownFactError,
        unknown: BaohaoError,
    }


def test_an_outcome_is_recorded_though_what_follows_from_it_cannot_be_decided(engine, store):
    """What follows is decided with what the machine has, such as its time zones; the outcome does not depend on it."""
    [card_id] = paying(engine)
    [question] = wake(engine, card_id).questions
    settled = engine.record([(question, charged(question))], replace(RULES, policy=None), LATER)
    assert list(settled.failed) == [card_id]  # nothing is decided without a policy
    broken = replace(RULES, policy=BrokenPolicy())
    at = OPENS_AT + SECOND  # the payment is recorded; when the next renewal opens cannot be said
    settled = engine.record([(question, charged(question))], broken, at)
    assert (settled.failed, settled.facts) == ({}, 2)
    assert kinds(store, card_id)[2:] == [ChargeSucceeded, CardRenewed]
    assert store.load_many([card_id])[card_id].wake_at == at  # the next wake tells what is wrong
    assert isinstance(wake(engine, card_id, at=at, rules=broken).failed[card_id], Refused)


class BrokenPolicy:
    """One that does not know when renewals open."""

    def __getattr__(self, name):
        if name == "lead_days":
            raise Refused("unknown_plan", "there is no such plan")
        return getattr(POLICY, name)


# A wrong state


def test_a_state_that_forgot_its_attempt_makes_no_second_one_and_the_others_of_the_batch_are_charged(
    engine, store, connection
):
    forgetful, other = paying(engine, 2)
    before = store.load_many([forgetful])[forgetful]
    wake(engine, forgetful)
    [*_, last] = store.history(forgetful)
    stored = StoredFact(forgetful, last.version, "charge_attempted.v1", state_of(connection, forgetful, last.version))
    state = with_checksum(stored, json.encode({"card": before.card, "wake_at": before.wake_at}))
    connection.execute(
        "INSERT INTO card_events_snapshots VALUES (%s, %s, %s, %s)", (forgetful, last.version, STATE_VERSION, state)
    )
    result = wake(engine, forgetful, other)
    assert [question.card_id for question in result.questions] == [other]
    assert isinstance(result.failed[forgetful], CorruptHistoryError)
    assert "its next attempt is in the log already" in str(result.failed[forgetful])
    assert store.history(forgetful)[-1] == last


def state_of(connection, card_id, version):
    query = "SELECT state FROM card_events WHERE originator_id = %s AND originator_version = %s"
    return connection.execute(query, (card_id, version)).fetchone()[0]


# News


def test_news_of_many_cards_call_for_one_look_up_each_and_record_nothing(engine, store):
    open_card, declined = paying(engine, 2)
    questions = {one.card_id: one for one in wake(engine, open_card, declined).questions}
    engine.record([(questions[declined], Declined(code="insufficient_funds"))], RULES, LATER)
    before = store.load_many([open_card, declined])
    news = [News(one.card_id, one.request.attempt_id, None, "news") for one in questions.values()]
    asked = engine.look_ups([*news, News(uuid4(), uuid4(), None, "news")], RULES)
    assert [one and (one.card_id, one.kind) for one in asked] == [
        *((one.card_id, "look_up") for one in questions.values()),
        None,
    ]
    assert store.load_many([open_card, declined]) == before
    assert [card.card_id for card in engine.cards([open_card, uuid4()])] == [open_card]
