"""What is announced may be taken back, and what is agreed anew is what was shown."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from engine.card.announcing import announce_price_change
from engine.card.attempt import ChargeAttempted
from engine.card.consent import (
    AutoRenewEnabled,
    PeriodChanged,
    PriceChangeAnnounced,
    ShownQuote,
    change_period,
    enable_auto_renew,
    switch_off_auto_renew,
)
from engine.card.reminders import ReminderDue
from engine.card.term import RenewalStarted
from engine.catalogue import Catalogue
from engine.money import Money
from engine.rules import Rules
from tests.engine.given_when_then import Given, Then, fact, given
from tests.engine.samples import (
    DEARER,
    DECLINED,
    MONTH_PRICE,
    OPENS_AT,
    PAYING,
    REGISTERED_AT,
    RULES,
    TWO_VERSIONS,
    VISA,
    attempted,
    bound,
    enabled,
    failed,
    local,
    registered,
    reminded,
    started,
)
from tests.engine.test_prices import LATER_FEE, NOW, TERMS, cny, with_fee_later

# What is announced may be taken back


def announce(card: Given, version: str, at: datetime) -> Then:
    return card.when(announce_price_change, TWO_VERSIONS.catalogue, version=version, at=at)


def price_at(card: Given, at: datetime) -> Money:
    """Of the offer made then, once the holder was notified of the charge a week before."""
    notified = Given(card.at(at - 7 * DAY, TWO_VERSIONS).card)
    (offered, _) = notified.at(at, TWO_VERSIONS).facts
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
    notified = Given(then.card).at(OPENS_AT - 7 * DAY, cheaper).then(fact(ReminderDue, amount=cny(1000)))
    Given(notified.card).at(OPENS_AT, cheaper).then(fact(RenewalStarted), fact(ChargeAttempted, amount=cny(1000)))
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
    refusal = on.when(decision, RULES.catalogue, **asked, at=NOW).refusal
    today = f"today it is 144.00 CNY and a reactivation fee of 5.00 CNY, version {OLD}"
    assert str(refusal) == f"the price is not the one that was shown: {today}; show that and ask again"
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
    notified = Given(again.card).at(OPENS_AT - 7 * DAY, cheaper)
    Given(notified.card).at(OPENS_AT, cheaper).then(fact(RenewalStarted, price=cny(1000)), fact(ChargeAttempted))


@pytest.mark.parametrize(("agreed_on", "left"), [(date(2026, 3, 11), 1), (date(2026, 3, 12), 0)])
def test_the_day_of_a_consent_is_that_of_its_fact_whatever_a_zone_database_says_today(agreed_on, left):
    known = PriceChangeAnnounced(
        months=1,
        price=cny(5000),
        saving=cny(0),
        catalogue_version="5000",
        applies_from=date(2026, 3, 12),
        at=REGISTERED_AT,
    )
    again = replace(enabled(at=local("2026-03-12 00:30")), agreed_on=agreed_on)
    assert len(given(*PAYING, known, again).card.announced) == left


def test_a_cheaper_or_shorter_period_chosen_while_unpaid_is_tried_at_once():
    yearly = (registered(), bound(VISA), enabled(12), started(12), attempted(amount=cny(14_400)), failed(), reminded())
    monthly = given(*yearly).when(change_period, RULES.catalogue, months=1, **TERMS, at=NOW)
    then = Given(monthly.card).at(NOW)
    then.then(fact(RenewalStarted, months=1), fact(ChargeAttempted, reason="new_terms", rung=1, amount=MONTH_PRICE))
    dearer = given(*DECLINED).when(change_period, RULES.catalogue, months=12, **TERMS, at=NOW)
    Given(dearer.card).at(NOW).then(fact(RenewalStarted)).waits(local("2026-03-30 10:00"), "next_rung")
    cheaper = agree(given(*DECLINED), with_fee_later(price=1000))
    Given(cheaper.card).at(NOW).then(fact(RenewalStarted), fact(ChargeAttempted, reason="new_terms", amount=cny(1000)))
