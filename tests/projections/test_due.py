"""Read model `due`: the last fact of each append has the wake time of its card."""

from projections.due import DUE, DueRow
from tests.engine.samples import CARD_ID, CHARGING, ENDS_AT, OPENS_AT, registered, started, suspended
from tests.projections.folding import recorded, rows


def test_a_card_is_due_at_the_wake_time_of_its_last_fact():
    assert rows(DUE, recorded(registered(), 1, wake_at=ENDS_AT)) == {CARD_ID: DueRow(CARD_ID, 1, ENDS_AT)}


def test_only_the_last_fact_of_an_append_counts():
    first = recorded(started(), 4, wake_at=OPENS_AT, last=False)
    assert rows(DUE, first) == {}
    then = recorded(CHARGING[-1], 5, wake_at=OPENS_AT)
    assert rows(DUE, first, then) == {CARD_ID: DueRow(CARD_ID, 5, OPENS_AT)}


def test_the_latest_append_counts():
    log = recorded(registered(), 1, wake_at=ENDS_AT), recorded(started(), 2, wake_at=OPENS_AT)
    assert rows(DUE, *log) == {CARD_ID: DueRow(CARD_ID, 2, OPENS_AT)}


def test_a_card_without_a_wake_time_is_not_due():
    log = recorded(registered(), 1, wake_at=ENDS_AT), recorded(suspended(), 2, wake_at=None)
    assert rows(DUE, *log) == {CARD_ID: None}
