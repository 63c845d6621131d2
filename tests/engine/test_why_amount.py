"""Why a charge was of this amount, and why a top-up was made."""

from datetime import timedelta

from engine.card.announcing import announce_price_change
from engine.card.balance import BalanceCredited
from engine.card.consent import change_period
from engine.card.methods import order_payment_methods
from engine.card.standing_order import set_auto_top_up
from engine.card.top_ups import top_up
from engine.money import Money
from engine.why.questions import why_charged
from tests.engine.recorded_history import History
from tests.engine.samples import (
    CATALOGUE,
    DEARER,
    DEBIT,
    FIVE,
    REGISTERED_AT,
    RULES,
    TEN,
    TWO_VERSIONS,
    bound,
    enabled,
    local,
    registered,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HERE = "(Asia/Shanghai)"


def credited(minor, at=REGISTERED_AT):
    return BalanceCredited(amount=Money(minor=minor, currency="CNY"), reason="refund", about=None, at=at)


def texts(history):
    return [sentence.text for sentence in why_charged(history.records, history.attempts()[-1]).sentences]


def said_that(history, begin):
    """The one sentence that begins so."""
    (found,) = [text for text in texts(history) if text.startswith(begin)]
    return found


def test_a_top_up_that_was_asked_for():
    at = local("2026-03-10 12:00")
    history = History().decides(top_up, RULES, amount=TEN, at=at).wakes(at)
    assert texts(history)[:3] == [
        (
            f"On 2026-03-10 12:00 {HERE} method visa was asked for 10.00 CNY for top-up 1 of the balance: "
            "attempt number 1 for it."
        ),
        "It was made then because top-up 1 was asked for on 2026-03-10 12:00.",
        "The amount of 10.00 CNY is what was asked for on 2026-03-10 12:00.",
    ]


def test_a_top_up_by_the_standing_order():
    at = local("2026-03-10 12:00")
    history = History().decides(set_auto_top_up, CATALOGUE, threshold=FIVE, amount=TEN, at=at).wakes(at).paid()
    assert texts(history)[1:3] == [
        (
            "It was made then because the balance of 0.00 CNY was below 5.00 CNY, and top-up 1 fell due by the "
            "standing "
            "order on 2026-03-10 12:00."
        ),
        "The amount of 10.00 CNY is that of the holder's standing order of 2026-03-10 12:00.",
    ]
    assert texts(history)[-1].endswith(
        f"10.00 CNY came onto the balance by a top-up of attempt {history.attempts()[0]}."
    )


# Why so much


def test_an_announced_price_is_shown_with_the_day_from_which_it_applies():
    at = local("2026-03-05 12:00")
    history = History(registered(months=6), bound(), enabled(), rules=TWO_VERSIONS)
    history.decides(announce_price_change, TWO_VERSIONS.catalogue, version=DEARER, at=at)
    history.wakes_until(local("2026-08-30 00:00"))
    assert said_that(history, "The price") == (
        "The price of 30.00 CNY for 1 month, of catalogue version 2027-01-01, was announced to the holder on "
        "2026-03-05 12:00, applying from 2026-06-01 on; the offer of 2026-08-29 10:00 holds it."
    )


def test_another_period_is_agreed_to_anew():
    terms = {"months": 12, "terms_version": "terms-2", "channel": "app"}
    history = History().decides(change_period, CATALOGUE, **terms, at=local("2026-03-05 12:00")).wakes().wakes()
    price = CATALOGUE.quote("keep-short", "CNY", 12, local("2026-03-05 12:00").date()).price
    assert said_that(history, "The price") == (
        f"The price of {price.minor / 100:.2f} CNY for 12 months, of catalogue version 2026-11-01, was agreed to by "
        "the holder on 2026-03-05 12:00, under terms terms-2, through app; the offer of 2026-03-29 10:00 holds it."
    )


def test_the_part_from_the_balance_is_shown():
    history = History(registered(), bound(), bound(DEBIT), enabled(), credited(300))
    order = {"method_ids": ("debit", "visa"), "balance_first": True}
    history.decides(order_payment_methods, **order, at=local("2026-03-05 12:00")).wakes()
    assert said_that(history, "Of the") == (
        "Of the 15.00 CNY due, 3.00 CNY was reserved from the balance, which the holder wants spent first; "
        "12.00 CNY was left to charge."
    )
    assert said_that(history, "Method") == (
        "Method debit (debit card) was charged because it was the first in the order chosen on 2026-03-05 12:00."
    )
