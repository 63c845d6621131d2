"""The one model of what becomes of a charge."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from adapters.gateways.behaviour import CHARGED, GOOD, Behaviour, outcome, roll

MIDNIGHT = datetime(2027, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("behaviour", "at", "chance", "became"),
    [
        (GOOD, MIDNIGHT, 0.0, CHARGED),
        (Behaviour("lost_card"), MIDNIGHT, 0.999, "lost_card"),
        (Behaviour("do_not_honor+24", percent=30), MIDNIGHT, 0.299, "do_not_honor+24"),
        (Behaviour("do_not_honor+24", percent=30), MIDNIGHT, 0.3, CHARGED),
        (Behaviour("do_not_honor", percent=0), MIDNIGHT, 0.0, CHARGED),
        (Behaviour("insufficient_funds", good_from=date(2027, 3, 1)), MIDNIGHT, 0.0, CHARGED),
        (Behaviour("x", good_from=date(2027, 3, 1)), MIDNIGHT - timedelta(microseconds=1), 0.0, "x"),
        (Behaviour("x", good_from=date(2027, 3, 1)), MIDNIGHT.astimezone(timezone(-timedelta(hours=5))), 0.0, CHARGED),
    ],
)
def test_an_outcome_follows_from_behaviour_time_and_chance(behaviour, at, chance, became):
    assert outcome(behaviour, at, chance) == became


def test_a_roll_is_the_same_for_the_same_seed_and_identity():
    assert roll(b"1", b"x") == roll(b"1", b"x") != roll(b"2", b"x")
    assert 0 <= roll(b"1", b"x") < 1
