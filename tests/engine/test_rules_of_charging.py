"""The rules around a charge: declines by authority, limits, methods, consent and prices, our own trouble."""

from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from engine.calendar import local_date
from engine.card.attempt import CaseOpened, ChargeAttempted, ChargeWithheld
from engine.card.charge import RenewalRequested, renew_now
from engine.card.consent import PeriodChanged, PriceChangeAnnounced, announce_price_change, change_period
from engine.card.custody import ZoneChanged, change_zone
from engine.card.deadlines import DeadlinesMoved
from engine.card.decline import ChargeFailed
from engine.card.hold import CardHeld, CardReleased, hold_card, release_card
from engine.card.methods import (
    PaymentMethodRemoved,
    PaymentMethodsOrdered,
    PaymentMethodUpdated,
    order_payment_methods,
    remove_payment_method,
    update_payment_method,
)
from engine.card.next import advance, held_up
from engine.card.outcomes import record_answer, resolve_attempt
from engine.card.payments import ChargeSucceeded
from engine.card.refunds import RefundStarted
from engine.card.reminders import ReminderDue
from engine.card.term import CardRenewed, RenewalStarted
from engine.catalogue import Catalogue
from engine.declines import Consequence, verdict_on
from engine.money import Money
from engine.networks import EDITION, Limited
from engine.ports import Declined
from tests.engine.given import Given, fact, given
from tests.engine.samples import (
    CHARGING,
    DEARER,
    DECLINED,
    ENDS_AT,
    GRACE_ENDS_AT,
    MONTH_PRICE,
    OPENS_AT,
    PAYING,
    PAYPAL,
    POLICY,
    REGISTERED_AT,
    RULES,
    SECOND,
    TWO_VERSIONS,
    VISA,
    VISA_AGAIN,
    ZONE,
    attempt_id,
    attempted,
    bound,
    charged,
    enabled,
    failed,
    local,
    registered,
    suspended,
    told,
    unknown,
)

NOW = OPENS_AT + SECOND
STOPPED = replace(RULES, charging_stopped=True)
TERMS = {"terms_version": "terms-2", "channel": "app"}


def cny(minor: int) -> Money:
    return Money(minor=minor, currency="CNY")


def answer(card: Given, said, *, at=NOW, to=None, learned="sent"):
    return card.when(record_answer, to or attempt_id(), said, learned=learned, policy=POLICY, at=at)


# Declines, by the order of authority


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
def test_the_first_authority_has_the_say_but_a_never_of_any_wins(codes, consequence, authority):
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


def test_our_own_mistake_holds_the_card_and_uses_up_nothing():
    then = answer(given(*CHARGING), Declined(code="invalid_amount"))
    then.then(fact(ChargeFailed, consequence=Consequence.ALARM), fact(CardHeld, by="alarm"))
    Given(then.card).at(ENDS_AT + timedelta(days=90)).nothing().waits(None, "held")
    at = NOW + timedelta(days=1)
    released = Given(then.card).when(release_card, POLICY, at=at)
    released.then(fact(CardReleased), fact(DeadlinesMoved, reason="held", by=timedelta(days=1)))
    Given(released.card).at(at).then(fact(ChargeAttempted, number=2, rung=1))


# What may not be tried


def test_a_limited_method_is_withheld_with_its_rule_and_the_next_one_is_tried():
    card = given(registered(), bound(VISA), bound(PAYPAL), enabled()).card
    until = OPENS_AT + timedelta(days=2)
    _, facts, _ = advance(card, RULES, OPENS_AT, {"visa": Limited("retries_30d", until)})
    assert [type(one) for one in facts] == [RenewalStarted, ChargeWithheld, ChargeAttempted]
    assert (facts[1].reason, facts[1].until, facts[1].limits_edition) == ("retries_30d", until, EDITION)
    assert facts[2].method_id == "paypal"


def test_a_blocked_payment_card_is_never_tried_again():
    card, facts, _ = advance(given(*PAYING).card, RULES, OPENS_AT, {"visa": Limited("never", None)})
    assert [type(one) for one in facts] == [RenewalStarted, ChargeWithheld, ReminderDue]
    assert card.methods.ended == {"visa": "never"}


def test_a_last_try_that_may_not_be_made_is_a_announcedwith_its_reason():
    last = local("2026-04-30 10:00")
    late = failed(2, 8, at=local("2026-04-29 10:00"))
    delayed = replace(late, not_before=local("2026-05-07 10:00"))
    rung = attempted(2, 8, at=local("2026-04-29 10:00") - SECOND)
    then = given(*DECLINED, suspended(), rung, delayed, told(2)).at(last)
    assert ChargeWithheld in {type(one) for one in then.facts}


# Methods


def test_new_details_are_tried_at_once():
    then = given(*CHARGING, failed(code="expired_card")).when(update_payment_method, method=VISA_AGAIN, at=NOW)
    then.then(fact(PaymentMethodUpdated, method=VISA_AGAIN))
    Given(then.card).at(NOW).then(fact(ChargeAttempted, token="tok-visa-2", reason="new_method", rung=1))


def test_a_removed_method_is_not_charged_and_never_sent_again():
    history = (registered(), bound(VISA), bound(PAYPAL), *CHARGING[2:], unknown())
    then = given(*history).when(remove_payment_method, method_id="visa", at=NOW)
    then.then(fact(PaymentMethodRemoved, method_id="visa", reason="holder"))
    Given(then.card).at(OPENS_AT + timedelta(hours=1)).asks("looked_up")


def test_the_last_method_of_a_card_that_is_not_to_be_charged_may_go():
    given(registered(), bound()).when(remove_payment_method, method_id="visa", at=NOW).then(fact(PaymentMethodRemoved))


def test_methods_are_charged_in_the_holders_order():
    card = given(registered(), bound(VISA), bound(PAYPAL), enabled())
    order = {"method_ids": ("paypal", "visa"), "balance_first": False}
    then = card.when(order_payment_methods, **order, at=NOW).then(fact(PaymentMethodsOrdered))
    Given(then.card).at(OPENS_AT).then(fact(RenewalStarted), fact(ChargeAttempted, method_id="paypal"))


# Consent and prices


def test_another_period_is_chosen_for_the_next_term():
    given(*PAYING).when(change_period, RULES.catalogue, months=6, **TERMS, at=NOW).then(fact(PeriodChanged, months=6))


def test_a_later_price_touches_nobody_before_it_was_announced_in_time():
    opens = local("2026-07-29 10:00")
    history = (registered(starts_on=date(2026, 7, 1)), *PAYING[1:])
    given(*history).at(opens, TWO_VERSIONS).then(fact(RenewalStarted, price=MONTH_PRICE), fact(ChargeAttempted))
    announce = {"version": DEARER, "at": REGISTERED_AT}
    then = given(*history).when(announce_price_change, TWO_VERSIONS.catalogue, **announce)
    then.then(fact(PriceChangeAnnounced, price=cny(3000), applies_from=date(2026, 6, 1)))
    Given(then.card).at(opens, TWO_VERSIONS).then(
        fact(RenewalStarted, price=cny(3000), catalogue_version=DEARER), fact(ChargeAttempted, amount=cny(3000))
    )
    late = given(*PAYING).when(
        announce_price_change, TWO_VERSIONS.catalogue, version=DEARER, at=local("2026-06-20 09:00")
    )
    late.then(fact(PriceChangeAnnounced, applies_from=date(2026, 7, 20)))  # thirty days of notice


def test_a_version_of_the_prices_that_asks_the_same_of_the_holder_is_not_announced():
    content = TWO_VERSIONS.catalogue.model_dump()
    content["versions"][1]["prices"] = content["versions"][0]["prices"]
    same = Catalogue.model_validate(content)
    given(*PAYING).when(announce_price_change, same, version=DEARER, at=NOW).nothing()


def test_the_holder_may_ask_to_be_charged_ahead_and_that_is_no_rung():
    early = local("2026-03-10 15:00")
    asked = given(*PAYING).when(renew_now, RULES, at=early).then(fact(RenewalStarted), fact(RenewalRequested))
    then = Given(asked.card).at(early).then(fact(ChargeAttempted, rung=0, reason="holder_asked"))
    declined = answer(Given(then.card), Declined(code="do_not_honor"), at=early)
    Given(declined.card).at(early).then(fact(ReminderDue)).waits(OPENS_AT, "renewal_opens")
    told_of = Given(declined.card).at(early)
    Given(told_of.card).at(OPENS_AT).then(fact(ChargeAttempted, rung=1, number=2, reason="renewal_opened"))


def test_a_change_of_zone_counts_from_the_next_term():
    then = given(*PAYING).when(change_zone, zone="Europe/London", at=NOW).then(fact(ZoneChanged))
    assert then.card.term.zone == "Asia/Shanghai"
    paid = answer(Given(Given(then.card).at(OPENS_AT).card), charged())
    assert paid.card.term.zone == "Europe/London"
    assert paid.card.term.starts_at == ENDS_AT


# Our own trouble


def test_a_held_card_is_left_alone_and_its_deadlines_move():
    then = given(*PAYING).when(hold_card, reason="a dispute", at=NOW).then(fact(CardHeld, by="operator"))
    Given(then.card).at(GRACE_ENDS_AT).nothing().waits(None, "held")
    Given(then.card).when(hold_card, reason="again", at=NOW).nothing()


def test_a_card_that_was_not_woken_in_time_does_not_lose_that_time():
    card, unopened = given(*DECLINED).card, given(*PAYING).card
    woken_for, at = local("2026-03-30 10:00"), GRACE_ENDS_AT
    (moved,) = held_up(card, woken_for, POLICY, at)
    assert (moved.reason, moved.by) == ("late", at - woken_for)
    assert held_up(card, woken_for, POLICY, woken_for + POLICY.late_after) == ()
    before = OPENS_AT - timedelta(days=9)
    assert held_up(unopened, before, POLICY, OPENS_AT - SECOND) == ()  # nothing was to be charged yet
    (from_opening,) = held_up(unopened, before, POLICY, ENDS_AT)
    assert from_opening.by == ENDS_AT - OPENS_AT
    assert held_up(given(registered()).card, woken_for, POLICY, at) == ()
    assert held_up(given(*CHARGING).card, woken_for, POLICY, at) == ()
    assert held_up(card, None, POLICY, at) == ()


def test_an_outcome_that_stays_unknown_becomes_a_case_and_a_person_closes_it():
    at = OPENS_AT + POLICY.case_after
    asked = unknown(asked=3, at=at - timedelta(hours=1))
    opened = given(*CHARGING, asked).at(at).then(fact(CaseOpened, about=attempt_id(), reason="outcome_unknown"))
    resolve = {"attempt_id": attempt_id(), "evidence": "ticket", "policy": POLICY, "at": at}
    card = Given(opened.card)
    card.when(resolve_attempt, charged=True, gateway_ref="r", **resolve).then(
        fact(ChargeSucceeded, learned="resolved", evidence="ticket"), fact(CardRenewed)
    )
    no = card.when(resolve_attempt, charged=False, gateway_ref=None, **resolve).then(
        fact(ChargeFailed, code="not_charged", learned="resolved"), fact(DeadlinesMoved, by=POLICY.case_after)
    )
    Given(no.card).when(resolve_attempt, charged=True, gateway_ref="r", **resolve).then(
        fact(ChargeSucceeded, learned="late"), fact(RefundStarted)
    )


def test_of_the_announced_prices_the_one_that_began_last_counts():
    price = {"months": 1, "saving": Money(minor=0, currency="CNY"), "at": REGISTERED_AT}
    june = PriceChangeAnnounced(**price, price=MONTH_PRICE * 2, catalogue_version="june", applies_from=date(2026, 6, 1))
    march = PriceChangeAnnounced(
        **price, price=MONTH_PRICE * 3, catalogue_version="march", applies_from=date(2026, 3, 29)
    )
    for announced in ((june, march), (march, june)):
        given(*PAYING, *announced).at(OPENS_AT).then(fact(RenewalStarted, price=MONTH_PRICE * 3), fact(ChargeAttempted))


def test_the_price_is_that_of_the_day_on_which_the_renewal_opens_however_late_we_come():
    april = PriceChangeAnnounced(
        months=1,
        price=MONTH_PRICE * 2,
        saving=Money(minor=0, currency="CNY"),
        catalogue_version="april",
        applies_from=date(2026, 3, 30),
        at=REGISTERED_AT,
    )
    late = given(*PAYING, april).at(local("2026-03-31 10:00"))
    late.then(fact(RenewalStarted, price=MONTH_PRICE), fact(ChargeAttempted))


@pytest.mark.parametrize("zone", ["Pacific/Honolulu", "Pacific/Kiritimati"])  # where it is March yet, and April since
def test_after_a_move_a_term_paid_late_begins_no_earlier_than_the_last_one_ended(zone):
    moved = ZoneChanged(zone=zone, at=REGISTERED_AT)
    no_grace = (registered(grace_days=0, reclaim_days=5), bound(VISA), enabled(), CHARGING[3], moved)
    at = ENDS_AT + timedelta(hours=9)
    card = given(*no_grace, suspended(at=ENDS_AT), attempted(at=at))
    then = card.when(record_answer, attempt_id(), charged(), learned="sent", policy=POLICY, at=at)
    term = then.card.term
    assert (term.starts_on, term.zone) == (date(2026, 4, 1), zone)
    assert term.starts_at == max(ENDS_AT, local("2026-04-01 00:00", zone))


def test_of_several_waits_the_longest_counts():
    assert verdict_on("card_velocity_exceeded", "try_again_later").wait == timedelta(hours=24)
    assert verdict_on("card_velocity_exceeded", "02").wait == timedelta(hours=72)


@pytest.mark.parametrize("zone", ["Pacific/Honolulu", "Pacific/Kiritimati"])
def test_a_price_is_announced_in_time_by_the_clock_of_the_running_term_and_of_the_next(zone):
    moved = given(*PAYING, ZoneChanged(zone=zone, at=REGISTERED_AT))
    at = local("2026-05-20 19:00")  # it is the 20th in Honolulu and Shanghai, the 21st in Kiritimati
    (announced,) = moved.when(announce_price_change, TWO_VERSIONS.catalogue, version=DEARER, at=at).facts
    notice = timedelta(TWO_VERSIONS.catalogue.plan("keep-short").notice_days)
    assert announced.applies_from == max(local_date(at, ZONE), local_date(at, zone)) + notice
