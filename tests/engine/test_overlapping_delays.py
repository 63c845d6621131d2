"""Delays of ours that overlap: each counts from its own beginning, and no time counts twice."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from engine.card.attempt import CaseOpened, ChargeOutcomeUnknown
from engine.card.deadlines import ChargingBlocked, DeadlinesMoved
from engine.card.doubt import IN_DOUBT, NumberConfirmed, confirm_number
from engine.card.gap import list_is_complete_at
from engine.card.hold import CardHeld, CardReleased, release_card
from engine.card.ids import derived_id
from engine.card.next import move_for_late_wake
from engine.ports import Unclear
from engine.rules import Gap
from tests.engine.given_when_then import Given, fact, given
from tests.engine.restored_cards import found
from tests.engine.samples import CARD_ID, CHARGING, DECLINED, ENDS_AT, OPENS_AT, PROVIDER, RULES, unknown
from tests.engine.test_paying_on_page import EXPIRED, NOT_PAID, OVER, answered, paying

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
BEGUN_AT, BACKUP_AT, RESTORED_AT = OPENS_AT + DAY, OPENS_AT + 3 * DAY, OPENS_AT + 4 * DAY
RESTORED = replace(RULES, restored=Gap(BACKUP_AT, RESTORED_AT))
COMPLETE_AT = list_is_complete_at(RESTORED.restored, PROVIDER)
HELD = CardHeld(reason="a dispute", by="operator", at=RESTORED_AT + HOUR)
IS_IN_DOUBT = CaseOpened(about=derived_id(CARD_ID, IN_DOUBT), reason=IN_DOUBT, at=BEGUN_AT)


def closed(card: Given):
    """The gap is closed, and nothing was charged in it."""
    return found(card, at=COMPLETE_AT, rules=RESTORED)


@pytest.mark.parametrize(
    ("history", "since"),
    [
        (DECLINED, BACKUP_AT),
        ((*DECLINED, ChargingBlocked(at=BEGUN_AT)), BEGUN_AT),
        ((*DECLINED, IS_IN_DOUBT), BEGUN_AT),
        ((*CHARGING, unknown()), OPENS_AT),
    ],
    ids=["nothing", "a stop of charging", "doubt of the number", "an unknown outcome"],
)
def test_what_delayed_the_payment_before_a_restore_counts_with_it(history, since):
    assert closed(given(*history)).facts[-1] == DeadlinesMoved(
        reason="restored", by=COMPLETE_AT - since, at=COMPLETE_AT
    )


def test_a_card_that_is_put_on_hold_during_the_restore_loses_no_time_by_either():
    after = closed(given(*DECLINED, HELD))
    assert after.facts[-1].by == HELD.at - BACKUP_AT
    at = COMPLETE_AT + DAY
    Given(after.card).when(release_card, RESTORED, at=at).then(
        fact(CardReleased), fact(DeadlinesMoved, by=at - HELD.at)
    )


def test_a_card_that_was_on_hold_before_it_has_all_of_it_counted_by_the_release():
    held = replace(HELD, at=BEGUN_AT)
    after = closed(given(*DECLINED, held))
    assert not any(isinstance(one, DeadlinesMoved) for one in after.facts)
    at = COMPLETE_AT + DAY
    Given(after.card).when(release_card, RESTORED, at=at).then(
        fact(CardReleased), fact(DeadlinesMoved, by=at - BEGUN_AT)
    )


@pytest.mark.parametrize(
    ("history", "decision", "asked", "first"),
    [
        ((*DECLINED, HELD), release_card, {}, CardReleased),
        ((*DECLINED, replace(IS_IN_DOUBT, at=RESTORED_AT)), confirm_number, {"evidence": "a list"}, NumberConfirmed),
    ],
    ids=["released", "confirmed"],
)
def test_what_ends_before_the_gap_is_closed_counts_since_the_backup(history, decision, asked, first):
    at = RESTORED_AT + 2 * HOUR
    ended = given(*history).when(decision, RESTORED, at=at, **asked)
    ended.then(fact(first), fact(DeadlinesMoved, by=at - BACKUP_AT))
    assert closed(Given(ended.card)).facts[-1].by == COMPLETE_AT - at


def test_a_wake_that_comes_late_during_the_restore_hides_nothing_of_it():
    card, at = given(*DECLINED), RESTORED_AT + 9 * HOUR
    late = card.when(lambda one, at: move_for_late_wake(one, RESTORED_AT + HOUR, RESTORED, at), at=at)
    late.then(fact(DeadlinesMoved, reason="late", by=at - BACKUP_AT))
    assert closed(Given(late.card)).facts[-1].by == COMPLETE_AT - at


def test_what_blocked_the_card_before_the_holder_paid_on_a_page_in_vain_counts_too():
    blocked = ChargingBlocked(reason="open_tries", at=OPENS_AT + HOUR)
    begun = paying(*DECLINED, blocked, at=ENDS_AT)
    at = ENDS_AT + OVER + HOUR
    asked = answered(begun, Unclear(reason="timeout"), ENDS_AT + OVER).then(fact(ChargeOutcomeUnknown))
    answered(asked, EXPIRED, at).then(NOT_PAID, fact(DeadlinesMoved, by=at - blocked.at))
