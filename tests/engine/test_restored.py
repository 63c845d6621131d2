"""After a restore from a backup: all charges of the gap are looked up, recorded, and only then is anything sent."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from engine.card.attempt import ChargeAttempted
from engine.card.charge import renew_now
from engine.card.custody import CardClosed
from engine.card.found import close_gap
from engine.card.gap import GapClosed, attempt_id_of
from engine.card.ids import derived_id
from engine.card.recall import Past
from engine.card.top_ups import TopUpStarted, top_up
from engine.card.waking import Deferred
from engine.money import Money
from engine.ports import ChargesFound, ListChargesRequest, Unclear
from engine.rules import Gap
from tests.engine.given_when_then import fact, given
from tests.engine.recorded_history import History
from tests.engine.restored_cards import (
    BACKUP_AT,
    CLOSED,
    COMPLETE_AT,
    MOVED,
    RESTORED,
    RESTORED_AT,
    WAITS,
    found,
    nothing_older,
)
from tests.engine.samples import (
    CARD_ID,
    CHARGING,
    OPENS_AT,
    PAID,
    PAYING,
    POLICY,
    RULES,
    TEN,
    attempt_id,
)

# Before anything is sent


@pytest.mark.parametrize(
    "history",
    [PAYING, CHARGING, PAID, (*PAYING, CardClosed(reason="x", balance=Money(minor=0, currency="CNY"), at=BACKUP_AT))],
    ids=["unpaid", "open", "paid", "closed"],
)
def test_after_a_restore_a_card_does_nothing_before_its_charges_are_looked_up(history):
    given(*history).at(RESTORED_AT + timedelta(minutes=1), RESTORED).looks_up_its_charges()


def test_the_question_is_about_the_card_since_a_day_before_the_gap_and_charges_nothing():
    history = History(*PAYING, rules=RESTORED).wakes(RESTORED_AT)
    assert history.question.request == ListChargesRequest(since=BACKUP_AT - timedelta(days=1), card_id=CARD_ID)
    assert history.question.kind == "charges"


def test_the_holder_cannot_ask_for_a_charge_meanwhile():
    given(*PAYING).when(renew_now, RESTORED, at=RESTORED_AT).refused("restored")
    given(*PAYING).when(top_up, RESTORED, amount=TEN, at=RESTORED_AT).refused("restored")


def test_nothing_is_sent_before_the_gateways_list_is_certainly_complete():
    found(given(*PAYING), at=RESTORED_AT).then(WAITS)
    found(given(*PAYING), at=COMPLETE_AT - timedelta(seconds=1)).then(WAITS)
    found(given(*PAYING)).then(CLOSED, MOVED)


def test_without_an_answer_the_gateway_is_asked_again():
    again = RESTORED_AT + POLICY.ask_again_after[1]
    asked = given(*PAYING).when(
        close_gap, Unclear(reason="timeout"), RESTORED, Past(nothing_older, nothing_older, tuple), at=RESTORED_AT
    )
    asked.then(fact(Deferred, reason="restored", until=again))


def test_a_policy_with_one_pause_asks_again_after_that():
    policy = POLICY.model_copy(update={"ask_again_after": POLICY.ask_again_after[:1]})
    once, past = replace(RESTORED, policy=policy), Past(nothing_older, nothing_older, tuple)
    asked = given(*PAYING).when(close_gap, Unclear(reason="timeout"), once, past, at=RESTORED_AT)
    asked.then(fact(Deferred, until=RESTORED_AT + POLICY.ask_again_after[0]))


def test_a_closed_gap_is_closed_once_and_another_restore_opens_another():
    closed = (*PAYING, GapClosed(until=RESTORED_AT, at=COMPLETE_AT))
    found(given(*closed)).nothing()
    later = replace(RULES, restored=Gap(RESTORED_AT, COMPLETE_AT + timedelta(days=9)))
    given(*closed).at(COMPLETE_AT + timedelta(days=9), later).looks_up_its_charges()


# And then


def test_after_the_gap_the_card_goes_on_with_keys_that_were_never_used():
    history = History(*PAYING, rules=RESTORED).wakes(RESTORED_AT)
    history.answered(ChargesFound(charges=()))
    assert history.wake_at == COMPLETE_AT
    history.wakes().answered(ChargesFound(charges=()))
    made = next(one.fact for one in history.records if isinstance(one.fact, ChargeAttempted))
    assert made.attempt_id != attempt_id()
    assert made.attempt_id == derived_id(CARD_ID, f"renewal:1:visa:1:after {RESTORED_AT.isoformat()}")
    history.paid()
    assert history.card.term.number == 1


def test_after_the_gap_a_top_up_has_a_key_that_was_never_used():
    closed = (*PAYING, GapClosed(until=RESTORED_AT, at=COMPLETE_AT))
    begun = TopUpStarted(number=1, amount=TEN, automatic=False, at=COMPLETE_AT)
    made = given(*closed, begun).at(COMPLETE_AT).facts[0]
    assert made.attempt_id == attempt_id_of(given(*closed).card, "top_up:1", "visa", 1)
    assert made.attempt_id != derived_id(CARD_ID, "top_up:1:visa:1")


def test_without_a_restore_ids_are_what_they_always_were():
    assert given(*PAYING).at(OPENS_AT).facts[1].attempt_id == attempt_id()
