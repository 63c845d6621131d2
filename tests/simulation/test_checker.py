"""What the checker must not call a broken promise, and what it must, card by card."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from tests.simulation.checker import days, ladder, lapse
from tests.simulation.checker.card import Card, Fact, Renewal
from tests.simulation.checker.findings import Findings

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
