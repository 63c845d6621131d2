"""Why a card was not charged on a day: one test per obstacle."""

from datetime import date, timedelta
from functools import partial

import pytest
from msgspec.structs import replace

from engine.card.balance import BalanceCredited
from engine.card.charge import renew_now
from engine.card.consent import switch_off_auto_renew
from engine.card.custody import close_card
from engine.card.methods import order_payment_methods
from engine.card.top_ups import top_up
from engine.money import Money
from engine.networks import Limited
from engine.ports import Unclear
from engine.rules import Rules
from engine.why.questions import why_not_charged
from tests.engine.recorded_history import History
from tests.engine.samples import (
    CATALOGUE,
    DEBIT,
    POLICY,
    REGISTERED_AT,
    RULES,
    VISA,
    bound,
    enabled,
    local,
    registered,
    started,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TEN = Money(minor=1000, currency="CNY")
HERE = "(Asia/Shanghai)"
STOPPED = Rules(POLICY, CATALOGUE, charging_stopped=True)
march, april, may = (partial(date, 2026, month) for month in (3, 4, 5))


def two_methods():
    return History(registered(), bound(VISA), bound(DEBIT), enabled())


def texts(history, day):
    return [sentence.text for sentence in why_not_charged(history.records, day).sentences]


def test_before_its_registration_a_card_cannot_be_charged():
    assert texts(History(), date(2026, 2, 28)) == [
        f"On 2026-02-28 the card was not in our care yet: it was registered on 2026-03-01 09:00 {HERE}."
    ]


def test_of_a_card_that_was_registered_already_lapsed_nobody_says_that_it_was_paid():
    lapsed = replace(registered(starts_on=date(2026, 1, 15)), at=local("2026-03-01 09:00"))
    assert texts(History(lapsed, bound(), enabled(at=REGISTERED_AT)), march(1))[1:2] == [
        (
            "The card was registered on 2026-03-01 09:00 with a term that had ended on 2026-02-15 already; the next "
            "one was not offered yet."
        )
    ]


def test_a_request_that_is_over_leaves_the_term_paid_until_the_renewal_opens():
    history = History().decides(renew_now, RULES, at=local("2026-03-05 09:00")).wakes().declined()
    assert texts(history, march(6))[-1] == (
        f"Next, on 2026-03-29 10:00 {HERE}: the renewal of the term that ends on 2026-04-01 opens."
    )


def test_before_the_renewal_opens_the_term_is_paid_already():
    history = History().wakes().paid()
    assert [(one.text, one.versions) for one in why_not_charged(history.records, march(28)).sentences] == [
        ("On 2026-03-28 no charge for the next term was made.", (3,)),
        (
            (
                "The term until 2026-04-01 was paid already, registered on 2026-03-01 09:00, and its renewal was not "
                "open "
                "yet; it opened on 2026-03-29 10:00."
            ),
            (1, 3, 4),
        ),
        (f"Next, on 2026-03-29 10:00 {HERE}: the renewal of the term that ends on 2026-04-01 opens.", (3,)),
    ]


def test_a_day_after_the_last_fact_is_explained_by_the_state_then():
    assert texts(History().wakes().paid(), april(9)) == [
        "On 2026-04-09 no charge for the next term was made.",
        "Nothing is recorded after 2026-03-29 10:00; this is how it stood then.",
        "The term until 2026-05-01 was paid already, renewed on 2026-03-29 10:00, and its renewal was not open yet.",
        f"Next, on 2026-04-21 10:00 {HERE}: a reminder to the holder falls due.",
    ]


def test_a_day_with_a_charge_is_explained_with_its_outcome():
    history = History().wakes().paid()
    attempt_id = history.attempts()[0]
    assert texts(history, march(29)) == [
        "On 2026-03-29 a charge for the next term was made.",
        (
            f"On 2026-03-29 10:00 {HERE} method visa was asked for 15.00 CNY for term 1: attempt {attempt_id}, number "
            "1 "
            "(rung 1, the renewal had opened)."
        ),
        (
            f"On 2026-03-29 10:00 {HERE} 15.00 CNY was taken under the gateway's reference “ref-1”, as the gateway "
            f"answered at once: attempt {attempt_id} succeeded."
        ),
        (
            f"On 2026-03-29 10:00 {HERE} the card was renewed for 1 month: term 1 from 2026-04-01 to 2026-05-01, "
            f"15.00 CNY, paid by attempt {attempt_id}."
        ),
    ]


def test_a_term_paid_from_the_balance_counts_as_charged():
    credit = BalanceCredited(amount=Money(minor=2000, currency="CNY"), reason="refund", about=None, at=REGISTERED_AT)
    history = History(registered(), bound(), enabled(), credit)
    order = {"method_ids": ("visa",), "balance_first": True}
    history.decides(order_payment_methods, **order, at=local("2026-03-05 12:00")).wakes()
    assert texts(history, march(29)) == [
        "On 2026-03-29 a charge for the next term was made.",
        (
            f"On 2026-03-29 10:00 {HERE} the card was renewed for 1 month: term 1 from 2026-04-01 to 2026-05-01, "
            "15.00 CNY, paid from the balance."
        ),
    ]


def test_days_are_those_of_the_card_s_zone():
    at = local("2026-03-28 23:59")
    history = History().decides(renew_now, RULES, at=at).wakes(at).declined(after=2 * HOUR)
    assert texts(history, march(28))[0] == "On 2026-03-28 a charge for the next term was made."
    assert texts(history, march(29))[0] == "On 2026-03-29 no charge for the next term was made."


def test_without_consent_nothing_is_charged():
    history = History(registered(), bound())
    assert texts(history, march(29))[2] == "Auto-renewal had not been switched on."
    history = History().decides(switch_off_auto_renew, reason="holder", at=local("2026-03-05 12:00"))
    assert texts(history, march(29))[2] == "Auto-renewal was off since 2026-03-05 12:00, switched off by the holder."


def test_between_two_rungs_the_next_one_is_waited_for():
    history = History().wakes().declined().wakes().declined().wakes()
    assert texts(history, march(31)) == [
        "On 2026-03-31 no charge for the next term was made.",
        (
            "Rung 2 of the retry ladder, begun on 2026-03-30 10:00, had come to nothing, last with code "
            "insufficient_funds; the next one was not due yet."
        ),
        f"Next, on 2026-04-01 00:00 {HERE}: the term ends and grace begins, unless the next one is paid.",
    ]
    assert texts(history, april(1))[-1] == f"Next, on 2026-04-01 10:00 {HERE}: the third try (rung 3)."


def test_a_rung_that_was_withheld_has_no_code():
    limited = {"visa": Limited("retries_30d", local("2026-04-01 12:00"))}
    history = two_methods().wakes(limited=limited | {"debit": Limited("never", None)})
    assert texts(history, march(31))[2:4] == [
        (
            "Method visa was to be left alone until 2026-04-01 12:00, since rule retries_30d of the network limits, "
            "edition 2026-12, forbids it, as found on 2026-03-29 10:00."
        ),
        "Method debit was withheld for good, since a network's or issuer's “never” blocks it, on 2026-03-29 10:00.",
    ]
    assert texts(history, march(31))[4] == "So there was no payment method that could be charged."
    alone = History().wakes(limited=limited)
    assert texts(alone, april(2))[2] == (
        "Rung 1 of the retry ladder, begun on 2026-03-29 10:00, had come to nothing; the next one was not due yet."
    )


def test_a_try_withheld_on_that_day_is_shown():
    limited = {"visa": Limited("retries_30d", local("2026-04-01 12:00"))}
    assert texts(History().wakes(limited=limited), march(29))[1] == (
        f"On 2026-03-29 10:00 {HERE} a try of method visa for term 1 was due in rung 1, but rule retries_30d of the "
        "network limits, edition 2026-12, forbids it until 2026-04-01 12:00."
    )


def test_a_method_is_left_alone_as_long_as_advice_has_it():
    history = two_methods().wakes().declined(advice_code="28").declined()
    assert texts(history, march(30))[2:] == [
        (
            "Method visa was to be left alone until 2026-04-04 10:00, by the advice code after insufficient_funds "
            "on 2026-03-29 10:00."
        ),
        (
            "Rung 1 of the retry ladder, begun on 2026-03-29 10:00, had come to nothing, last with code "
            "insufficient_funds; the next one was not due yet."
        ),
        f"Next, on 2026-03-30 10:00 {HERE}: the second try (rung 2).",
    ]


def test_a_last_try_that_was_withheld_is_shown_with_the_delay_that_caused_it():
    history = History(registered(reclaim_days=4), bound(), enabled()).wakes().declined(advice_code="30")
    while history.card.status != "reclaimed":
        history.wakes()
    withheld = next(one.fact for one in history.records if type(one.fact).__name__ == "ChargeWithheld")
    day = withheld.at.date()
    assert texts(history, day)[1] == (
        f"On {day} 10:00 {HERE} a try of method visa for term 1 was due in rung 2, "
        "but it is still to be left alone until 2026-04-08 10:00."
    )
    assert texts(history, day)[2] == (
        "Method visa was to be left alone until 2026-04-08 10:00, by the advice code after insufficient_funds "
        "on 2026-03-29 10:00."
    )


def test_methods_that_ended_leave_nothing_to_charge():
    history = History().wakes().declined("expired_card")
    assert texts(history, march(30))[2:] == [
        "Method visa failed for good with code expired_card, by the decline code, on 2026-03-29 10:00.",
        "So there was no payment method that could be charged.",
        f"Next, on 2026-04-01 00:00 {HERE}: the term ends and grace begins, unless the next one is paid.",
    ]


def test_without_any_method_nothing_can_be_charged():
    history = two_methods().wakes().declined("stop_payment_order").declined("stop_payment_order")
    assert texts(history, march(30))[2] == "The renewal was open, but no payment method was bound."


def test_after_the_last_rung_no_try_is_left():
    history = History(registered(reclaim_days=4), bound(), enabled()).wakes()
    while history.card.status != "reclaimed":
        history = history.declined().wakes() if history.card.attempts.open else history.wakes()
    history.records.pop()
    assert texts(history, may(1))[2:] == [
        (
            "Rung 5 of the retry ladder, begun on 2026-04-04 10:00, had come to nothing, last with code "
            "insufficient_funds; it was the last one before the number is lost."
        ),
        f"Next, on 2026-04-05 00:00 {HERE}: the number is lost, unless the next term is paid.",
    ]


def test_an_offer_ahead_of_its_time_waits_for_the_ladder():
    at = local("2026-03-20 12:00")
    offered = History(registered(), bound(), enabled(), started(at=at))
    assert texts(offered, march(25))[2:] == [
        "The renewal was offered ahead of its time, and the retry ladder had not begun yet.",
        f"Next, on 2026-03-29 10:00 {HERE}: the first try (rung 1).",
    ]


def test_while_an_outcome_is_unknown_nothing_else_is_tried():
    history = History().wakes().answered(Unclear(reason="timeout"))
    attempt_id = history.attempts()[0]
    assert texts(history, march(30))[2:] == [
        (
            f"The outcome of attempt {attempt_id}, under way since 2026-03-29 10:00, is unknown, asked 1 time so far; "
            "until it is known nothing else is attempted and no deadline passes."
        ),
        f"Next, on 2026-03-29 10:05 {HERE}: the gateway is asked again about the attempt of unknown outcome.",
    ]
    history.wakes(history.at + 6 * DAY)
    assert texts(history, april(5))[2] == (
        f"The outcome of attempt {attempt_id}, under way since 2026-03-29 10:00, is unknown, asked 1 time so far, and "
        "a person has been called; until it is known nothing else is attempted and no deadline passes."
    )
    assert why_not_charged(history.records, april(5)).sentences[2].versions == (5, 6, 7)


def test_a_top_up_in_progress_prevents_a_charge_too():
    at = local("2026-03-29 09:59")
    history = History().decides(top_up, RULES, amount=TEN, at=at).wakes(at)
    attempt_id = history.attempts()[0]
    assert texts(history, march(29))[:3] == [
        "On 2026-03-29 no charge for the next term was made.",
        (
            f"On 2026-03-29 09:59 {HERE} method visa was asked for 10.00 CNY for top-up 1: attempt {attempt_id}, "
            "number 1 (rung 0, top-up)."
        ),
        (
            f"The outcome of attempt {attempt_id}, under way since 2026-03-29 09:59, is not known yet; until it is "
            "known nothing else is attempted."
        ),
    ]


def test_the_operator_s_stop_is_shown():
    history = History(rules=STOPPED).wakes()
    assert texts(history, march(30))[2:] == [
        f"On 2026-03-29 10:00 {HERE} the card was to be charged, but the operator had stopped all charging.",
        f"Next, on 2026-03-29 13:00 {HERE}: it is looked at again whether charging is still stopped.",
    ]


@pytest.mark.parametrize("status", ["closed", "reclaimed"])
def test_a_closed_or_reclaimed_card_is_not_charged(status):
    history = History(registered(), bound())
    if status == "closed":
        history.decides(close_card, reason="moved", at=local("2026-03-05 12:00"))
        why = f"On 2026-03-05 12:00 {HERE} the card was closed: “moved”."
    else:
        history.wakes_until(local("2026-05-01 00:00"))
        why = (
            f"On 2026-05-01 00:00 {HERE} the carrier took the number back, as its deadline had passed; it is in "
            "quarantine until 2026-06-15 (policy version 2026-11-01)."
        )
    assert texts(history, may(2))[2:] == [why, f"Next, nothing happens by itself, since the card is {status}."]
