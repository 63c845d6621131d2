"""Consent and prices: what the holder agreed to counts, or what was announced in time."""

from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from engine.calendar import local_date
from engine.card.announcing import announce_price_change
from engine.card.asked_ahead import RenewalRequestEnded
from engine.card.attempt import ChargeAttempted
from engine.card.charge import RenewalRequested, renew_now
from engine.card.consent import (
    PeriodChanged,
    PriceChangeAnnounced,
    change_period,
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
from tests.engine.given_when_then import Given, fact, given
from tests.engine.samples import (
    DEARER,
    MONTH_PRICE,
    OPENS_AT,
    PAYING,
    REGISTERED_AT,
    RULES,
    SECOND,
    TWO_VERSIONS,
    VISA,
    ZONE,
    attempt_id,
    bound,
    enabled,
    grace_started,
    local,
    registered,
    started,
    suspended,
)

NOW = OPENS_AT + SECOND

TERMS = {"terms_version": "terms-2", "channel": "app"}


def cny(minor: int) -> Money:
    return Money(minor=minor, currency="CNY")


def answer(card: Given, reply, *, at=NOW, to=None, learned="sent"):
    return card.when(record_answer, to or attempt_id(), reply, learned=learned, rules=RULES, at=at)


def test_another_period_is_chosen_for_the_next_term():
    given(*PAYING).when(change_period, RULES.catalogue, months=6, **TERMS, at=NOW).then(fact(PeriodChanged, months=6))


def test_a_later_price_applies_only_after_it_was_announced_in_time():
    opens = local("2026-07-29 10:00")
    history = (registered(starts_on=date(2026, 7, 1)), PAYING[1], enabled())
    told_at = opens - timedelta(days=7)
    told_of = given(*history).at(told_at, TWO_VERSIONS).then(fact(ReminderDue, amount=MONTH_PRICE))
    Given(told_of.card).at(opens, TWO_VERSIONS).then(fact(RenewalStarted, price=MONTH_PRICE), fact(ChargeAttempted))
    announce = {"version": DEARER, "at": REGISTERED_AT}
    then = given(*history).when(announce_price_change, TWO_VERSIONS.catalogue, **announce)
    then.then(fact(PriceChangeAnnounced, price=cny(3000), applies_from=date(2026, 6, 1)))
    told_of = Given(then.card).at(told_at, TWO_VERSIONS).then(fact(ReminderDue, amount=cny(3000)))
    Given(told_of.card).at(opens, TWO_VERSIONS).then(
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


def test_the_price_is_that_of_the_day_on_which_the_renewal_opens_however_late_it_is_offered():
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
