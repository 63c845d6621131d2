"""Read model `lifecycle`: given facts of a card's status, then its changes, and the cards of each day."""

from datetime import date

from projections.follow import follow
from projections.lifecycle import LIFECYCLE, LifecycleRow, cards_by_day
from projections.live import LIVE
from tests.engine.random_histories import random_history, store_all
from tests.engine.samples import CARD_ID, ENDS_AT, GRACE_ENDS_AT, PAID, PAYING, REGISTERED_AT, grace_started, suspended
from tests.projections.folding import rows


def test_each_change_of_status_has_a_row_and_nothing_else():
    assert rows(LIFECYCLE, *PAYING, grace_started(), suspended()) == {
        1: LifecycleRow(1, CARD_ID, "active", REGISTERED_AT),
        4: LifecycleRow(4, CARD_ID, "grace", ENDS_AT),
        5: LifecycleRow(5, CARD_ID, "suspended", GRACE_ENDS_AT),
    }


def test_a_renewal_in_time_changes_no_status():
    assert rows(LIFECYCLE, *PAID).keys() == {1}


def test_the_cards_of_the_last_day_of_each_status_are_those_of_the_read_model_cards(store, connection):
    store_all(store, [random_history(seed, 5 + 3 * seed) for seed in range(30)])
    while follow(connection, LIVE, 1000).fact_count:
        pass
    counted = {one.status: one.cards for one in cards_by_day(connection)}
    now = dict(connection.execute("SELECT status, count(*) FROM cards GROUP BY status").fetchall())
    assert {status: cards for status, cards in counted.items() if cards} == now
    assert len(now) > 1


def test_a_day_is_that_of_the_card_s_zone(connection):
    connection.execute("INSERT INTO lifecycle VALUES (1, %s, 'active', '2026-03-01 20:00+00')", (CARD_ID,))
    connection.execute("INSERT INTO cards (card_id, zone) VALUES (%s, 'Asia/Shanghai')", (CARD_ID,))
    assert [(one.day, one.cards) for one in cards_by_day(connection)] == [(date(2026, 3, 2), 1)]
