"""Whose auto-renewal is off is told days before the term ends that the service ends: once a term, if it is news."""

from datetime import date, timedelta

from msgspec.structs import replace

from engine.card.consent import AutoRenewSwitchedOff, switch_off_auto_renew
from engine.card.deadlines import DeadlinesMoved, charge_instant
from engine.card.handing_over import HolderChanged
from engine.card.hold import CardHeld, CardReleased, release_card
from engine.card.lapse import GraceStarted
from engine.card.reminders import ReminderDue
from engine.rules import Rules
from tests.engine.given_when_then import Given, fact, given
from tests.engine.samples import (
    CATALOGUE,
    ENDS_AT,
    PAYING,
    POLICY,
    RULES,
    SECOND,
    bound,
    enabled,
    grace_started,
    local,
    registered,
    renewed,
    suspended,
)

DAY = timedelta(days=1)
OFF = given(registered(), bound())
DUE_AT = charge_instant(OFF.card, date(2026, 3, 25), POLICY)
"""A week before 1 April, at the card's hour."""
LAPSE = fact(
    ReminderDue,
    kind="lapse_ahead",
    term_number=0,
    about="2026-04-01",
    suspends_on=date(2026, 4, 3),
    lost_on=date(2026, 5, 1),
    amount=None,
)


def test_who_never_switched_it_on_is_told_a_week_before_the_term_ends_once():
    OFF.at(DUE_AT - SECOND).nothing().waits(DUE_AT, "reminder")
    told = OFF.at(DUE_AT).then(LAPSE)
    told.waits(ENDS_AT, "term_ends")
    Given(told.card).at(ENDS_AT).then(fact(GraceStarted))


def test_the_policy_says_how_many_days_before():
    rules = Rules(POLICY.model_copy(update={"lapse_ahead_days": 10}), CATALOGUE)
    OFF.at(DUE_AT - 3 * DAY, rules).then(LAPSE)


def test_whose_auto_renewal_is_on_or_whose_service_has_ended_is_told_of_other_things():
    kinds = [one.kind for one in given(*PAYING).at(DUE_AT).facts if isinstance(one, ReminderDue)]
    assert "lapse_ahead" not in kinds
    for status in (grace_started(), suspended()):
        later = given(registered(), bound(), status).at(ENDS_AT + DAY).facts
        assert not [one for one in later if isinstance(one, ReminderDue) and one.kind == "lapse_ahead"]


def test_who_switched_off_lately_is_told_a_day_later_at_the_earliest():
    for days, waits in ((3, True), (0.5, False)):
        at = ENDS_AT - days * DAY
        off = given(registered(), bound(), enabled(at=DUE_AT - 9 * DAY)).when(
            switch_off_auto_renew, reason="holder", at=at
        )
        assert isinstance(off.facts[0], AutoRenewSwitchedOff)
        then = Given(off.card).at(at).nothing()
        then.waits(*(at + DAY, "reminder") if waits else (ENDS_AT, "term_ends"))
    early = given(*PAYING).when(switch_off_auto_renew, reason="holder", at=DUE_AT - 8 * DAY)
    Given(early.card).at(DUE_AT - 8 * DAY).nothing().waits(DUE_AT, "reminder")


def test_who_has_the_card_for_less_than_a_day_is_not_told_yet():
    late = replace(registered(), at=DUE_AT + DAY)
    given(late).at(DUE_AT + DAY).nothing().waits(DUE_AT + 2 * DAY, "reminder")
    given(late).at(DUE_AT + 2 * DAY).then(LAPSE)
    moved = HolderChanged(holder_id="holder-2", before="holder-1", at=DUE_AT + DAY)
    given(registered(), moved).at(DUE_AT + DAY).nothing().waits(DUE_AT + 2 * DAY, "reminder")


def test_nobody_is_told_of_an_end_that_has_passed_though_the_service_goes_on_for_a_delay_of_ours():
    late = ENDS_AT - DAY / 2
    on = given(registered(grace_days=0), bound(), enabled(at=DUE_AT - 9 * DAY))
    off = on.when(switch_off_auto_renew, reason="holder", at=late)
    held = Given(off.card).when(lambda *_, at: (CardHeld(reason="asked", by="operator", at=at),), at=late)
    released = Given(held.card).when(release_card, RULES, at=ENDS_AT + DAY)
    then = Given(released.card).at(ENDS_AT + DAY)
    assert not [one for one in then.facts if isinstance(one, ReminderDue)]


def test_each_term_has_its_own():
    again = given(*PAYING, renewed(), AutoRenewSwitchedOff(reason="holder", at=ENDS_AT)).at(local("2026-04-24 11:00"))
    again.then(fact(ReminderDue, kind="lapse_ahead", term_number=1, about="2026-05-01"))


def test_days_that_move_after_they_were_told_are_told_again():
    told = OFF.at(DUE_AT).card
    held = Given(told).when(lambda *_, at: (CardHeld(reason="asked", by="operator", at=at),), at=ENDS_AT + DAY)
    released = Given(held.card).when(release_card, RULES, at=ENDS_AT + 3 * DAY)
    released.then(fact(CardReleased), fact(DeadlinesMoved, suspends_on=date(2026, 4, 5), lost_on=date(2026, 5, 3)))
