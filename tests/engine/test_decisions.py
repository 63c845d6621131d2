"""What callers ask of a card: each decision's facts. Asked again: test_twice.py; refused: test_bad_input.py."""

from datetime import date, timedelta
from uuid import uuid4

import pytest

from engine.card.attempt import ChargeOutcomeUnknown
from engine.card.consent import (
    AutoRenewEnabled,
    AutoRenewSwitchedOff,
    PeriodChanged,
    enable_auto_renew,
    switch_off_auto_renew,
)
from engine.card.custody import CardRegistered, register_card
from engine.card.deadlines import DeadlinesMoved
from engine.card.decline import ChargeFailed
from engine.card.methods import PaymentMethodBound, PaymentMethodRemoved, bind_payment_method
from engine.card.outcomes import record_answer
from engine.card.payments import ChargeSucceeded
from engine.card.refunds import RefundStarted
from engine.card.term import CardRenewed, Reinstated
from engine.catalogue import KeepRule
from engine.declines import Consequence
from engine.money import Money
from engine.ports import Declined, NotFound, Unclear
from tests.engine.given import Given, Then, fact, given
from tests.engine.samples import (
    CATALOGUE,
    CHARGING,
    DECLINED,
    ENDS_AT,
    GRACE_ENDS_AT,
    MONTH_PRICE,
    OPENS_AT,
    PAYING,
    PAYPAL,
    POLICY,
    REGISTERED_AT,
    SECOND,
    VISA,
    attempt_id,
    attempted,
    bound,
    charged,
    failed,
    grace_started,
    local,
    registered,
    started,
    suspended,
    switched_off,
    unknown,
)

NOW = REGISTERED_AT


def enable(card: Given, months: int = 1) -> Then:
    return card.when(enable_auto_renew, CATALOGUE, months=months, terms_version="terms-2", channel="app", at=NOW)


def answer(card: Given, said, *, at, learned="sent", to=None) -> Then:
    return card.when(record_answer, to or attempt_id(), said, learned=learned, policy=POLICY, at=at)


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


# The gateway's answers


def test_a_charge_that_succeeds_renews_the_card_where_its_term_ends():
    at = OPENS_AT + SECOND
    then = answer(given(*CHARGING), charged(), at=at).then(
        fact(
            ChargeSucceeded,
            attempt_id=attempt_id(),
            term_number=1,
            amount=MONTH_PRICE,
            gateway_ref="ref-1",
            learned="sent",
            at=at,
        ),
        fact(CardRenewed, attempt_id=attempt_id(), months=1, price=MONTH_PRICE, anchor_day=1),
    )
    term = then.card.term
    assert (term.number, term.starts_on, term.ends_on) == (1, date(2026, 4, 1), date(2026, 5, 1))
    assert term.starts_at == given(*PAYING).card.term.ends_at
    assert (then.card.attempts.open, then.card.renewal, then.card.attempts.made) == (None, None, 0)


def test_how_a_success_was_learned_is_kept():
    answer(given(*CHARGING, unknown()), charged(), at=local("2026-03-29 11:00"), learned="looked_up").then(
        fact(ChargeSucceeded, learned="looked_up"), fact(CardRenewed)
    )


def test_a_success_after_it_never_happened_is_recorded_and_given_back_at_once():
    at = local("2026-04-01 10:00")
    second = (*CHARGING, unknown(), failed(code="never_happened", at=at), attempted(2, 1, at=at))
    then = answer(given(*second), charged(1), to=attempt_id(1), at=at).then(
        fact(ChargeSucceeded, attempt_id=attempt_id(1), learned="late", term_number=1, amount=MONTH_PRICE),
        fact(RefundStarted, attempt_id=attempt_id(1), gateway_ref="ref-1", amount=MONTH_PRICE, reason="late_success"),
    )
    assert then.card.attempts.open is not None


def test_a_decline_told_again_changes_nothing():
    second = (*DECLINED, attempted(2, 2, at=local("2026-03-30 10:00")))
    answer(given(*second), Declined(code="lost_card"), to=attempt_id(1), at=local("2026-03-30 10:00")).nothing()
    answer(given(*second), charged(7), to=attempt_id(7), at=local("2026-03-30 10:00")).nothing()


def test_a_decline_is_a_fact_with_its_consequence_and_counters():
    at = OPENS_AT + SECOND
    said = Declined(code="stolen_card", advice_code="do_not_try_again", network_code="43")
    then = answer(given(*CHARGING), said, at=at).then(
        fact(
            ChargeFailed,
            attempt_id=attempt_id(),
            term_number=1,
            method_id="visa",
            code="stolen_card",
            advice_code="do_not_try_again",
            network_code="43",
            consequence=Consequence.NEVER,
            rung=1,
            policy_version=POLICY.version,
            learned="sent",
            at=at,
        )
    )
    assert then.card.attempts.open is None
    assert then.card.methods.ended == {"visa": "stolen_card"}
    assert then.card.renewal.last_code == "stolen_card"


def test_a_soft_decline_leaves_the_method_usable():
    then = answer(given(*CHARGING), Declined(code="insufficient_funds"), at=OPENS_AT)
    assert then.card.methods.ended == {}


@pytest.mark.parametrize("code", ["revocation_of_authorization", "stop_payment_order"])
def test_a_mandate_withdrawn_for_one_payment_ends_the_method_and_no_more(code):
    then = answer(given(*CHARGING), Declined(code=code), at=OPENS_AT).then(
        fact(ChargeFailed, code=code), fact(PaymentMethodRemoved, method_id="visa", reason="mandate_withdrawn")
    )
    assert then.card.methods.bound == ()
    assert then.card.consent is not None


def test_a_mandate_withdrawn_for_the_merchant_switches_auto_renewal_off():
    said = Declined(code="revocation_of_all_authorizations")
    answer(given(*CHARGING), said, at=OPENS_AT).then(
        fact(ChargeFailed, consequence=Consequence.MANDATE_WITHDRAWN_CARD),
        fact(AutoRenewSwitchedOff, reason="mandate_withdrawn"),
    )
    answer(given(*CHARGING, switched_off()), said, at=OPENS_AT).then(fact(ChargeFailed))


def test_an_unclear_answer_is_unknown_and_asked_about_in_five_minutes_a_quarter_and_then_hourly():
    at, card = OPENS_AT + SECOND, given(*CHARGING)
    for asked, wait in enumerate([timedelta(minutes=m) for m in (5, 15, 60, 60)], 1):
        then = answer(card, Unclear(reason="timeout"), at=at).then(
            fact(ChargeOutcomeUnknown, attempt_id=attempt_id(), reason="timeout", asked=asked, ask_again_at=at + wait)
        )
        card, at = Given(then.card), at + wait


def test_a_success_of_another_amount_or_attempt_is_not_believed():
    for said in (charged(amount=Money(minor=1, currency="CNY")), charged(amount=Money(minor=1500, currency="USD"))):
        answer(given(*CHARGING), said, at=OPENS_AT).then(fact(ChargeOutcomeUnknown, reason="answer_is_not_ours"))
    foreign = charged().model_copy(update={"attempt_id": uuid4()})
    answer(given(*CHARGING), foreign, at=OPENS_AT).then(fact(ChargeOutcomeUnknown, reason="answer_is_not_ours"))


def test_a_duplicate_transaction_may_have_moved_money_and_is_unknown():
    said = Declined(code="duplicate_transaction")
    answer(given(*CHARGING), said, at=OPENS_AT).then(fact(ChargeOutcomeUnknown, reason="duplicate_transaction"))


def test_what_the_gateway_cannot_find_is_unknown_until_it_surely_never_happened():
    surely = OPENS_AT + POLICY.key_lifetime + POLICY.never_happened_after
    card = given(*CHARGING, unknown())
    answer(card, NotFound(), learned="looked_up", at=surely - SECOND).then(
        fact(ChargeOutcomeUnknown, reason="not_found_yet", asked=2)
    )
    answer(card, NotFound(), learned="looked_up", at=surely).then(
        fact(ChargeFailed, code="never_happened", decided_by="code"),
        fact(DeadlinesMoved, reason="unknown_outcome", by=surely - OPENS_AT),
    )


def test_a_late_success_after_switching_off_still_renews():
    history = (*CHARGING, unknown(), switched_off())
    answer(given(*history), charged(), at=ENDS_AT, learned="looked_up").then(fact(ChargeSucceeded), fact(CardRenewed))


# Late payment


def test_paid_in_grace_the_anchor_stays():
    history = (*DECLINED, grace_started(), attempted(2, 3, at=local("2026-04-01 10:00")))
    then = answer(given(*history), charged(2), to=attempt_id(2), at=local("2026-04-01 10:01"))
    then.then(fact(ChargeSucceeded), fact(CardRenewed, anchor_day=1))
    assert (then.card.term.starts_on, then.card.term.ends_on) == (date(2026, 4, 1), date(2026, 5, 1))
    assert then.card.status == "active"


def test_paid_in_grace_when_that_term_would_be_over_the_new_one_starts_today():
    history = (registered(grace_days=180, reclaim_days=270), *DECLINED[1:], grace_started())
    late = (*history, attempted(2, 3, at=local("2026-05-01 00:00")))
    then = answer(given(*late), charged(2), to=attempt_id(2), at=local("2026-05-01 00:00"))
    then.then(fact(ChargeSucceeded), fact(CardRenewed, anchor_day=1))
    assert (then.card.term.starts_on, then.card.term.ends_on) == (date(2026, 5, 1), date(2026, 6, 1))


def test_paid_when_suspended_the_new_term_starts_on_the_local_day_of_payment():
    history = (*DECLINED, suspended(), attempted(2, 5, at=local("2026-04-06 00:30")))
    then = answer(given(*history), charged(2), to=attempt_id(2), at=local("2026-04-06 00:31"))  # 5 April in UTC
    then.then(
        fact(ChargeSucceeded, term_number=1),
        fact(Reinstated, term_number=1),
        fact(CardRenewed, anchor_day=6, attempt_id=attempt_id(2)),
    )
    assert (then.card.term.number, then.card.term.starts_on, then.card.term.ends_on) == (
        1,
        date(2026, 4, 6),
        date(2026, 5, 6),
    )
    assert then.card.status == "active"


def test_a_charge_open_over_the_end_of_grace_keeps_the_anchor_since_the_service_was_never_off():
    then = answer(given(*CHARGING, unknown()), charged(), at=GRACE_ENDS_AT + timedelta(days=3), learned="looked_up")
    then.then(fact(ChargeSucceeded), fact(CardRenewed, anchor_day=1))
    assert then.card.term.starts_on == date(2026, 4, 1)


def test_the_period_of_the_offer_is_bought_whatever_was_chosen_since():
    history = (*PAYING[:2], *PAYING[2:], started(), attempted())
    changed = enable(given(*history), months=12).card
    then = answer(Given(changed), charged(), at=OPENS_AT + SECOND)
    then.then(fact(ChargeSucceeded), fact(CardRenewed, months=1))
    assert then.card.consent.months == 12


def test_what_ended_a_method_outlives_the_renewal():
    history = (registered(), bound(VISA), bound(PAYPAL), PAYING[2], started(), attempted(), failed(code="expired_card"))
    paid = (*history, attempted(2, 1, PAYPAL))
    then = answer(given(*paid), charged(2, PAYPAL), to=attempt_id(2, PAYPAL), at=OPENS_AT + SECOND)
    assert then.card.methods.ended == {"visa": "expired_card"}
