"""Answers of the gateway and the facts they lead to, with codes, counters and consequences."""

from datetime import date, timedelta
from uuid import uuid4

import pytest

from engine.card.attempt import ChargeOutcomeUnknown
from engine.card.consent import AutoRenewSwitchedOff
from engine.card.deadlines import DeadlinesMoved
from engine.card.decline import ChargeFailed
from engine.card.methods import PaymentMethodRemoved
from engine.card.outcomes import record_answer
from engine.card.payments import ChargeSucceeded
from engine.card.refunds import RefundStarted
from engine.card.term import CardRenewed
from engine.declines import Consequence
from engine.money import Money
from engine.ports import Declined, NotFound, Unclear
from tests.engine.given_when_then import Given, Then, fact, given
from tests.engine.samples import (
    CHARGING,
    DECLINED,
    ENDS_AT,
    MONTH_PRICE,
    OPENS_AT,
    PAYING,
    PAYPAL,
    POLICY,
    PROVIDER,
    RULES,
    SECOND,
    VISA,
    attempt_id,
    attempted,
    bound,
    charged,
    failed,
    local,
    registered,
    started,
    switched_off,
    unknown,
)


def answer(card: Given, reply, *, at, learned="sent", to=None) -> Then:
    return card.when(record_answer, to or attempt_id(), reply, learned=learned, rules=RULES, at=at)


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


def test_a_success_after_it_never_happened_is_recorded_and_refunded_at_once():
    at = local("2026-04-01 10:00")
    second = (*CHARGING, unknown(), failed(code="never_happened", at=at), attempted(2, 1, at=at))
    then = answer(given(*second), charged(1), to=attempt_id(1), at=at).then(
        fact(ChargeSucceeded, attempt_id=attempt_id(1), learned="late", term_number=1, amount=MONTH_PRICE),
        fact(RefundStarted, attempt_id=attempt_id(1), gateway_ref="ref-1", amount=MONTH_PRICE, reason="late_success"),
    )
    assert then.card.attempts.open is not None


def test_a_repeated_decline_changes_nothing():
    second = (*DECLINED, attempted(2, 2, at=local("2026-03-30 10:00")))
    answer(given(*second), Declined(code="lost_card"), to=attempt_id(1), at=local("2026-03-30 10:00")).nothing()
    answer(given(*second), charged(7), to=attempt_id(7), at=local("2026-03-30 10:00")).nothing()


def test_a_decline_is_a_fact_with_its_consequence_and_counters():
    at = OPENS_AT + SECOND
    reply = Declined(code="stolen_card", advice_code="do_not_try_again", network_code="43")
    then = answer(given(*CHARGING), reply, at=at).then(
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
    assert then.card.methods.ended == {"visa": "never"}
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
    reply = Declined(code="revocation_of_all_authorizations")
    answer(given(*CHARGING), reply, at=OPENS_AT).then(
        fact(ChargeFailed, consequence=Consequence.MANDATE_WITHDRAWN_CARD),
        fact(AutoRenewSwitchedOff, reason="mandate_withdrawn"),
    )
    answer(given(*CHARGING, switched_off()), reply, at=OPENS_AT).then(fact(ChargeFailed))


def test_an_unclear_answer_is_unknown_and_asked_about_in_five_minutes_a_quarter_and_then_hourly():
    at, card = OPENS_AT + SECOND, given(*CHARGING)
    for asked, wait in enumerate([timedelta(minutes=m) for m in (5, 15, 60, 60)], 1):
        then = answer(card, Unclear(reason="timeout"), at=at).then(
            fact(ChargeOutcomeUnknown, attempt_id=attempt_id(), reason="timeout", asked=asked, ask_again_at=at + wait)
        )
        card, at = Given(then.card), at + wait


def test_a_success_of_another_amount_or_attempt_is_an_unknown_outcome():
    for reply in (charged(amount=Money(minor=1, currency="CNY")), charged(amount=Money(minor=1500, currency="USD"))):
        answer(given(*CHARGING), reply, at=OPENS_AT).then(fact(ChargeOutcomeUnknown, reason="answer_is_not_ours"))
    foreign = charged().model_copy(update={"attempt_id": uuid4()})
    answer(given(*CHARGING), foreign, at=OPENS_AT).then(fact(ChargeOutcomeUnknown, reason="answer_is_not_ours"))


def test_a_duplicate_transaction_may_have_moved_money_and_is_unknown():
    reply = Declined(code="duplicate_transaction")
    answer(given(*CHARGING), reply, at=OPENS_AT).then(fact(ChargeOutcomeUnknown, reason="duplicate_transaction"))


def test_what_the_gateway_cannot_find_is_unknown_until_it_certainly_never_happened():
    surely = OPENS_AT + PROVIDER.key_lifetime + PROVIDER.never_happened_after
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


def test_what_ended_a_method_outlives_the_renewal():
    history = (registered(), bound(VISA), bound(PAYPAL), PAYING[2], started(), attempted(), failed(code="expired_card"))
    paid = (*history, attempted(2, 1, PAYPAL))
    then = answer(given(*paid), charged(2, PAYPAL), to=attempt_id(2, PAYPAL), at=OPENS_AT + SECOND)
    assert then.card.methods.ended == {"visa": "expired_card"}
