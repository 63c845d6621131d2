"""Each kind of fact as one sentence."""

from datetime import date, timedelta
from typing import get_args
from uuid import UUID

import pytest
from msgspec.structs import replace

from engine.calendar import term_from
from engine.card import facts
from engine.card.facts import STORED_NAMES
from engine.catalogue import KeepRule
from engine.money import Money
from engine.operations import (
    OPERATIONS_NAMES,
    ChargingResumed,
    ChargingStopped,
    ClockConfirmed,
    PaymentCardAllowed,
    RestoreBegun,
    RestoreEnded,
)
from engine.why.money_sentences import MoneyFact
from engine.why.phrases import clock
from engine.why.sentences import sentence
from tests.engine.recorded_history import recorded
from tests.engine.samples import DEBIT, VISA, ZONE, local, registered, renewed

AT, LATER = local("2026-03-29 10:00"), local("2026-03-30 11:30")
A = UUID(int=10)
RUNNING = term_from(0, date(2026, 3, 1), 1, 1, "Asia/Shanghai")
PRICE, NOTHING = Money(minor=1500, currency="CNY"), Money(minor=0, currency="CNY")
SHOWN = {"price": PRICE, "catalogue_version": "c1", "at": AT}
CONSENT = {**SHOWN, "months": 3, "saving": Money(minor=250, currency="CNY"), "terms_version": "t1", "channel": "web"}
VERSION = {"policy_version": "p1"}

FACTS = [
    (
        replace(registered(grace_days=1), at=AT),
        (
            "the card was taken into care: plan keep-short in CNY, term 0 from 2026-03-01 to 2026-04-01 in "
            "Asia/Shanghai; "
            "unpaid it is suspended 1 day after the end of a term and lost 30 days after it (keep rule reach-brand)"
        ),
    ),
    (
        facts.ZoneChanged(zone="Europe/Paris", at=AT),
        "the card's time zone became Europe/Paris, from the next term on",
    ),
    (facts.HolderChanged(holder_id="h-2", before="h-1", at=AT), "the card came from h-1 to h-2"),
    (facts.CardHeld(reason="a\n doubt", by="operator", at=AT), "the card was held by the operator: “a doubt”"),
    (facts.CardReleased(at=AT), "the hold was lifted"),
    (
        facts.TermUndone(undone_number=1, attempt_id=A, term=RUNNING, at=AT),
        (
            f"term 1 was undone, since all that was charged for it by attempt {A} went back; "
            "term 0 runs on until 2026-04-01"
        ),
    ),
    (
        facts.NumberConfirmed(evidence="a call", at=AT),
        "a person confirmed that the number still exists (evidence: “a call”)",
    ),
    (facts.CardClosed(reason="moved", balance=NOTHING, at=AT), "the card was closed: “moved”"),
    (
        facts.CardClosed(reason="moved", balance=PRICE, at=AT),
        "the card was closed: “moved”; 15.00 CNY of its balance is owed to the holder",
    ),
    (
        facts.PaymentMethodBound(method=VISA, at=AT),
        "payment method visa (credit card, visa, ending in 4242) was bound",
    ),
    (facts.PaymentMethodUpdated(method=DEBIT, at=AT), "payment method debit (debit card) got new details"),
    (
        facts.PaymentMethodRemoved(method_id="visa", reason="holder", at=AT),
        "method visa was removed by the holder",
    ),
    (
        facts.PaymentMethodRemoved(method_id="visa", reason="mandate_withdrawn", at=AT),
        "method visa was removed because its mandate was withdrawn",
    ),
    (
        facts.PaymentMethodsOrdered(method_ids=("visa", "debit", "paypal"), balance_first=True, at=AT),
        "the holder chose the order of payment: visa, debit and paypal; the balance is spent first",
    ),
    (
        facts.PaymentMethodAllowed(method_id="visa", fingerprint="fp-visa", reason="it is good", at=AT),
        "method visa is allowed again with payment card fp-visa: “it is good”",
    ),
    (
        facts.PaymentMethodsOrdered(method_ids=(), balance_first=False, at=AT),
        "the holder chose the order of payment; the balance is not spent by itself",
    ),
    (
        facts.AutoRenewEnabled(**CONSENT),
        (
            "auto-renewal was switched on: 3 months at 15.00 CNY, saving 2.50 CNY, as shown from catalogue version c1 "
            "and agreed to under terms “t1” through web"
        ),
    ),
    (
        facts.PeriodChanged(**CONSENT | {"months": 1, "saving": NOTHING}),
        (
            "another period was chosen: 1 month at 15.00 CNY, as shown from catalogue version c1 "
            "and agreed to under terms “t1” through web"
        ),
    ),
    (
        facts.PriceChangeAnnounced(**SHOWN, months=1, saving=NOTHING, applies_from=date(2026, 6, 1)),
        "the holder was told that 1 month will cost 15.00 CNY from 2026-06-01 on (catalogue version c1)",
    ),
    (facts.AutoRenewSwitchedOff(reason="operator", at=AT), "auto-renewal was switched off by the operator"),
    (facts.RenewalRequested(at=AT), "the holder asked to be charged for the next term at once"),
    (
        facts.RenewalRequestEnded(term_number=1, at=AT),
        "what the holder had asked for ahead of time came to nothing; the renewal opens on its day",
    ),
    (
        facts.RenewalRequestEnded(term_number=1, withheld="retries_30d", next_try_at=AT, at=AT),
        (
            "what the holder had asked for ahead of time came to nothing, and was not tried, since rule retries_30d "
            "of the network limits forbids it; the renewal opens on its day"
        ),
    ),
    (
        facts.RenewalStarted(**SHOWN, **VERSION, term_number=1, months=1, saving=NOTHING),
        "term 1 was offered: 1 month for 15.00 CNY (catalogue version c1, policy version p1)",
    ),
    (
        facts.RenewalStarted(**SHOWN, **VERSION, term_number=1, months=1, saving=NOTHING, reactivation_fee=PRICE),
        (
            "term 1 was offered: 1 month for 15.00 CNY, and 15.00 CNY more if the service is off by then "
            "(catalogue version c1, policy version p1)"
        ),
    ),
    (
        replace(renewed(AT), attempt_id=A),
        f"the card was renewed for 1 month: term 1 from 2026-04-01 to 2026-05-01, 15.00 CNY, paid by attempt {A}",
    ),
    (
        replace(renewed(AT), attempt_id=A, from_balance=300, reactivation_fee=PRICE),
        (
            "the card was renewed for 1 month: term 1 from 2026-04-01 to 2026-05-01, 15.00 CNY and 15.00 CNY for the "
            f"reactivation, paid by attempt {A} and 3.00 CNY from the balance"
        ),
    ),
    (
        replace(renewed(AT), attempt_id=None, from_balance=1500),
        "the card was renewed for 1 month: term 1 from 2026-04-01 to 2026-05-01, 15.00 CNY, paid from the balance",
    ),
    (
        facts.GraceStarted(term_number=0, suspends_on=date(2026, 4, 3), **VERSION, at=AT),
        "term 0 had ended unpaid and grace began: the service stays on until 2026-04-03 (policy version p1)",
    ),
    (
        facts.Suspended(
            term_number=0, reclaimed_on=date(2026, 5, 1), rungs=1, last_code="do_not_honor", **VERSION, at=AT
        ),
        (
            "the service was suspended, since what follows term 0 was not paid: 1 rung tried, the last code being "
            "do_not_honor; the number is ours until 2026-05-01 (policy version p1)"
        ),
    ),
    (
        facts.Suspended(term_number=0, reclaimed_on=date(2026, 5, 1), rungs=0, last_code=None, **VERSION, at=AT),
        (
            "the service was suspended, since what follows term 0 was not paid: 0 rungs tried; "
            "the number is ours until 2026-05-01 (policy version p1)"
        ),
    ),
    (facts.Reinstated(term_number=1, at=AT), "the service was switched on again with the payment of term 1"),
    (
        facts.NumberReclaimed(
            term_number=0, by="deadline", quarantined_until=date(2026, 6, 1), balance=PRICE, **VERSION, at=AT
        ),
        (
            "the carrier took the number back, as its deadline had passed; it is in quarantine until 2026-06-01; "
            "15.00 CNY of its balance is owed to the holder (policy version p1)"
        ),
    ),
    (
        facts.NumberReclaimed(
            term_number=0, by="carrier", quarantined_until=date(2026, 6, 1), balance=NOTHING, **VERSION, at=AT
        ),
        (
            "the carrier took the number back, as the carrier said so; it is in quarantine until 2026-06-01 "
            "(policy version p1)"
        ),
    ),
    (facts.ChargingBlocked(at=AT), "the card was to be charged, but the operator had stopped all charging"),
    (
        facts.DeadlinesMoved(reason="late", by=timedelta(hours=27), at=AT),
        "suspension and reclaim of the unpaid term moved by 1 day 3 hours, because we were not running",
    ),
    (
        facts.ReminderDue(kind="renewal_ahead", term_number=0, about="2026-04-01", at=AT),
        "the holder was to be told that the renewal opens on 2026-04-01",
    ),
    (
        facts.ReminderDue(kind="renewal_ahead", term_number=0, about="2026-03-28", at=AT),
        "the holder was to be told that the renewal opened on 2026-03-28",
    ),
    (
        facts.ReminderDue(kind="method_expires", term_number=0, about="visa", at=AT),
        "the holder was to be told that method visa will have expired by the next term",
    ),
    (
        facts.ReminderDue(kind="payment_failed", term_number=0, about="2", at=AT),
        "the holder was to be told that the payment failed (declines so far: 2)",
    ),
    (
        facts.ReminderDue(
            kind="payment_failed",
            term_number=0,
            about="1",
            declined_amount=PRICE,
            amount=PRICE + PRICE,
            reactivation_fee=PRICE,
            next_try_at=LATER,
            lost_on=date(2026, 5, 1),
            at=AT,
        ),
        (
            "the holder was to be told that the payment failed (declines so far: 1): 15.00 CNY was declined, "
            "30.00 CNY, 15.00 CNY of it the reactivation fee, is tried again on 2026-03-30 11:30, "
            "the number is lost on 2026-05-01"
        ),
    ),
    (
        facts.ReminderDue(
            kind="lapse_ahead",
            term_number=0,
            about="2026-04-01",
            suspends_on=date(2026, 4, 3),
            lost_on=date(2026, 5, 1),
            at=AT,
        ),
        (
            "the holder was to be told that auto-renewal is off, so nothing is paid beyond 2026-04-01, "
            "the service ends on 2026-04-03 and the number is lost on 2026-05-01"
        ),
    ),
    (
        facts.ReminderDue(kind="last_chance", term_number=0, about="2026-05-01", at=AT),
        "the holder was to be told that the number is lost on 2026-05-01",
    ),
    (
        facts.Deferred(reason="next_rung", until=LATER, at=AT),
        "there was nothing to do but wait until 2026-03-30 11:30 (next rung)",
    ),
    (facts.Deferred(reason="held", until=None, at=AT), "there was nothing to do but wait without end (held)"),
    (
        facts.Replanned(reason="term_ends", until=LATER, at=AT),
        "rules had changed, and time now asks the card again on 2026-03-30 11:30 (term ends)",
    ),
    (
        facts.Replanned(reason="held", until=None, at=AT),
        "rules had changed, and time now does not ask the card again (held)",
    ),
    (ChargingStopped(reason="a bad\nnight", at=AT), "all charging was stopped: “a bad night”"),
    (ChargingResumed(at=AT), "charging was resumed"),
    (
        PaymentCardAllowed(fingerprint="fp-7", reason="its issuer vouches for it", at=AT),
        "payment card fp-7 was allowed again: “its issuer vouches for it”",
    ),
    (
        ClockConfirmed(until=AT + timedelta(days=11), reason="the time server was wrong", at=AT),
        "the clock was confirmed, after one had been ahead up to 2026-04-09 10:00: “the time server was wrong”",
    ),
    (
        RestoreBegun(since=AT, reason="the disk died", at=AT),
        (
            "the database had been restored; all cards are looked up at the gateway, as what happened since "
            f"{clock(AT, ZONE)} may be missing: “the disk died”"
        ),
    ),
    (RestoreEnded(at=AT), "the look-ups after the restore ended"),
    (
        RestoreEnded(reason="nobody knows the card", at=AT),
        "the look-ups after the restore ended before their time: “nobody knows the card”",
    ),
]


@pytest.mark.parametrize(("fact", "expected"), FACTS, ids=lambda one: type(one).__name__)
def test_a_fact_is_one_sentence(fact, expected):
    assert sentence(recorded(fact)[0], ZONE) == f"On 2026-03-29 10:00 (Asia/Shanghai) {expected}."


def test_every_kind_of_fact_has_an_example_here_or_among_those_about_money():
    kinds = {*STORED_NAMES.values(), *OPERATIONS_NAMES.values()}
    assert {type(fact) for fact, _ in FACTS} == kinds - set(get_args(MoneyFact))


def test_without_a_zone_instants_are_shown_in_utc():
    assert sentence(recorded(facts.CardReleased(at=AT))[0]) == "On 2026-03-29 02:00 (UTC) the hold was lifted."


def test_a_keep_rule_s_days_are_counted():
    fact = replace(registered(), keep=KeepRule(grace_days=0, reclaim_days=1, quarantine_days=0))
    assert "suspended 0 days after the end of a term and lost 1 day after it" in sentence(recorded(fact)[0])
