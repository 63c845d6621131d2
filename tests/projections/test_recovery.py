"""Read model `recovery`: given declines of a renewal and what came after, then the funnel of dunning."""

from msgspec.structs import replace

from projections.follow import follow
from projections.live import LIVE
from projections.recovery import RECOVERY, RecoveryRow, funnel, recovery_id_of
from tests.engine.random_histories import random_history, store_all
from tests.engine.samples import (
    CARD_ID,
    CHARGING,
    DECLINED,
    GRACE_ENDS_AT,
    OPENS_AT,
    PAID,
    SECOND,
    attempted,
    failed,
    grace_started,
    renewed,
    succeeded,
    suspended,
)
from tests.projections.folding import fields, rows

KEY = recovery_id_of(CARD_ID, 1)


def test_a_decline_opens_a_row():
    assert rows(RECOVERY, *DECLINED) == {
        KEY: RecoveryRow(
            recovery_id=KEY,
            card_id=CARD_ID,
            term_number=1,
            declined_at=OPENS_AT + SECOND,
            code="insufficient_funds",
            consequence="retry",
            declines=1,
            suspended_at=None,
            outcome="open",
            ended_at=None,
        )
    }


def test_further_declines_are_counted_and_the_first_one_stays():
    row = rows(RECOVERY, *DECLINED, attempted(2), failed(2))[KEY]
    assert fields(row, "declines", "declined_at") == (2, OPENS_AT + SECOND)


def test_a_payment_after_a_decline_is_a_recovery():
    row = rows(RECOVERY, *DECLINED, attempted(2), succeeded(2), renewed())[KEY]
    assert fields(row, "outcome", "ended_at") == ("recovered", OPENS_AT + SECOND)


def test_a_suspension_after_a_decline_is_noted():
    row = rows(RECOVERY, *DECLINED, grace_started(), suspended())[KEY]
    assert fields(row, "outcome", "suspended_at") == ("open", GRACE_ENDS_AT)


def test_a_renewal_without_a_decline_is_none():
    assert rows(RECOVERY, *PAID) == {}
    assert rows(RECOVERY, *CHARGING, replace(failed(), counts=False)) == {}


def test_the_funnel_counts_each_renewal_once(store, connection):
    store_all(store, [random_history(seed, 80) for seed in range(30)])
    while follow(connection, LIVE, 1000).fact_count:
        pass
    rows = funnel(connection)
    assert sum(row.declined for row in rows) == connection.execute("SELECT count(*) FROM recovery").fetchone()[0]
    assert all(row.declined == row.recovered + row.lost + row.open for row in rows)
    assert sum(row.recovered for row in rows) > 0
    assert sum(row.lost for row in rows) > 0
