"""What happens next to a card, and when."""

from datetime import date, timedelta
from typing import get_args

import pytest
from msgspec.structs import replace

from engine.card.balance import BalanceCredited
from engine.card.consent import change_period
from engine.card.standing_order import set_auto_top_up
from engine.card.waking import Deferred, Replanned
from engine.money import Money
from engine.ports import Unclear
from engine.reasons import PlanReason
from engine.why.questions import what_next
from tests.engine.recorded_history import History, recorded
from tests.engine.samples import (
    CATALOGUE,
    FIVE,
    REGISTERED_AT,
    TEN,
    VISA,
    bound,
    enabled,
    local,
    registered,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HERE = "(Asia/Shanghai)"
NEXT = local("2026-03-06 12:00")


def texts(answer):
    return [sentence.text for sentence in answer.sentences]


def next_of(history):
    (sentence,) = what_next(history.records).sentences
    assert sentence.versions == (len(history.records),)
    return sentence.text


def test_the_end_of_a_term_without_grace_suspends():
    history = History(registered(grace_days=0), bound())
    assert next_of(history) == f"Next, on 2026-03-25 10:00 {HERE}: a reminder to the holder falls due."
    history.wakes()
    assert next_of(history) == (
        f"Next, on 2026-04-01 00:00 {HERE}: the term ends and the service is suspended, unless the next one is paid."
    )


def test_the_end_of_grace_and_the_loss_of_the_number_are_ahead():
    history = History(registered(), bound()).wakes().wakes()
    assert next_of(history) == (
        f"Next, on 2026-04-03 00:00 {HERE}: grace ends and the service is suspended, unless the next term is paid."
    )
    history.wakes()
    assert next_of(history) == f"Next, on 2026-04-24 00:00 {HERE}: a reminder to the holder falls due."
    history.wakes()
    assert next_of(history) == f"Next, on 2026-05-01 00:00 {HERE}: the number is lost, unless the next term is paid."


def test_where_only_the_policy_could_decide_both_reasons_are_shown():
    terms = {"months": 12, "terms_version": "terms-2", "channel": "app"}
    history = History().decides(change_period, CATALOGUE, **terms, at=local("2026-03-15 12:00"))
    assert next_of(history) == (
        f"Next, on 2026-03-22 10:00 {HERE}: the renewal of the term that ends on 2026-04-01 opens "
        "or a reminder to the holder falls due."
    )
    assert next_of(history.wakes()) == (
        f"Next, on 2026-03-29 10:00 {HERE}: the renewal of the term that ends on 2026-04-01 opens."
    )


def test_a_method_that_will_have_expired_is_a_reason_to_remind():
    old = replace(VISA, expires_on=date(2026, 3, 20))
    assert next_of(History(registered(), bound(old), enabled(at=REGISTERED_AT))) == (
        f"Next, on 2026-03-18 10:00 {HERE}: a reminder to the holder falls due."
    )


def test_a_method_within_a_rung_is_waited_for():
    history = History().wakes().declined("processing_error")
    assert next_of(history) == f"Next, on 2026-03-29 11:00 {HERE}: visa may be tried again."
    deferred = Deferred(reason="soon", until=history.wake_at, at=history.at)
    assert next_of(history.does((deferred,))) == f"Next, on 2026-03-29 11:00 {HERE}: visa may be tried again."


def test_the_balance_is_waited_for_when_no_method_is_left():
    credit = BalanceCredited(amount=Money(minor=9000, currency="CNY"), reason="released", about=None, at=REGISTERED_AT)
    history = History(registered(grace_days=0, reclaim_days=5), bound(), enabled(), credit).wakes()
    history.declined("stolen_card").wakes()
    assert next_of(history) == (
        f"Next, on 2026-04-05 10:00 {HERE}: the balance pays if it is enough, before the number is lost."
    )


def test_an_outcome_that_stays_unknown_becomes_a_case():
    history = History().wakes()
    while next_of(history).endswith(("asked again about the attempt of unknown outcome.", "open attempt.")):
        history.wakes().answered(Unclear(reason="timeout"))
    assert next_of(history) == (
        f"Next, on 2026-04-03 10:00 {HERE}: the attempt of unknown outcome becomes a case for a person."
    )


def test_an_automatic_top_up_waits_for_its_day():
    at = local("2026-03-05 12:00")
    history = History(registered(months=12), bound(), enabled(at=REGISTERED_AT))
    history.decides(set_auto_top_up, CATALOGUE, threshold=FIVE, amount=TEN, at=at).wakes(at).declined()
    assert next_of(history) == (
        f"Next, on 2026-03-06 12:00 {HERE}: the renewal of the term that ends on 2027-03-01 opens "
        "or a reminder to the holder falls due or an automatic top-up may be made again."
    )


@pytest.mark.parametrize(
    ("fact", "what"),
    [
        (
            Deferred(reason="top_up_gap", until=NEXT, at=REGISTERED_AT),
            "an automatic top-up may be made again",
        ),
        (Replanned(reason="due", until=NEXT, at=REGISTERED_AT), "what has fallen due is decided"),
        (Replanned(reason="some_rule", until=NEXT, at=REGISTERED_AT), "some rule"),
        (Deferred(reason="next_rung", until=NEXT, at=REGISTERED_AT), "the first try (rung 1)"),
        (Deferred(reason="soon", until=NEXT, at=REGISTERED_AT), "a method may be tried again"),
    ],
)
def test_the_reason_in_a_fact_takes_precedence(fact, what):
    records = [*History().records, *recorded(fact, wake_at=fact.until, version=4)]
    assert texts(what_next(records)) == [f"Next, on 2026-03-06 12:00 {HERE}: {what}."]


@pytest.mark.parametrize("reason", get_args(PlanReason))
def test_every_reason_has_its_phrase(reason):
    records = [*History().records, *recorded(Deferred(reason=reason, until=NEXT, at=REGISTERED_AT), wake_at=NEXT)]
    (sentence,) = texts(what_next(records))
    assert "_" not in sentence


def test_an_unexplained_wake_is_shown_as_due():
    records = recorded(registered(), wake_at=NEXT)
    assert texts(what_next(records)) == [f"Next, on 2026-03-06 12:00 {HERE}: what has fallen due is decided."]


def test_a_card_may_have_no_next_step():
    assert texts(what_next(recorded(registered()))) == ["Next, nothing happens by itself."]
