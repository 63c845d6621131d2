"""A changed zone counts from the next term on."""

from datetime import date, timedelta

import pytest

from engine.card.custody import ZoneChanged, change_zone
from engine.card.outcomes import record_answer
from tests.engine.given_when_then import Given, fact, given
from tests.engine.samples import (
    CHARGING,
    ENDS_AT,
    OPENS_AT,
    PAYING,
    REGISTERED_AT,
    RULES,
    SECOND,
    VISA,
    attempt_id,
    attempted,
    bound,
    charged,
    enabled,
    local,
    registered,
    suspended,
)

NOW = OPENS_AT + SECOND


def answer(card: Given, reply, *, at=NOW, to=None, learned="sent"):
    return card.when(record_answer, to or attempt_id(), reply, learned=learned, rules=RULES, at=at)


def test_a_change_of_zone_counts_from_the_next_term():
    then = given(*PAYING).when(change_zone, zone="Europe/London", at=NOW).then(fact(ZoneChanged))
    assert then.card.term.zone == "Asia/Shanghai"
    paid = answer(Given(Given(then.card).at(OPENS_AT).card), charged())
    assert paid.card.term.zone == "Europe/London"
    assert paid.card.term.starts_at == ENDS_AT


@pytest.mark.parametrize("zone", ["Pacific/Honolulu", "Pacific/Kiritimati"])  # where it is March yet, and April since
def test_after_a_move_a_term_paid_late_begins_no_earlier_than_the_last_one_ended(zone):
    moved = ZoneChanged(zone=zone, at=REGISTERED_AT)
    no_grace = (registered(grace_days=0, reclaim_days=5), bound(VISA), enabled(), CHARGING[3], moved)
    at = ENDS_AT + timedelta(hours=9)
    card = given(*no_grace, suspended(at=ENDS_AT), attempted(at=at))
    then = card.when(record_answer, attempt_id(), charged(), learned="sent", rules=RULES, at=at)
    term = then.card.term
    assert (term.starts_on, term.zone) == (date(2026, 4, 1), zone)
    assert term.starts_at == max(ENDS_AT, local("2026-04-01 00:00", zone))
