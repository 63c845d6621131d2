"""Replanning after a change of rules: a fact where a card wakes at another time, and only there."""

from datetime import timedelta

from msgspec.structs import replace

from engine.actor import actor
from engine.card.custody import CardClosed
from engine.card.waking import Replanned
from engine.decisions import on_replan
from engine.errors import BaohaoError, UnknownFactError
from engine.rules import Rules
from tests.engine.engine_calls import LATER, kinds, paying, wake
from tests.engine.recorded_history import History
from tests.engine.samples import BUDGET, CATALOGUE, OPENS_AT, POLICY, REGISTERED_AT, RULES, SECOND

ANNA = actor("operator", "anna")
DAY = timedelta(days=1)
SOONER = Rules(POLICY.model_copy(update={"lead_days": POLICY.lead_days + 1}), CATALOGUE)
STOPPED = replace(RULES, charging_stopped=True)


def replanned(history: History, rules: Rules, at=REGISTERED_AT):
    """The facts and the wake time that the card then has; None where nothing is appended."""
    append = on_replan("policy 2", ANNA, rules, at)(history.stream, {}).append
    return None if append is None else (append.facts, append.wake_at)


def test_a_card_that_wakes_at_another_time_is_replanned_with_the_reason():
    sooner = OPENS_AT - DAY
    fact = Replanned(reason="renewal_opens", until=sooner, at=REGISTERED_AT)
    assert replanned(History(), SOONER) == ((fact,), sooner)


def test_a_card_that_is_due_by_the_new_rules_wakes_at_once():
    at = OPENS_AT - timedelta(hours=1)
    assert replanned(History(), SOONER, at) == ((Replanned(reason="due", until=at, at=at),), at)


def test_a_card_that_wakes_at_the_same_time_is_left_alone():
    assert replanned(History(), RULES) is None


def test_a_card_that_is_due_already_is_left_alone():
    assert replanned(History(), SOONER, OPENS_AT + SECOND) is None


def test_replanning_leaves_the_next_question_about_an_open_attempt_alone():
    assert replanned(History().wakes(), SOONER, OPENS_AT + SECOND) is None


def test_a_card_that_rechecks_during_the_operators_stop_is_left_alone():
    """Replanned every hour, it would never be checked."""
    history = History(rules=STOPPED).wakes()
    assert history.wake_at == OPENS_AT + POLICY.stopped_recheck
    assert replanned(history, STOPPED, OPENS_AT + timedelta(hours=1)) is None


def test_a_closed_card_has_nothing_to_plan():
    gone = CardClosed(reason="holder", balance={"minor": 0, "currency": "CNY"}, at=REGISTERED_AT)
    assert replanned(History().does((gone,)), SOONER) is None


def test_a_card_that_cannot_be_replanned_fails_alone(engine, store, connection):
    moved, charging, corrupt, other = paying(engine, 4)
    wake(engine, charging)
    connection.execute(
        "INSERT INTO card_events (originator_id, originator_version, topic, state) VALUES (%s, 4, 'x.v1', '{}')",
        (corrupt,),
    )
    unknown = type(moved)(int=1)
    settled = engine.replan([moved, corrupt, unknown, charging, other], "policy 2", ANNA, SOONER, REGISTERED_AT)
    assert {card_id: type(error) for card_id, error in settled.failed.items()} == {
        corrupt: UnknownFactError,
        unknown: BaohaoError,
    }
    assert (settled.facts, settled.questions) == (2, [])
    assert kinds(store, moved) == kinds(store, other) == [Replanned]
    assert Replanned not in kinds(store, charging)
    assert store.load_many([charging])[charging].wake_at == LATER + BUDGET
    last = store.history(moved)[-1]
    assert (last.cause, last.actor) == ("policy 2", "operator:anna")
    assert engine.replan([moved, other], "again", ANNA, SOONER, REGISTERED_AT).facts == 0
