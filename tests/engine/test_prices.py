"""Consent and prices: what the holder agreed to counts, or what was announced in time."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from engine.calendar import local_date
from engine.card.attempt import ChargeAttempted
from engine.card.charge import RenewalRequested, RenewalRequestEnded, renew_now
from engine.card.consent import (
    AutoRenewEnabled,
    PeriodChanged,
    PriceChangeAnnounced,
    ShownQuote,
    announce_price_change,
    change_period,
    enable_auto_renew,
    switch_off_auto_renew,
)
from engine.card.custody import ZoneChanged
from engine.card.event import Event
from engine.card.outcomes import record_answer
from engine.card.reminders import ReminderDue
from engine.card.term import RenewalStarted
from engine.catalogue import Catalogue
from engine.money import Money
from engine.ports import Declined
from engine.rules import Rules
from tests.engine.given import Given, Then, fact, given
from tests.engine.samples import (
    DEARER,
    DECLINED,
    MONTH_PRICE,
    OPENS_AT,
    PAYING,
    POLICY,
    REGISTERED_AT,
    RULES,
    SECOND,
    TWO_VERSIONS,
    VISA,
    ZONE,
    attempt_id,
    attempted,
    bound,
    enabled,
    failed,
    grace_started,
    local,
    registered,
    started,
    suspended,
    told,
)

NOW = OPENS_AT + SECOND

TERMS = {"terms_version": "terms-2", "channel": "app"}


def cny(minor: int) -> Money:
    return Money(minor=minor, currency="CNY")


def answer(card: Given, said, *, at=NOW, to=None, learned="sent"):
    return card.when(record_answer, to or attempt_id(), said, learned=learned, policy=POLICY, at=at)


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
    told_of = Given(declined.card).at(early).then(fact(ReminderDue), fact(RenewalRequestEnded))
    told_of.waits(OPENS_AT, "renewal_opens")
    Given(told_of.card).at(OPENS_AT).then(
        fact(RenewalStarted), fact(ChargeAttempted, rung=1, number=2, reason="renewal_opened")
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


@pytest.mark.parametrize("zone", ["Pacific/Honolulu", "Pacific/Kiritimati"])
def test_a_price_is_announced_in_time_by_the_clock_of_the_running_term_and_of_the_next(zone):
    moved = given(*PAYING, ZoneChanged(zone=zone, at=REGISTERED_AT))
    at = local("2026-05-20 19:00")  # it is the 20th in Honolulu and Shanghai, the 21st in Kiritimati
    (announced,) = moved.when(announce_price_change, TWO_VERSIONS.catalogue, version=DEARER, at=at).facts
    notice = timedelta(TWO_VERSIONS.catalogue.plan("keep-short").notice_days)
    assert announced.applies_from == max(local_date(at, ZONE), local_date(at, zone)) + notice


# The reactivation fee


NO_FEE, LATER_FEE = "no fee", "fee of 700"


def with_fee_later(fee: int = 700, price: int = 1500) -> Rules:
    """Today's prices without a fee for the reactivation, and a version from 10 March 2026 that asks one."""
    content = RULES.catalogue.model_dump()
    first = content["versions"][0] | {"version": NO_FEE, "reactivation_fees": {}}
    later = first | {"version": LATER_FEE, "effective_on": date(2026, 3, 10)}
    later["reactivation_fees"] = {"keep-short": {"CNY": fee}}
    later["prices"] = first["prices"] | {"keep-short": first["prices"]["keep-short"] | {"CNY": price}}
    return replace(RULES, catalogue=Catalogue.model_validate(content | {"versions": [first, later]}))


WITHOUT_FEE = (registered(), bound(VISA), replace(enabled(), reactivation_fee=None, catalogue_version=NO_FEE))
OFF = (grace_started(), suspended())


def paid_when_off(*history: Event, rules: Rules) -> Money:
    """What is charged for a card whose service is off by then."""
    (attempt,) = (
        one for one in given(*history).at(local("2026-04-10 15:30"), rules).facts if isinstance(one, ChargeAttempted)
    )
    return attempt.amount


def test_a_fee_that_nobody_agreed_to_is_not_charged():
    assert paid_when_off(*WITHOUT_FEE, *OFF, rules=with_fee_later()) == MONTH_PRICE


def test_a_fee_that_was_shown_is_charged_as_it_was_shown():
    assert paid_when_off(*PAYING, *OFF, rules=with_fee_later()) == cny(1500 + 500)


def test_a_fee_is_charged_once_it_was_announced_in_time():
    rules = with_fee_later()
    announced = given(*WITHOUT_FEE).when(
        announce_price_change, rules.catalogue, version=LATER_FEE, at=local("2026-02-20 09:00")
    )
    announced.then(
        fact(PriceChangeAnnounced, price=MONTH_PRICE, reactivation_fee=cny(700), applies_from=date(2026, 3, 22))
    )
    assert paid_when_off(*WITHOUT_FEE, *announced.facts, *OFF, rules=rules) == cny(1500 + 700)
    late = given(*WITHOUT_FEE).when(announce_price_change, rules.catalogue, version=LATER_FEE, at=REGISTERED_AT).facts
    assert paid_when_off(*WITHOUT_FEE, *late, *OFF, rules=rules) == MONTH_PRICE


def test_an_offer_of_an_earlier_version_with_a_fee_that_nobody_agreed_to_is_made_anew():
    offered = replace(started(), reactivation_fee=cny(700))
    assert paid_when_off(*WITHOUT_FEE, offered, *OFF, rules=with_fee_later()) == MONTH_PRICE


# What is announced may be taken back


def announce(card: Given, version: str, at: datetime) -> Then:
    return card.when(announce_price_change, TWO_VERSIONS.catalogue, version=version, at=at)


def price_at(card: Given, at: datetime) -> Money:
    (offered, _) = card.at(at, TWO_VERSIONS).facts
    assert isinstance(offered, RenewalStarted)
    return offered.price


OLD = RULES.catalogue.versions[0].version
IN_JULY = (registered(starts_on=date(2026, 7, 1)), *PAYING[1:])
DAY = timedelta(1)


def test_an_announced_price_can_be_taken_back():
    dearer = announce(given(*IN_JULY), DEARER, REGISTERED_AT)
    assert price_at(Given(dearer.card), local("2026-07-29 10:00")) == cny(3000)
    back = announce(Given(dearer.card), OLD, REGISTERED_AT + DAY)
    back.then(fact(PriceChangeAnnounced, price=cny(1500), applies_from=date(2026, 3, 2), replaces_later=True))
    assert price_at(Given(back.card), local("2026-07-29 10:00")) == cny(1500)
    announce(Given(back.card), OLD, REGISTERED_AT + 2 * DAY).nothing()
    again = announce(Given(back.card), DEARER, REGISTERED_AT + 3 * DAY)
    again.then(fact(PriceChangeAnnounced, price=cny(3000), applies_from=date(2026, 6, 1), replaces_later=False))
    assert price_at(Given(again.card), local("2026-07-29 10:00")) == cny(3000)


def test_what_is_announced_already_is_not_announced_again():
    dearer = announce(given(*IN_JULY), DEARER, local("2026-06-20 09:00"))
    announce(Given(dearer.card), DEARER, local("2026-06-21 09:00")).nothing()
    announce(given(*IN_JULY), OLD, REGISTERED_AT).nothing()


def test_a_lower_price_needs_no_notice_and_a_dearer_one_never_less_than_the_plan_says():
    dear = (*IN_JULY[:2], replace(enabled(), price=cny(5000)))
    lower = announce(given(*dear), OLD, local("2026-06-20 09:00"))
    lower.then(fact(PriceChangeAnnounced, price=cny(1500), applies_from=date(2026, 6, 20)))
    ahead = announce(given(*dear), DEARER, local("2026-04-20 09:00"))
    ahead.then(fact(PriceChangeAnnounced, price=cny(3000), applies_from=date(2026, 6, 1)))  # not before it is in force


def test_less_than_was_announced_holds_from_the_day_that_was_announced():
    known = PriceChangeAnnounced(
        months=1,
        price=cny(5000),
        saving=cny(0),
        catalogue_version="5000",
        reactivation_fee=cny(500),
        applies_from=date(2026, 7, 1),
        at=REGISTERED_AT,
    )
    less = announce(given(*IN_JULY, known), DEARER, local("2026-06-20 09:00"))
    less.then(fact(PriceChangeAnnounced, price=cny(3000), applies_from=date(2026, 7, 1), replaces_later=True))
    assert price_at(Given(less.card), local("2026-07-29 10:00")) == cny(3000)


# Agreed anew


def agree(card: Given, rules: Rules, at: datetime = NOW, months: int = 1, **shown: Any) -> Then:
    quote = ShownQuote(**shown) if shown else None
    return card.when(enable_auto_renew, rules.catalogue, months=months, **TERMS, shown=quote, at=at)


def test_who_agrees_again_after_the_price_fell_is_charged_what_was_shown():
    cheaper = with_fee_later(price=1000)
    at = local("2026-03-12 09:00")
    then = agree(given(*PAYING), cheaper, at).then(fact(AutoRenewEnabled, price=cny(1000), reactivation_fee=cny(700)))
    Given(then.card).at(OPENS_AT, cheaper).then(fact(RenewalStarted), fact(ChargeAttempted, amount=cny(1000)))
    agree(Given(then.card), cheaper, at + DAY).nothing()


def test_who_agrees_again_without_a_quote_is_not_charged_more():
    dearer = with_fee_later(price=2000)
    agree(given(*PAYING), dearer, local("2026-03-12 09:00")).nothing()
    shown = {"price": cny(2000), "catalogue_version": LATER_FEE, "reactivation_fee": cny(700)}
    agree(given(*PAYING), dearer, local("2026-03-12 09:00"), **shown).then(fact(AutoRenewEnabled, price=cny(2000)))


def test_who_has_a_plan_that_is_not_sold_any_more_keeps_it():
    content = RULES.catalogue.model_dump()
    gone = content["versions"][0] | {"version": "gone", "effective_on": date(2026, 3, 10)}
    gone["prices"] = {plan: prices for plan, prices in gone["prices"].items() if plan != "keep-short"}
    gone["reactivation_fees"] = {}
    rules = replace(RULES, catalogue=Catalogue.model_validate(content | {"versions": [content["versions"][0], gone]}))
    agree(given(*PAYING), rules).nothing()
    agree(given(*PAYING), rules, price=MONTH_PRICE, catalogue_version=OLD).refused("not_sold")


@pytest.mark.parametrize(
    "shown",
    [
        {"price": cny(1400), "catalogue_version": OLD, "reactivation_fee": cny(500)},
        {"price": cny(1500), "catalogue_version": "older", "reactivation_fee": cny(500)},
        {"price": cny(1500), "catalogue_version": OLD},
    ],
    ids=["price", "version", "fee"],
)
@pytest.mark.parametrize("decision", [enable_auto_renew, change_period])
def test_what_was_shown_must_be_the_quote_of_today(decision, shown):
    off, on = given(registered(), bound(VISA)), given(*PAYING)
    for card, months in ((off, 1), (on, 1), (on, 12)):
        if card is on or decision is enable_auto_renew:
            asked = {"months": months, "shown": ShownQuote(**shown), **TERMS}
            card.when(decision, RULES.catalogue, **asked, at=NOW).refused("price_changed")
    right = ShownQuote(cny(14_400), OLD, cny(500))
    on.when(decision, RULES.catalogue, months=12, shown=right, **TERMS, at=NOW).then(fact(PeriodChanged, months=12))


def test_off_and_on_keeps_an_announced_raise():
    dearer = announce(given(*IN_JULY), DEARER, REGISTERED_AT)
    off = Given(dearer.card).when(switch_off_auto_renew, reason="holder", at=NOW)
    on = agree(Given(off.card), TWO_VERSIONS)
    on.then(fact(AutoRenewEnabled, price=MONTH_PRICE))
    assert price_at(Given(on.card), local("2026-07-29 10:00")) == cny(3000)
    there = agree(Given(on.card), TWO_VERSIONS, months=12)
    assert price_at(Given(there.card), local("2026-07-29 10:00")) == cny(14_400)  # nothing was announced for a year
    back = agree(Given(there.card), TWO_VERSIONS)
    assert price_at(Given(back.card), local("2026-07-29 10:00")) == cny(3000)


def test_a_consent_replaces_what_was_announced_for_that_day_or_before():
    cheaper = with_fee_later(price=1000)
    known = PriceChangeAnnounced(
        months=1,
        price=cny(5000),
        saving=cny(0),
        catalogue_version="5000",
        applies_from=date(2026, 3, 12),
        at=REGISTERED_AT,
    )
    again = agree(given(*PAYING, known), cheaper, local("2026-03-12 09:00"))
    Given(again.card).at(OPENS_AT, cheaper).then(fact(RenewalStarted, price=cny(1000)), fact(ChargeAttempted))


def test_a_cheaper_or_shorter_period_chosen_while_unpaid_is_tried_at_once():
    yearly = (registered(), bound(VISA), enabled(12), started(12), attempted(amount=cny(14_400)), failed(), told())
    monthly = given(*yearly).when(change_period, RULES.catalogue, months=1, **TERMS, at=NOW)
    then = Given(monthly.card).at(NOW)
    then.then(fact(RenewalStarted, months=1), fact(ChargeAttempted, reason="new_terms", rung=1, amount=MONTH_PRICE))
    dearer = given(*DECLINED).when(change_period, RULES.catalogue, months=12, **TERMS, at=NOW)
    Given(dearer.card).at(NOW).then(fact(RenewalStarted)).waits(local("2026-03-30 10:00"), "next_rung")
    cheaper = agree(given(*DECLINED), with_fee_later(price=1000))
    Given(cheaper.card).at(NOW).then(fact(RenewalStarted), fact(ChargeAttempted, reason="new_terms", amount=cny(1000)))
