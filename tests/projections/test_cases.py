"""Read model `cases`: what opens a case and what closes it."""

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.actor import actor
from engine.card.attempt import CaseOpened, open_attempts
from engine.card.balance import BalanceCredited, BalancePaidOut
from engine.card.custody import CardClosed
from engine.card.doubt import IN_DOUBT, NumberConfirmed, is_in_doubt
from engine.card.hold import CardHeld, CardReleased
from engine.card.ids import derived_id
from engine.card.lapse import NumberReclaimed
from engine.card.refunds import (
    RefundFailed,
    RefundOutcomeUnknown,
    RefundRecorded,
    RefundStarted,
    RefundSucceeded,
    refund_id_of,
)
from engine.store.streams import Append, Stream
from projections.cases import CASES, Case, list_cases
from projections.follow import follow
from projections.live import LIVE
from tests.engine.random_histories import cny, random_history, store_all
from tests.engine.samples import CARD_ID, CHARGING, ENDS_AT, OPENS_AT, attempt_id, failed, succeeded, unknown
from tests.projections.folding import recorded, rows

LATER = OPENS_AT + timedelta(days=5)
REFUND = refund_id_of(CARD_ID, attempt_id())
IDS = {"refund_id": REFUND, "attempt_id": attempt_id()}
STARTED = RefundStarted(**IDS, gateway_ref="ref-1", amount=cny(1500), reason="late_success", at=OPENS_AT)
ASKED = RefundOutcomeUnknown(refund_id=REFUND, reason="timeout", asked=1, ask_again_at=LATER, at=OPENS_AT)
GIVEN_BACK = RefundSucceeded(**IDS, amount=cny(1500), gateway_ref="back-1", at=LATER)
REFUSED = RefundFailed(**IDS, code="too_late", at=LATER)
BY_HAND = RefundRecorded(attempt_id=attempt_id(), amount=cny(1500), evidence="ticket-1", at=LATER)
ALARM = CardHeld(reason="the gateway calls our request wrong", by="alarm", at=OPENS_AT)
NOTHING = cny(0)


def reasons(*facts) -> list[str]:
    return [row.reason for row in rows(CASES, *facts).values() if row is not None]


def case(about, reason):
    return CaseOpened(about=about, reason=reason, at=LATER)


UNKNOWN = (*CHARGING, unknown(), case(attempt_id(), "outcome_unknown"))


def test_an_unknown_outcome_waits_only_once_a_case_was_opened():
    assert reasons(*CHARGING, unknown()) == []
    assert reasons(*UNKNOWN) == ["outcome_unknown"]


@pytest.mark.parametrize("learned", ["asked_again", "looked_up", "resolved"])
@pytest.mark.parametrize("outcome", [succeeded(), failed()], ids=["charged", "not charged"])
def test_it_waits_until_the_outcome_is_known(outcome, learned):
    assert reasons(*UNKNOWN, replace(outcome, learned=learned)) == []


def test_an_unknown_refund_waits_until_it_succeeds():
    asked = (STARTED, ASKED, case(REFUND, "refund_unknown"))
    assert reasons(STARTED, ASKED) == []
    assert reasons(*asked) == ["refund_unknown"]
    assert reasons(*asked, GIVEN_BACK) == []


def test_a_refused_refund_waits_until_the_money_was_refunded_by_hand():
    assert reasons(STARTED, REFUSED) == ["refund_failed: too_late"]
    assert reasons(STARTED, ASKED, case(REFUND, "refund_unknown"), REFUSED) == ["refund_failed: too_late"]
    assert reasons(STARTED, REFUSED, BY_HAND) == []


def test_a_refund_that_is_disputed_waits_until_a_person_says_what_went_back_and_again_once_it_is_owed():
    disputed = (STARTED, case(REFUND, "refund_disputed"))
    assert reasons(*disputed) == ["refund_disputed"]
    nothing = replace(BY_HAND, amount=NOTHING)
    assert reasons(*disputed, nothing) == []
    owed = (*disputed, nothing, case(REFUND, "refund_owed"))
    assert reasons(*owed) == ["refund_owed"]
    assert reasons(*owed, BY_HAND) == []
    onto = BalanceCredited(amount=cny(1500), reason="refund", about=attempt_id(), at=LATER)
    assert reasons(*owed, onto) == []


def test_a_refused_refund_names_its_charge():
    [row] = rows(CASES, STARTED, REFUSED).values()
    assert row.about == attempt_id()


def test_an_alarm_waits_until_the_card_is_released():
    assert reasons(ALARM) == ["held: the gateway calls our request wrong"]
    assert reasons(ALARM, CardReleased(at=LATER)) == []


def test_a_hold_by_an_operator_is_a_case_since_when_it_is_held():
    [row] = rows(CASES, CardHeld(reason="a dispute", by="operator", at=OPENS_AT)).values()
    assert (row.reason, row.about, row.opened_at) == ("held: a dispute", None, OPENS_AT)


def test_a_number_that_may_be_lost_is_a_case_beside_the_hold_until_it_is_confirmed():
    doubted = (ALARM, case(derived_id(CARD_ID, IN_DOUBT), IN_DOUBT))
    assert reasons(*doubted) == ["held: the gateway calls our request wrong", IN_DOUBT]
    assert reasons(*doubted, CardReleased(at=LATER)) == [IN_DOUBT]
    assert [row.about for row in rows(CASES, *doubted).values()] == [None, None]
    assert reasons(*doubted, NumberConfirmed(evidence="a call", at=LATER), CardReleased(at=LATER)) == []


def waiting(life) -> set[UUID]:
    """The open cases according to the card's state."""
    card = life.card
    ids = {one.refund_id for one in card.refunds if one.case_opened}
    ids |= {one.attempt_id for one in open_attempts(card.attempts) if one.unknown and one.unknown.case_opened}
    if card.held_since:
        ids.add(life.card_id)
    if is_in_doubt(card):
        ids.add(derived_id(life.card_id, IN_DOUBT))
    return ids


@given(seed=st.integers(0, 2**32))
def test_it_has_the_cases_that_the_card_has(seed):
    life = random_history(seed, 120)
    log = [recorded(fact, number, card_id=life.card_id) for number, fact in enumerate(life.facts, start=1)]
    assert {key for key, row in rows(CASES, *log).items() if row is not None} == waiting(life)


# Queries


def listed(store, connection, *facts):
    """The cases after a history of these facts; the state of their card plays no part."""
    card = random_history(1, 1).card
    append = Append(Stream(CARD_ID, None, 0, None), facts, card, None, "cause", actor("system", "tests"))
    store.append_many([append])
    follow(connection, LIVE, 1000)
    return list_cases(connection, 10)


def test_the_balance_of_a_closed_card_waits_to_be_paid_out(store, connection):
    credit = BalanceCredited(amount=cny(600), reason="top_up", about=None, at=OPENS_AT)
    paid = BalancePaidOut(amount=cny(200), evidence="ticket-1", at=LATER)
    closed = CardClosed(reason="holder", balance=cny(600), at=OPENS_AT)
    facts = (*CHARGING[:3], credit, closed, paid)
    assert listed(store, connection, *facts) == [Case(LATER, CARD_ID, "balance_owed", None, 400, "CNY")]


def test_a_balance_that_was_paid_out_is_no_case(store, connection):
    credit = BalanceCredited(amount=cny(600), reason="top_up", about=None, at=OPENS_AT)
    paid = BalancePaidOut(amount=cny(600), evidence="ticket-1", at=LATER)
    facts = (*CHARGING[:3], credit, CardClosed(reason="holder", balance=cny(600), at=OPENS_AT), paid)
    assert listed(store, connection, *facts) == []


def test_what_the_last_attempt_of_a_closed_card_had_reserved_is_owed_when_it_fails(store, connection):
    """`CardClosed` did not know of it, since the attempt might still have been paid."""
    credit = BalanceCredited(amount=cny(600), reason="top_up", about=None, at=OPENS_AT)
    attempt = replace(CHARGING[-1], from_balance=600)
    closed = CardClosed(reason="holder", balance=NOTHING, at=OPENS_AT)
    facts = (*CHARGING[:3], credit, CHARGING[3], attempt, closed, failed())
    [one] = listed(store, connection, *facts)
    assert (one.reason, one.minor) == ("balance_owed", 600)


@pytest.mark.parametrize("status", ["held", "closed", "reclaimed"])
def test_an_alarm_about_a_closed_or_reclaimed_card_is_no_case(store, connection, status):
    lost = {"term_number": 0, "by": "carrier", "quarantined_until": ENDS_AT.date(), "policy_version": "1"}
    ends = {
        "held": (),
        "closed": (CardClosed(reason="holder", balance=NOTHING, at=LATER),),
        "reclaimed": (NumberReclaimed(**lost, balance=NOTHING, at=LATER),),
    }
    found = listed(store, connection, *CHARGING[:3], ALARM, *ends[status])
    assert [one.reason for one in found] == (["held: the gateway calls our request wrong"] if status == "held" else [])


def test_the_oldest_cases_come_first_up_to_a_limit(store, connection):
    lives = [random_history(seed, 80) for seed in range(40)]
    store_all(store, lives)
    follow(connection, LIVE, 100_000)
    cases = list_cases(connection, 1000)
    owed = {life.card_id: life.card.balance.minor for life in lives if life.card.status in ("closed", "reclaimed")}
    assert {one.card_id: one.minor for one in cases if one.reason == "balance_owed"} == {
        card_id: minor for card_id, minor in owed.items() if minor
    }
    assert {one.reason.partition(":")[0] for one in cases} >= {"balance_owed", "refund_failed"}
    assert [one.opened_at for one in cases] == sorted(one.opened_at for one in cases)
    assert list_cases(connection, 2) == cases[:2]
