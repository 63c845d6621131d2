"""Each kind of fact about money as one sentence."""

from typing import get_args

import pytest

from engine.card import facts
from engine.money import Money
from engine.why.money_sentences import MoneyFact
from engine.why.sentences import sentence
from tests.engine.recorded_history import recorded
from tests.engine.refund_sentences import AT, FACTS_OF_REFUNDS, LATER, PRICE, A, R
from tests.engine.samples import ZONE

NOTHING = Money(minor=0, currency="CNY")
TRY = {"attempt_id": A, "term_number": 1, "at": AT}
VERSION = {"policy_version": "p1"}
COUNTED = {"happened": True, "counts": True, "ends_method": False}

FOUND = {"method_id": "visa", "token": "tok-visa", "amount": PRICE, "charged_at": LATER}

FACTS = [
    (
        facts.ChargeFound(**TRY, **FOUND, pays=True, from_balance=500),
        (
            "a charge was found that the log had lost when the database was restored: method visa was charged "
            "15.00 CNY for term 1, with 5.00 CNY from the balance besides on 2026-03-30 11:30, "
            f"attempt {A}; it counts"
        ),
    ),
    (
        facts.ChargeFound(**TRY, **FOUND, pays=False, top_up=2),
        (
            "a charge was found that the log had lost when the database was restored: method visa was charged "
            f"15.00 CNY for top-up 2 on 2026-03-30 11:30, attempt {A}; it is not needed and goes back"
        ),
    ),
    (
        facts.GapClosed(until=LATER, at=AT),
        "everything that the gateway charged before 2026-03-30 11:30 was in the log again, as it listed",
    ),
    (
        facts.CaseOpened(about=A, reason="charge_unexplained", at=AT),
        (
            f"a case for a person was opened about attempt {A}: the gateway charged it before the database was "
            "restored, and the restored card has no reason for it"
        ),
    ),
    (
        facts.ChargeAttempted(
            **TRY,
            **VERSION,
            number=1,
            rung=0,
            reason="renewal_opened",
            method_id="alipay",
            token="cus_1/alipay",
            amount=PRICE,
            brand="alipay",
            page_until=LATER,
        ),
        (
            "the holder was to pay 15.00 CNY for term 1 by alipay on the provider's page, open until 2026-03-30 11:30: "
            f"attempt {A}, number 1"
        ),
    ),
    (
        facts.ChargeAttempted(
            **TRY, **VERSION, number=2, rung=1, reason="next_method", method_id="visa", token="tok-visa", amount=PRICE
        ),
        f"method visa was asked for 15.00 CNY for term 1: attempt {A}, number 2 (rung 1, next method of the pass)",
    ),
    (
        facts.ChargeAttempted(
            **TRY,
            **VERSION,
            number=1,
            rung=0,
            reason="top_up",
            method_id="visa",
            token="tok-visa",
            amount=PRICE,
            top_up=4,
            from_balance=5,
        ),
        (
            "method visa was asked for 15.00 CNY for top-up 4, with 0.05 CNY from the balance besides: "
            f"attempt {A}, number 1 (rung 0, top-up)"
        ),
    ),
    (
        facts.ChargeWithheld(
            term_number=1,
            rung=2,
            method_id="visa",
            reason="retries_30d",
            until=LATER,
            limits_edition="e1",
            **VERSION,
            at=AT,
        ),
        (
            "a try of method visa for term 1 was due in rung 2, but rule retries_30d of the network limits, edition "
            "e1, "
            "forbids it until 2026-03-30 11:30"
        ),
    ),
    (
        facts.ChargeWithheld(term_number=1, rung=2, method_id="visa", reason="never", until=None, **VERSION, at=AT),
        "a try of method visa for term 1 was due in rung 2, but a network's or issuer's “never” blocks it for ever",
    ),
    (
        facts.ChargeSucceeded(**TRY, amount=PRICE, gateway_ref="ref-1", learned="sent"),
        (
            f"15.00 CNY was taken under the gateway's reference “ref-1”, as the gateway answered at once: "
            f"attempt {A} succeeded"
        ),
    ),
    (
        facts.ChargeSucceeded(
            **TRY, amount=PRICE, gateway_ref="ref-1", learned="resolved", from_balance=300, evidence="their\nletter"
        ),
        (
            "15.00 CNY was taken (and 3.00 CNY came from the balance) under the gateway's reference “ref-1”, as a "
            "person "
            f"found out (evidence: “their letter”): attempt {A} succeeded"
        ),
    ),
    (
        facts.ChargeFailed(
            **TRY,
            **VERSION,
            **COUNTED,
            method_id="visa",
            code="do_not_honor",
            consequence="retry",
            rung=1,
            learned="looked_up",
        ),
        (
            f"method visa was not charged, as a look-up at the gateway showed: attempt {A} failed with code "
            "do_not_honor; "
            "by the decline code the method may be tried again"
        ),
    ),
    (
        facts.ChargeFailed(
            **TRY,
            **VERSION,
            **COUNTED,
            method_id="visa",
            code="processing_error",
            advice_code="24",
            network_code="19",
            consequence="retry_soon",
            rung=1,
            learned="sent",
            decided_by="advice_code",
            not_before=LATER,
            within_rung=True,
        ),
        (
            f"method visa was not charged, as the gateway answered at once: attempt {A} failed with code "
            "processing_error, advice code 24, network code 19; by the advice code the method may be tried again "
            "shortly "
            "and is left alone until 2026-03-30 11:30, then tried again in the same rung"
        ),
    ),
    (
        facts.ChargeOutcomeUnknown(**TRY, reason="timeout", asked=1, ask_again_at=LATER),
        (
            f"nobody could say whether attempt {A} moved money (timeout, asked 1 time); "
            "the gateway is asked again on 2026-03-30 11:30"
        ),
    ),
    (
        facts.CaseOpened(about=A, reason="outcome_unknown", at=AT),
        f"a case for a person was opened, to find out what became of attempt {A}",
    ),
    (
        facts.CaseOpened(about=R, reason="number_may_be_lost", at=AT),
        (
            "a case for a person was opened, since we delayed the payment past the day on which the carrier may take "
            "the number: nothing is charged before its existence is confirmed"
        ),
    ),
    (
        facts.CaseOpened(about=R, reason="refund_unknown", at=AT),
        f"a case for a person was opened, to find out what became of refund {R}",
    ),
    (
        facts.CaseOpened(about=R, reason="refund_disputed", attempt_id=A, at=AT),
        (
            f"a case for a person was opened, to find out whether the gateway has made refund {R}, of whose charge the "
            "holder's bank took back more than leaves room for it: it is not asked for any more"
        ),
    ),
    (
        facts.CaseOpened(about=R, reason="refund_owed", attempt_id=A, at=AT),
        f"a case for a person was opened, since what refund {R} was to give back is owed again",
    ),
    (
        facts.AutoTopUpSet(threshold=PRICE, amount=PRICE, at=AT),
        "the holder agreed to top up 15.00 CNY whenever the balance is below 15.00 CNY",
    ),
    (
        facts.AutoTopUpSet(threshold=None, amount=None, at=AT),
        "the holder's standing order for top-ups ended",
    ),
    (facts.TopUpStarted(number=1, amount=PRICE, automatic=False, at=AT), "top-up 1 of 15.00 CNY was asked for"),
    (
        facts.TopUpStarted(number=2, amount=PRICE, automatic=True, at=AT),
        "top-up 2 of 15.00 CNY fell due by the standing order",
    ),
    (
        facts.TopUpFailed(number=2, last_code="lost_card", at=AT),
        "top-up 2 failed: no payment method could be charged, the last code being lost_card",
    ),
    (
        facts.AutoTopUpStopped(declined=4, last_code="lost_card", at=AT),
        "the standing order was switched off after 4 declined top-ups, last with lost_card",
    ),
    (
        facts.TopUpFailed(number=2, last_code="amount_too_small", at=AT),
        "top-up 2 failed: the gateway does not take its amount, the last code being amount_too_small",
    ),
    (
        facts.AutoTopUpStopped(declined=0, last_code="amount_too_large", at=AT),
        (
            "the standing order was switched off, since the gateway does not take its amount, the code being "
            "amount_too_large"
        ),
    ),
    (
        facts.TopUpFailed(number=2, last_code=None, withdrawn=True, at=AT),
        "top-up 2 ended, since auto-renewal was switched off meanwhile",
    ),
    (
        facts.TopUpFailed(number=2, last_code=None, at=AT),
        "top-up 2 failed: no payment method could be charged",
    ),
    (
        facts.BalanceCredited(amount=PRICE, reason="top_up", about=A, at=AT),
        f"15.00 CNY came onto the balance by a top-up of attempt {A}",
    ),
    (
        facts.BalanceCredited(amount=PRICE, reason="released", about=None, at=AT),
        "15.00 CNY came onto the balance because it was not used after all",
    ),
    (
        facts.BalanceDebited(amount=PRICE, reason="refund", about=A, at=AT),
        "15.00 CNY left the balance again, since the charge that had brought it went back",
    ),
    (
        facts.BalanceDebited(amount=PRICE, reason="dispute", about=A, of_term=2, at=AT),
        (
            "15.00 CNY of the balance, paid for term 2, would not come back with it, "
            "since the charge that had brought it went back"
        ),
    ),
    (
        facts.BalancePaidOut(amount=PRICE, evidence="bank slip", at=AT),
        "15.00 CNY of the balance was paid out (evidence: “bank slip”)",
    ),
    (
        facts.ChargePending(attempt_id=A, term_number=1, gateway_ref="pi_1", asked=1, ask_again_at=LATER, at=AT),
        (
            f"the gateway had accepted attempt {A} under the reference “pi_1”, and would know its outcome later; "
            "it is looked up on 2026-03-30 11:30"
        ),
    ),
    (
        facts.BalanceCredited(amount=PRICE, reason="dispute_won", about=A, at=AT),
        f"15.00 CNY came onto the balance again, since the dispute was won, of attempt {A}",
    ),
    *FACTS_OF_REFUNDS,
]


@pytest.mark.parametrize(("fact", "expected"), FACTS, ids=lambda one: type(one).__name__)
def test_a_fact_about_money_is_one_sentence(fact, expected):
    assert sentence(recorded(fact)[0], ZONE) == f"On 2026-03-29 10:00 (Asia/Shanghai) {expected}."


def test_every_kind_of_fact_about_money_has_an_example():
    assert {type(fact) for fact, _ in FACTS} == set(get_args(MoneyFact))
