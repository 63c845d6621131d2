"""The retry plan: on which days a card is charged, by which method, and which try is the last."""

from datetime import date, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example
from hypothesis import given as for_all
from hypothesis import strategies as st

from engine.calendar import local_date, local_instant
from engine.card.attempt import ChargeAttempted
from engine.card.card import Card
from engine.card.deadlines import charge_instant, opens_at
from engine.card.evolve import replay
from engine.card.lapse import NumberReclaimed, Suspended
from engine.card.next import advance
from engine.card.reminders import ReminderDue
from engine.rules import Rules
from tests.engine.given_when_then import fact, given
from tests.engine.samples import (
    CARD_ID,
    CATALOGUE,
    CHARGING,
    DEBIT,
    DECLINED,
    OPENS_AT,
    PAYING,
    PAYPAL,
    POLICY,
    RULES,
    SECOND,
    VISA,
    ZONE,
    attempted,
    bound,
    enabled,
    failed,
    local,
    registered,
    reminded,
    started,
)

IDS = st.uuids(version=4)
HOURS = st.integers(0, 22)


def rungs_of(*history, rules: Rules = RULES) -> list[str]:
    """The local days and hours of all rungs of a card whose every charge is declined at once."""
    card, found = replay(None, CARD_ID, history), []
    at = opens_at(card, rules.policy)
    while at is not None:
        card, facts, step = advance(card, rules, at)
        tries = [one for one in facts if isinstance(one, ChargeAttempted)]
        for one in tries:
            found.append(f"{one.at.astimezone(ZoneInfo(ZONE)):%m-%d %H:%M}")
            card = replay(card, CARD_ID, [failed(one.number, one.rung, VISA, one.at)])
        if not tries:
            at = step.until
    return found


def tello(*methods) -> tuple:
    """A card of a carrier that takes the number back five days after the term."""
    return (registered(grace_days=0, reclaim_days=5), *(bound(method) for method in methods or (VISA,)), enabled())


def test_the_renewal_opens_three_days_ahead_at_the_charge_hour():
    assert opens_at(given(*PAYING).card, POLICY) == local("2026-03-29 10:00")


def test_the_first_try_is_the_first_method_bound():
    history = (registered(), bound(PAYPAL), bound(VISA), enabled(), started())
    given(*history).at(OPENS_AT).then(fact(ChargeAttempted, method_id="paypal", rung=1, reason="renewal_opened"))


def test_rungs_fall_on_days_1_3_5_7_and_then_every_seventh_until_the_last_day_before_reclaim():
    assert rungs_of(*PAYING) == [
        "03-29 10:00",
        "03-30 10:00",
        "04-01 10:00",
        "04-03 10:00",
        "04-05 10:00",
        "04-12 10:00",
        "04-19 10:00",
        "04-26 10:00",
        "04-30 10:00",  # the number is lost on 1 May
    ]


@pytest.mark.parametrize(
    ("reclaim_days", "last"), [(1, "04-01"), (2, "04-02"), (5, "04-05"), (6, "04-06"), (45, "05-15"), (365, "03-31")]
)
def test_however_short_or_long_the_keep_rule_the_last_try_is_on_the_last_day(reclaim_days, last):
    history = (registered(grace_days=0, reclaim_days=reclaim_days), *PAYING[1:])
    assert rungs_of(*history)[-1] == f"{last} 10:00"


def test_after_the_last_try_the_holder_is_not_charged_again():
    last = local("2026-04-05 10:00")
    history = (*tello(), started(), attempted(), failed(), attempted(2, 5, at=last), failed(2, 5, at=last + SECOND))
    then = given(*history).at(last + SECOND)
    then.then(fact(ReminderDue), fact(Suspended, rungs=5), fact(ReminderDue, kind="last_chance"))
    then.waits(local("2026-04-06 00:00"), "reclaim")


def test_a_lost_number_is_not_charged_for():
    lost = (fact(Suspended), fact(NumberReclaimed, by="deadline"))
    given(*tello()).at(local("2026-04-06 00:00")).then(*lost)
    given(*tello(), started(), attempted(), failed(), reminded()).at(local("2026-04-06 00:00")).then(*lost)


def test_a_decline_moves_to_the_next_method_at_once():
    two = (registered(), bound(VISA), bound(PAYPAL), enabled(), started(), attempted(), failed())
    given(*two).at(OPENS_AT + SECOND).then(fact(ChargeAttempted, method_id="paypal", rung=1, reason="next_method"))


def test_a_rung_is_over_when_each_method_was_tried_once():
    history = (registered(), bound(VISA), bound(PAYPAL), enabled(), started(), attempted(), failed())
    both = (*history, attempted(2, 1, PAYPAL), failed(2, 1, PAYPAL))
    given(*both).at(OPENS_AT + SECOND).then(fact(ReminderDue, kind="payment_failed", about="2")).waits(
        local("2026-03-30 10:00"), "next_rung"
    )


def test_each_rung_begins_with_the_first_method_again():
    history = (registered(), bound(VISA), bound(PAYPAL), enabled(), started(), attempted(), failed())
    both = (*history, attempted(2, 1, PAYPAL), failed(2, 1, PAYPAL))
    given(*both).at(local("2026-03-30 10:00")).then(fact(ChargeAttempted, number=3, rung=2, method_id="visa"))


@pytest.mark.parametrize("code", ["lost_card", "expired_card", "invalid_account", "stop_payment_order"])
def test_a_method_that_ended_is_skipped_and_the_others_are_not(code):
    history = (registered(), bound(VISA), bound(PAYPAL), enabled(), started(), attempted(), failed(code=code))
    paypal_too = (*history, attempted(2, 1, PAYPAL), failed(2, 1, PAYPAL))
    given(*paypal_too).at(local("2026-03-30 10:00")).then(fact(ChargeAttempted, rung=2, method_id="paypal"))


def test_without_a_usable_method_there_is_no_try():
    given(*CHARGING, failed(code="stolen_card"), reminded()).at(local("2026-03-30 10:00")).nothing()


def test_a_method_bound_meanwhile_is_tried_at_once_on_the_rung_that_is_under_way():
    later = local("2026-03-29 15:00")
    given(*DECLINED, bound(DEBIT, later)).at(later).then(
        fact(ChargeAttempted, method_id="debit", rung=1, number=2, reason="new_method")
    )


def test_rungs_are_twenty_hours_apart_at_least():
    late = local("2026-03-29 23:00")
    history = (*PAYING, started(at=late), attempted(at=late), failed(at=late + SECOND))
    given(*history).at(late + SECOND).waits(local("2026-03-31 10:00"), "next_rung")


def test_after_an_outage_missed_rungs_are_not_made_up_for():
    late = local("2026-04-04 12:00")
    history = (registered(grace_days=20), *PAYING[1:], started(), attempted(), failed(), attempted(2, 2, at=late))
    after = given(*history, failed(2, 2, at=late + SECOND)).at(late + SECOND)
    after.waits(local("2026-04-05 10:00"), "next_rung")  # the rungs of 1 and 3 April are late


def test_the_ladder_follows_the_policy():
    policy = POLICY.model_copy(update={"ladder_days": (2,), "ladder_then_every_days": 10, "lead_days": 1})
    agreed = enabled(at=local("2026-03-24 10:00"))
    assert rungs_of(*PAYING[:2], agreed, rules=Rules(policy, CATALOGUE)) == [
        "03-31 10:00",
        "04-02 10:00",
        "04-12 10:00",
        "04-22 10:00",
        "04-30 10:00",
    ]


def card_with(card_id: UUID, zone: str = ZONE) -> Card:
    return replay(None, card_id, [registered(zone=zone)])


@for_all(IDS, st.dates(date(2020, 1, 1), date(2040, 1, 1)))
def test_charges_are_spread_over_the_charge_hour_and_never_leave_it(card_id, day):
    instant = charge_instant(card_with(card_id), day, POLICY)
    shown = instant.astimezone(ZoneInfo(ZONE))
    assert (shown.date(), shown.hour) == (day, POLICY.charge_hour)
    assert local_date(instant, ZONE) == day


@for_all(IDS, st.sampled_from(sorted(available_timezones())), st.dates(date(1970, 1, 1), date(2050, 1, 1)), HOURS)
@example(UUID(int=1800), "America/New_York", date(2026, 3, 8), 2)  # that hour is jumped over …
@example(UUID(int=1800), "America/New_York", date(2026, 11, 1), 1)  # … and that one comes twice
@example(UUID(int=2000), "Australia/Lord_Howe", date(2026, 10, 4), 2)  # half of it is jumped over …
@example(UUID(int=2000), "Australia/Lord_Howe", date(2026, 4, 5), 1)  # … and half of that one comes twice
@example(UUID(int=60), "Pacific/Apia", date(2011, 12, 30), 10)  # a day that never was
def test_a_card_is_charged_at_its_second_of_the_hour_whatever_the_clock_does(card_id, zone, day, hour):
    minute, second = divmod(card_id.int % 3600, 60)
    instant = charge_instant(card_with(card_id, zone), day, POLICY.model_copy(update={"charge_hour": hour}))
    assert instant == local_instant(day, time(hour, minute, second), zone)


def test_cards_are_spread_over_the_whole_hour():
    seconds = {charge_instant(card_with(UUID(int=n)), date(2026, 3, 29), POLICY) for n in range(3600)}
    assert (len(seconds), max(seconds) - min(seconds)) == (3600, timedelta(seconds=3599))


def test_the_charge_hour_is_in_the_cards_zone():
    assert charge_instant(card_with(CARD_ID, "America/New_York"), date(2026, 3, 7), POLICY) == local(
        "2026-03-07 10:00", "America/New_York"
    )
    assert charge_instant(card_with(CARD_ID, "America/New_York"), date(2026, 3, 8), POLICY) == local(
        "2026-03-08 10:00", "America/New_York"
    )  # the day on which summer time begins
