"""What callers ask of a card: each decision's facts. Asked again: test_twice.py; refused: test_bad_input.py."""

from datetime import date

from engine.card.consent import (
    AutoRenewEnabled,
    AutoRenewSwitchedOff,
    PeriodChanged,
    enable_auto_renew,
    switch_off_auto_renew,
)
from engine.card.custody import CardRegistered, register_card
from engine.card.methods import PaymentMethodBound, bind_payment_method
from engine.catalogue import KeepRule
from engine.money import Money
from tests.engine.given import Given, Then, fact, given
from tests.engine.samples import (
    CATALOGUE,
    CHARGING,
    OPENS_AT,
    PAYING,
    PAYPAL,
    REGISTERED_AT,
    SECOND,
    VISA,
    bound,
    local,
    registered,
    switched_off,
)

NOW = REGISTERED_AT


def enable(card: Given, months: int = 1) -> Then:
    return card.when(enable_auto_renew, CATALOGUE, months=months, terms_version="terms-2", channel="app", at=NOW)


# Registering


def test_a_card_is_registered_with_its_running_term_and_its_carriers_keep_rule():
    then = given().when(
        register_card,
        CATALOGUE,
        holder_id="holder-1",
        plan="keep-short",
        currency="CNY",
        zone="Asia/Shanghai",
        starts_on=date(2026, 1, 31),
        months=1,
        at=NOW,
    )
    then.then(
        fact(
            CardRegistered,
            plan="keep-short",
            keep_rule="reach-brand",
            keep=KeepRule(grace_days=2, reclaim_days=30, quarantine_days=45, source="nctcsupport.reachplatform.com"),
            anchor_day=31,
            at=NOW,
        )
    )
    term = then.card.term
    assert (term.number, term.starts_on, term.ends_on) == (0, date(2026, 1, 31), date(2026, 2, 28))
    assert (term.starts_at, term.ends_at) == (local("2026-01-31 00:00"), local("2026-02-28 00:00"))
    assert (then.card.status, then.card.methods.bound, then.card.consent) == ("active", (), None)


# Payment methods


def test_a_method_is_bound_behind_those_that_are_there():
    then = given(registered(), bound(VISA)).when(bind_payment_method, method=PAYPAL, at=NOW)
    then.then(fact(PaymentMethodBound, method=PAYPAL, at=NOW))
    assert then.card.methods.bound == (VISA, PAYPAL)


# Auto-renewal


def test_switching_on_keeps_what_the_holder_was_shown():
    enable(given(registered(), bound(VISA)), months=12).then(
        fact(
            AutoRenewEnabled,
            months=12,
            price=Money(minor=14_400, currency="CNY"),
            saving=Money(minor=3_600, currency="CNY"),
            catalogue_version="2026-11-01",
            terms_version="terms-2",
            channel="app",
            at=NOW,
        )
    )


def test_choosing_another_period_is_a_new_consent():
    then = enable(given(*PAYING), months=6).then(fact(PeriodChanged, months=6))
    assert then.card.consent.months == 6


def test_switching_off_is_a_fact_with_its_reason():
    then = given(*PAYING).when(switch_off_auto_renew, reason="operator", at=NOW)
    then.then(fact(AutoRenewSwitchedOff, reason="operator", at=NOW))
    assert then.card.consent is None


def test_switching_on_again_is_possible_after_switching_off():
    enable(given(*PAYING, switched_off())).then(fact(AutoRenewEnabled, months=1))


def test_switching_off_leaves_an_open_attempt_to_run_to_its_end():
    then = given(*CHARGING).when(switch_off_auto_renew, reason="holder", at=OPENS_AT + SECOND)
    assert then.card.attempts.open is not None
