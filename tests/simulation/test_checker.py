"""What the checker must not call a broken promise, and what it must, card by card."""

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from tests.simulation.checker import charges, consent, custody, days, ladder, lapse, refunds
from tests.simulation.checker.attempt import Attempt
from tests.simulation.checker.card import Card, Fact, Renewal
from tests.simulation.checker.findings import Findings
from tests.simulation.checker.gateway_record import check_record
from tests.simulation.checker.limits import Limits

LAST_RUNG_AT = datetime(2027, 4, 30, 2, tzinfo=UTC)
LOST_AT = datetime(2027, 4, 30, 16, tzinfo=UTC)
BACK_AT = LOST_AT + timedelta(days=3, hours=19)


def unpaid(**fields) -> Card:
    """Unpaid since April, of a holder who wants to pay; the number is lost as May begins in Shanghai."""
    return Card(
        card_id=UUID(int=1),
        zone="Asia/Shanghai",
        next_zone="Asia/Shanghai",
        reclaim_days=30,
        ends_on=date(2027, 4, 1),
        ends_at=datetime(2027, 3, 31, 16, tzinfo=UTC),
        status="suspended",
        agreed_price=1500,
        methods={"visa": {"token": "tok", "fingerprint": "fp"}},
        **fields,
    )


def found(check, card: Card, topic: str, at: datetime, **body: object) -> list[str]:
    findings = Findings(seed=0)
    check(findings, card, Fact(card.card_id, 9, 9, topic, at, "due 1", "system", body))
    return [one.sentence for one in findings.violations]


def tried(limits: Limits, day: int) -> tuple[Attempt, list[str]]:
    """A try that follows a decline, so many days after LOST_AT, and the limits that it broke."""
    at, card = LOST_AT + timedelta(days=day), unpaid(renewal=Renewal(price=1500, fee=0, declines=1))
    attempt = Attempt(
        attempt_id=f"on day {day}",
        position=day,
        at=at,
        term_number=1,
        top_up=None,
        method_id="visa",
        token="tok",
        minor=1500,
        currency="CNY",
        from_balance=0,
        rung=2,
        fingerprint="fp",
        purpose="renewal:1",
        card_id=card.card_id,
        is_last_rung=True,
    )
    body = {"follows_decline": True, "last_rung": True, "brand": "visa"}
    fact = Fact(card.card_id, day, day, "charge_attempted.v1", at, "due 1", "system", body)
    broken = list(limits.attempted(card, fact, attempt))
    attempt.outcome, attempt.declined_at = "do_not_honor", at
    return attempt, broken


def lost(card: Card) -> list[str]:
    return found(lapse.reclaimed, card, "number_reclaimed.v1", BACK_AT, by="deadline", balance={"minor": 0})


def test_renewals_open_at_the_local_hour_of_a_day_on_which_clocks_change():
    hours = [opening.isoformat() for opening in days.openings(date(2027, 4, 2), "Europe/Berlin")]
    assert hours == ["2027-03-30T08:00:00+00:00", "2027-03-28T13:00:00+00:00", "2027-04-01T07:00:00+00:00"]


@pytest.mark.parametrize(
    ("tried_at", "away_since", "is_neglected"),
    [
        (LAST_RUNG_AT, LOST_AT, False),  # the holder's days were over: nothing was missed
        (LAST_RUNG_AT - timedelta(days=7), LAST_RUNG_AT, True),  # a last rung was missed, and not made up
        (LAST_RUNG_AT - timedelta(days=7), LOST_AT, True),
        (None, LOST_AT, True),
    ],
)
def test_a_card_is_neglected_if_it_was_not_tried_on_the_last_of_the_holders_days(tried_at, away_since, is_neglected):
    card = unpaid(
        renewal=Renewal(price=1500, fee=0, rung=8),
        last_attempt_at=tried_at,
        not_holders_fault=[(away_since, BACK_AT)],
        deadlines_moved=BACK_AT - LOST_AT,
    )
    assert any("the last attempt was made at" in sentence for sentence in lost(card)) == is_neglected


@pytest.mark.parametrize(("rung", "is_forgotten"), [(0, False), (1, True)])
def test_only_within_a_rung_a_method_that_a_limit_delayed_has_to_be_tried(rung, is_forgotten):
    """What the holder asked for ahead of time is over where nothing can be tried at once."""
    at = datetime(2027, 3, 29, 2, tzinfo=UTC)
    renewal = Renewal(price=1500, fee=0, rung=rung, limited_until={"visa": at - timedelta(days=2)})
    sentences = found(ladder.check_limited_methods, unpaid(renewal=renewal), "charge_attempted.v1", at)
    assert bool(sentences) == is_forgotten


@pytest.mark.parametrize("is_delayed", [False, True])
def test_what_a_clock_that_was_ahead_noted_before_the_confirmation_makes_it_no_older(is_delayed):
    known_at, showed = BACK_AT + timedelta(days=2), BACK_AT + timedelta(days=4)
    card = unpaid(doubted_since=showed, not_holders_fault=[(BACK_AT, showed)])
    assert found(custody.number_confirmed, card, "number_confirmed.v1", known_at) == []
    if is_delayed:
        card.not_holders_fault.append((known_at, known_at + timedelta(days=1, hours=1)))
    charged_at = known_at + timedelta(days=1, hours=3)
    assert bool(found(ladder.check_confirmed, card, "charge_attempted.v1", charged_at)) == is_delayed


@pytest.mark.parametrize(("was_declined", "is_open_only"), [(True, False), (False, True)])
def test_a_decline_counts_even_if_the_money_turns_out_to_have_been_taken(was_declined, is_open_only):
    limits, card = Limits(), unpaid(renewal=Renewal(price=1500, fee=0))
    first, *_ = [tried(limits, day)[0] for day in range(9)]
    first.outcome = "charged"
    first.declined_at = first.declined_at if was_declined else None
    tried(limits, 9)
    at, body = LOST_AT + timedelta(days=10), {"reason": "retries_30d"}
    withheld = Fact(card.card_id, 10, 10, "charge_withheld.v1", at, "due 1", "system", body)
    assert limits.is_open_only(withheld, "fp", card) == is_open_only


def withheld(limits: Limits, reason: str, **fields: object) -> list[str]:
    """What is found where the last try is withheld so long after LOST_AT that 15 tries still count."""
    findings, at = Findings(seed=0, limits=limits), LOST_AT + timedelta(days=15)
    until = (at + timedelta(days=7)).isoformat()
    body = {"reason": reason, "until": until, "method_id": "visa", "rung": 9, "last_rung": True}
    card = unpaid(renewal=Renewal(price=1500, fee=0, rung=9), **fields)
    charges.withheld(findings, card, Fact(card.card_id, 10, 10, "charge_withheld.v1", at, "due 1", "system", body))
    return [one.sentence for one in findings.violations]


def test_a_try_is_withheld_for_what_delays_its_method():
    full, soon = Limits(), LOST_AT + timedelta(days=20)
    for day in range(15):
        tried(full, day)
    by_limit, by_advice = (
        {"delayed_by": {"visa": "retries_30d"}, "not_before": {"visa": soon}},
        {"not_before": {"visa": soon}},
    )
    assert withheld(full, "retries_30d") == []
    assert withheld(Limits(), "retries_30d", **by_limit) == []
    assert withheld(Limits(), "advice_delay", **by_advice) == []
    assert len(withheld(Limits(), "retries_30d")) == 1
    assert len(withheld(Limits(), "retries_30d", **by_advice)) == 1
    assert len(withheld(full, "advice_delay")) == 1
    assert len(withheld(Limits(), "advice_delay", **by_limit)) == 1
    assert len(withheld(full, "never")) == 1
    assert len(withheld(full, "delayed")) == 1


def test_declines_count_on_after_a_try_of_a_clock_that_was_ahead():
    limits = Limits()
    assert [broken for day in range(15) if (broken := tried(limits, day)[1])] == []
    ahead, broken = tried(limits, 44)
    assert broken == []
    ahead.outcome = "never_happened"
    ahead.declined_at = None
    assert tried(limits, 29)[1] == ["payment card fp is tried 16 times in 30 days, 0:00:00"]


@pytest.mark.parametrize(("is_off", "is_missing"), [(True, False), (False, True)])
def test_who_is_told_that_auto_renewal_is_off_need_not_be_told_that_nothing_was_tried(is_off, is_missing):
    card = unpaid(renewal=Renewal(price=1500, fee=0, is_asked_for=True, is_untried=True))
    if is_off:
        assert found(consent.switched_off, card, "auto_renew_switched_off.v1", BACK_AT, reason="operator") == []
    assert bool(found(consent.request_ended, card, "renewal_request_ended.v1", BACK_AT)) == is_missing


GIVEN_BACK_BY_HAND_AND_BANK = (
    (refunds.refund_started, "refund_started.v1", {"reason": "late_success"}, 1500),
    (refunds.dispute_recorded, "dispute_recorded.v1", {}, 1500),
    (refunds.case_opened, "case_opened.v1", {"about": "refund", "reason": "refund_disputed"}, 1500),
    (refunds.refund_recorded, "refund_recorded.v1", {}, 0),
    (refunds.dispute_won, "dispute_won.v1", {}, 700),
    (refunds.refund_recorded, "refund_recorded.v1", {}, 700),
)


@pytest.mark.parametrize(("steps", "is_kept"), [(6, False), (5, True)])
def test_what_a_person_gave_back_in_place_of_a_refund_is_not_kept(tmp_path, steps, is_kept):
    """A refund that a dispute overtook: half of it came back with the dispute and was given back by hand."""
    paid, late = tried(Limits(), 1)[0], tried(Limits(), 2)[0]
    paid.outcome = late.outcome = "charged"
    card, findings = unpaid(attempts={one.attempt_id: one for one in (paid, late)}), Findings(seed=0)
    findings.attempts = card.attempts
    for handle, topic, more, minor in GIVEN_BACK_BY_HAND_AND_BANK[:steps]:
        body = {"attempt_id": late.attempt_id, "refund_id": "refund", "amount": {"minor": minor}, **more}
        handle(findings, card, Fact(card.card_id, 9, 9, topic, BACK_AT, "due 1", "system", body))
    record = tmp_path / "record.sqlite"
    with closing(sqlite3.connect(record)) as db:
        db.execute("CREATE TABLE movements (id INTEGER PRIMARY KEY, key, card_id, purpose, minor)")
        db.execute("CREATE TABLE refunds (refund_id, movement, minor, arrived)")
        rows = [(one.attempt_id, str(card.card_id), one.purpose, one.minor) for one in (paid, late)]
        db.executemany("INSERT INTO movements (key, card_id, purpose, minor) VALUES (?, ?, ?, ?)", rows)
        db.commit()
    check_record(findings, record)
    assert [one.kind for one in findings.violations] == (["double_charge"] if is_kept else [])
