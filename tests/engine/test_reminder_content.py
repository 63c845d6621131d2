"""What reminders say beside the charge, and what the law of a plan's market asks for."""

from datetime import date

import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from engine.card.attempt import ChargeAttempted
from engine.card.balance import BalanceCredited
from engine.card.deadlines import DeadlinesMoved
from engine.card.hold import CardHeld, CardReleased, release_card
from engine.card.methods import PaymentMethodsOrdered
from engine.card.reminders import ReminderDue
from engine.catalogue import Catalogue
from engine.command_dispatch import decide
from engine.commands import AnnouncePriceChange
from engine.money import Money
from engine.policy import REMINDER_RULES, Policy, ReminderRule
from engine.rules import Rules
from engine.why.questions import why_not_charged
from tests.engine.given_when_then import fact, given, no_older_charge
from tests.engine.recorded_history import History
from tests.engine.samples import (
    CARD_ID,
    CATALOGUE,
    DEARER,
    MONTH_PRICE,
    OPENS_AT,
    POLICY,
    REGISTERED_AT,
    RULES,
    SECOND,
    TWO_VERSIONS,
    attempted,
    bound,
    enabled,
    failed,
    grace_started,
    local,
    registered,
    started,
    suspended,
)
from tests.engine.test_reminders import AGREED_EARLY, DAY, NO_GRACE, reminded

# Markets


def rules_of(market, policy=POLICY):
    content = CATALOGUE.model_dump()
    content["plans"]["keep-short"]["market"] = market
    return Rules(policy, Catalogue.model_validate(content))


@pytest.mark.parametrize(("market", "days"), [("cn", 5), ("us", 0), ("eu", 0), ("in", 1), ("strictest", 5), ("?", 5)])
def test_the_plans_market_says_for_how_long_a_charge_waits(market, days):
    then = given(*AGREED_EARLY).at(OPENS_AT, rules_of(market))
    waits = [one.by for one in then.facts if isinstance(one, DeadlinesMoved)]
    assert waits == ([days * DAY] if days else [])
    assert (ChargeAttempted in map(type, then.facts)) is (days == 0)


@pytest.mark.parametrize(("market", "kinds"), [("cn", []), ("us", ["renewal_far_ahead"])])
def test_the_plans_market_says_who_is_told_far_ahead(market, kinds):
    then = given(registered(months=12), bound(), enabled(12)).at(local("2027-01-29 10:00"), rules_of(market))
    assert [one.kind for one in then.facts] == kinds


def test_each_market_has_its_source_and_the_strictest_is_as_strict_as_any():
    strictest = REMINDER_RULES["strictest"]
    for rule in REMINDER_RULES.values():
        assert rule.source
        assert (strictest.ahead_days, strictest.wait_days) >= (rule.ahead_days, rule.wait_days)
        assert strictest.change_days >= rule.change_days
        assert strictest.early_of_months >= rule.early_of_months


def test_a_policy_without_rules_for_plans_of_no_market_is_refused():
    with pytest.raises(ValidationError, match="strictest"):
        Policy(reminders={"cn": ReminderRule()})
    slower = ReminderRule(ahead_days=14)
    assert Policy(reminders={"strictest": slower}).reminder_rule("cn") == slower


def test_a_plan_that_is_sold_no_more_follows_the_strictest_rule():
    assert RULES.reminder_rule("no such plan") == REMINDER_RULES["strictest"]


def test_a_changed_price_is_announced_as_early_as_the_plans_market_asks_for():
    content = TWO_VERSIONS.catalogue.model_dump()
    content["plans"]["keep-short"]["notice_days"] = 10
    rules = Rules(POLICY, Catalogue.model_validate(content))
    command = AnnouncePriceChange(command_id="a", card_id=CARD_ID, version=DEARER)
    (announced,) = decide(command, given(*AGREED_EARLY).card, rules, local("2026-06-20 09:00"), no_older_charge)
    assert announced.applies_from == date(2026, 7, 20)


# What else is told


def test_a_failure_is_told_with_the_next_try_the_amount_and_what_is_lost_when():
    then = given(*AGREED_EARLY, reminded(), started(), attempted(), failed()).at(OPENS_AT + SECOND)
    then.then(
        fact(
            ReminderDue,
            kind="payment_failed",
            declined_amount=MONTH_PRICE,
            amount=MONTH_PRICE,
            reactivation_fee=None,
            next_try_at=local("2026-03-30 10:00"),
            suspends_on=date(2026, 4, 3),
            lost_on=date(2026, 5, 1),
        )
    )


def test_a_failure_of_a_suspended_card_is_told_with_the_fee_and_without_the_day_that_is_over():
    on = enabled(at=local("2026-04-10 12:00"))
    card = given(registered(), bound(), suspended(), on).at(local("2026-04-10 12:00")).card
    attempt = card.attempts.open
    no = replace(failed(code="expired_card", at=local("2026-04-10 12:01")), attempt_id=attempt.attempt_id)
    history = given(registered(), bound(), suspended(), on, *_offer_and_try(card), no)
    history.at(local("2026-04-10 12:01")).then(
        fact(
            ReminderDue,
            declined_amount=MONTH_PRICE,
            amount=Money(minor=2000, currency="CNY"),
            reactivation_fee=Money(minor=500, currency="CNY"),
            next_try_at=None,
            suspends_on=None,
            lost_on=date(2026, 5, 1),
        )
    )


def test_each_failure_is_told_with_what_its_next_try_then_charges():
    """With two days of grace the service is off from 3 April on; the tries are on days 0, 1, 3, 5 and 7."""
    history, told, charged = History(), [], []
    while len(charged) < 5:
        charged.append(history.wakes_until(local("2026-05-01 00:00")).records[-1].fact)
        told.append(history.declined().records[-1].fact)
    fee_from = [(one.next_try_at, one.amount.minor) for one in told]
    assert fee_from[:4] == [(one.at, one.amount.minor) for one in charged[1:]]
    assert [minor for _, minor in fee_from] == [1500, 1500, 2000, 2000, 2000]
    assert [one.amount.minor for one in charged] == [1500, 1500, 1500, 2000, 2000]
    assert [one.declined_amount for one in told] == [one.amount for one in charged]


def test_of_what_the_balance_pays_a_part_of_only_the_rest_was_declined():
    some = BalanceCredited(amount=Money(minor=500, currency="CNY"), reason="released", about=None, at=REGISTERED_AT)
    first = PaymentMethodsOrdered(method_ids=("visa",), balance_first=True, at=REGISTERED_AT)
    told = History(registered(), bound(), first, some, enabled()).wakes(OPENS_AT).declined().records[-1].fact
    assert (told.kind, told.declined_amount) == ("payment_failed", MONTH_PRICE - some.amount)


def test_a_failure_without_a_further_try_is_told_with_what_is_due_now():
    history = History(registered(), bound(), enabled()).wakes(OPENS_AT).declined("lost_card")
    assert (history.records[-1].fact.next_try_at, history.records[-1].fact.amount) == (None, MONTH_PRICE)


def _offer_and_try(card):
    at = local("2026-04-10 12:00")
    offer = replace(started(at=at), reactivation_fee=Money(minor=500, currency="CNY"))
    return offer, replace(attempted(at=at), attempt_id=card.attempts.open.attempt_id)


@pytest.mark.parametrize(
    ("before", "suspends_on"), [(grace_started(), date(2026, 4, 5)), (suspended(), None)], ids=["grace", "suspended"]
)
def test_days_that_move_after_they_were_told_are_told_again(before, suspends_on):
    held = CardHeld(reason="asked", by="operator", at=local("2026-04-03 12:00"))
    card = given(*AGREED_EARLY, reminded(), started(), before, held)
    then = card.when(release_card, RULES, at=local("2026-04-05 12:00"))
    then.then(fact(CardReleased), fact(DeadlinesMoved, by=2 * DAY, suspends_on=suspends_on, lost_on=date(2026, 5, 3)))
    soon = card.when(release_card, RULES, at=local("2026-04-03 13:00"))
    soon.then(fact(CardReleased), fact(DeadlinesMoved, suspends_on=None, lost_on=None))


def test_a_receipt_names_the_attempt_and_its_method():
    history = History(*AGREED_EARLY, reminded()).wakes(OPENS_AT).paid()
    renewal = history.records[-1].fact
    assert (renewal.attempt_id, renewal.method_id) == (history.attempts()[0], "visa")


def test_that_a_charge_waits_for_its_notice_is_explained():
    history = History(*NO_GRACE)
    history.records[-1] = history.records[-1]._replace(wake_at=OPENS_AT)
    history.wakes()
    said = " ".join(one.text for one in why_not_charged(history.records, date(2026, 3, 31)).sentences)
    assert (
        "notified of the charge on 2026-03-29 10:00, to be made on 2026-04-03; nothing is charged automatically" in said
    )
    assert "Next, on 2026-04-03 10:00 (Asia/Shanghai): the holder has known of the charge for long enough" in said
