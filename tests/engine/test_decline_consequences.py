"""The consequences of a decline: the first authority decides, methods wait or end, or the card is held."""

from datetime import timedelta

import pytest

from engine.card.attempt import ChargeAttempted
from engine.card.charge import RenewalRequested, renew_now
from engine.card.deadlines import DeadlinesMoved
from engine.card.decline import ChargeFailed
from engine.card.hold import CardHeld, CardReleased, release_card
from engine.card.methods import cleared_for_holder, ended
from engine.card.outcomes import record_answer
from engine.card.reminders import ReminderDue
from engine.declines import Consequence, consequence_of, verdict_on
from engine.networks import NEVER
from engine.ports import Declined
from tests.engine.given_when_then import Given, fact, given
from tests.engine.samples import CHARGING, ENDS_AT, OPENS_AT, POLICY, RULES, SECOND, attempt_id, local

NOW = OPENS_AT + SECOND


def answer(card: Given, reply, *, at=NOW, to=None, learned="sent"):
    return card.when(record_answer, to or attempt_id(), reply, learned=learned, rules=RULES, at=at)


@pytest.mark.parametrize(
    ("codes", "consequence", "authority"),
    [
        (("do_not_honor",), Consequence.RETRY, "code"),
        (("new_to_everybody",), Consequence.RETRY, "unknown_code"),
        (("do_not_honor", "01"), Consequence.FIX_DETAILS, "advice_code"),
        (("do_not_honor", None, "54"), Consequence.FIX_DETAILS, "network_code"),
        (("expired_card", "02", "54"), Consequence.RETRY, "advice_code"),
        (("do_not_honor", "22"), Consequence.RETRY, "code"),
        (("do_not_honor", "22", "R0"), Consequence.MANDATE_WITHDRAWN_METHOD, "network_code"),
        (("do_not_honor", "21"), Consequence.MANDATE_WITHDRAWN_CARD, "advice_code"),
        (("lost_card", "try_again_later"), Consequence.NEVER, "code"),
        (("do_not_honor", "24", "43"), Consequence.NEVER, "network_code"),
    ],
)
def test_the_first_authority_decides_but_a_never_of_any_wins(codes, consequence, authority):
    verdict = verdict_on(*codes)
    assert (verdict.consequence, verdict.decided_by) == (consequence, authority)


@pytest.mark.parametrize(("advice", "hours"), [("02", 72), ("24", 1), ("25", 24), ("30", 240)])
def test_advice_delays_the_method_and_never_shortens_the_ladder(advice, hours):
    then = answer(given(*CHARGING), Declined(code="do_not_honor", advice_code=advice))
    until = NOW + timedelta(hours=hours)
    then.then(fact(ChargeFailed, not_before=until, decided_by="advice_code"))
    later = Given(then.card).at(NOW).then(fact(ReminderDue))
    assert later.step.until == min(max(local("2026-03-30 10:00"), until), ENDS_AT)


def test_a_transient_decline_is_tried_again_soon_once_in_its_rung():
    soon = NOW + POLICY.retry_soon_after
    first = answer(given(*CHARGING), Declined(code="processing_error")).then(
        fact(ChargeFailed, within_rung=True, not_before=soon)
    )
    Given(first.card).at(NOW).nothing().waits(soon, "soon")
    second = Given(first.card).at(soon).then(fact(ChargeAttempted, number=2, rung=1, reason="soon"))
    again = answer(Given(second.card), Declined(code="processing_error"), at=soon, to=attempt_id(2))
    again.then(fact(ChargeFailed, within_rung=False, not_before=None))
    Given(again.card).at(soon).then(fact(ReminderDue)).waits(local("2026-03-30 10:00"), "next_rung")


def test_a_method_that_needs_its_holder_is_tried_when_the_holder_asks():
    then = answer(given(*CHARGING), Declined(code="authentication_required"))
    Given(then.card).at(local("2026-03-30 10:00")).then(fact(ReminderDue))
    asked = Given(then.card).when(renew_now, RULES, at=NOW).then(fact(RenewalRequested))
    Given(asked.card).at(NOW).then(fact(ChargeAttempted, rung=1, reason="holder_asked"))


def test_an_invalid_request_of_ours_holds_the_card_and_uses_up_nothing():
    then = answer(given(*CHARGING), Declined(code="invalid_amount"))
    then.then(fact(ChargeFailed, consequence=Consequence.ALARM), fact(CardHeld, by="alarm"))
    Given(then.card).at(ENDS_AT + timedelta(days=29)).nothing().waits(ENDS_AT + timedelta(days=30), "held")
    at = NOW + timedelta(days=1)
    released = Given(then.card).when(release_card, RULES, at=at)
    released.then(fact(CardReleased), fact(DeadlinesMoved, reason="held", by=timedelta(days=1)))
    Given(released.card).at(at).then(fact(ChargeAttempted, number=2, rung=1))


def test_of_several_waits_the_longest_counts():
    assert verdict_on("card_velocity_exceeded", "try_again_later").wait == timedelta(hours=24)
    assert verdict_on("card_velocity_exceeded", "02").wait == timedelta(hours=72)


@pytest.mark.parametrize(
    "codes", [("authentication_required", "stolen_card"), ("stolen_card", "authentication_required")]
)
def test_a_never_stays_whatever_comes_before_or_after_it_and_whoever_is_present(codes):
    methods = given(*CHARGING).card.methods
    for code in codes:
        is_never = consequence_of(code) is Consequence.NEVER
        methods = ended(methods, "visa", NEVER if is_never else code, needs_holder=not is_never)
    assert cleared_for_holder(methods).ended == {"visa": NEVER}
