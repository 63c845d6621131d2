"""Late payment: where the new term begins when the last one has ended."""

from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from engine.card.balance import BalanceCredited
from engine.card.consent import enable_auto_renew
from engine.card.methods import PaymentMethodsOrdered
from engine.card.outcomes import record_answer
from engine.card.payments import ChargeSucceeded
from engine.card.reminders import ReminderDue
from engine.card.term import CardRenewed, Reinstated
from engine.policy import Policy
from tests.engine.given_when_then import Given, Then, fact, given
from tests.engine.recorded_history import History
from tests.engine.samples import (
    CATALOGUE,
    CHARGING,
    DECLINED,
    GRACE_ENDS_AT,
    MONTH_PRICE,
    OPENS_AT,
    PAYING,
    REGISTERED_AT,
    RULES,
    SECOND,
    attempt_id,
    attempted,
    charged,
    grace_started,
    local,
    registered,
    started,
    suspended,
    unknown,
)

NOW = REGISTERED_AT


def enable(card: Given, months: int = 1) -> Then:
    return card.when(enable_auto_renew, CATALOGUE, months=months, terms_version="terms-2", channel="app", at=NOW)


def answer(card: Given, reply, *, at, learned="sent", to=None) -> Then:
    return card.when(record_answer, to or attempt_id(), reply, learned=learned, rules=RULES, at=at)


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


@pytest.mark.parametrize(
    ("paid_at", "starts_on"),
    [
        ("2026-04-21 10:00", date(2026, 4, 1)),
        ("2026-04-21 10:01", date(2026, 4, 21)),
        ("2026-04-28 10:00", date(2026, 4, 28)),
        ("2026-04-29 12:00", date(2026, 4, 29)),
        ("2026-04-30 23:59", date(2026, 4, 30)),
    ],
)
def test_the_anchor_stays_only_if_the_next_renewal_opens_at_least_seven_days_after_a_late_payment(paid_at, starts_on):
    at = local(paid_at)
    history = (registered(grace_days=180, reclaim_days=270), *DECLINED[1:], grace_started(), attempted(2, 3, at=at))
    then = answer(given(*history), charged(2), to=attempt_id(2), at=at)
    assert (then.card.term.starts_on, then.card.anchor_day) == (starts_on, starts_on.day)
    following = Given(then.card).at(at + SECOND)
    assert {type(one) for one in following.facts} <= {ReminderDue}
    assert Given(following.card).at(at + timedelta(7) - SECOND).card.attempts.open is None


def test_a_payment_before_its_term_begins_keeps_the_anchor_however_soon_the_next_renewal_opens():
    eager = replace(RULES, policy=Policy(lead_days=25))
    history = History(rules=eager).wakes().paid()
    assert history.card.term.starts_on == date(2026, 4, 1)


def test_after_an_outage_of_ours_over_the_whole_term_one_term_is_charged():
    history = History().wakes(local("2026-03-02 12:00"))
    history.wakes(local("2026-04-29 12:00")).paid().wakes_until(local("2026-05-25 00:00"))
    assert len(history.attempts()) == 1
    assert history.card.term.starts_on == date(2026, 4, 29)
    assert history.wakes_until(local("2026-05-26 12:00")).card.attempts.open is not None


def test_the_balance_too_pays_for_one_term_only():
    paying = (*PAYING, PaymentMethodsOrdered(method_ids=("visa",), balance_first=True, at=NOW))
    credit = BalanceCredited(amount=MONTH_PRICE * 2, reason="top_up", about=None, at=NOW)
    card = given(*paying, credit).at(local("2026-04-29 12:00")).card
    assert (card.term.starts_on, card.balance.minor) == (date(2026, 4, 29), 1500)


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
