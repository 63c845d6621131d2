"""`baohao report`: the figures are those of the log, for people and for programs."""

import json
from collections import Counter

import psycopg
import pytest

from engine.store.recorder import CardRecorder, datastore
from engine.store.streams import Store
from projections.follow import follow
from projections.live import LIVE
from tests.engine.random_histories import random_history, store_all

YEAR = ("--from", "2026-01-01", "--to", "2027-12-31")


@pytest.fixture(scope="module")
def installation(new_installation):
    """One with cards that have lived in many ways."""
    made = new_installation()
    made.migrate()
    pool = datastore(made.database_url, pool_size=1)
    store_all(Store(CardRecorder(pool)), [random_history(seed, 60) for seed in range(20)])
    pool.close()
    with psycopg.connect(made.database_url, autocommit=True) as connection:
        while follow(connection, LIVE, 1000).fact_count:
            pass
    return made


def sums(installation, query):
    with psycopg.connect(installation.database_url) as connection:
        return connection.execute(query).fetchall()


def test_all_that_was_sold_is_earned_in_some_month_or_deferred(installation):
    rows = installation.json("report", "revenue", *YEAR)
    paid = sums(installation, "SELECT currency, sum(price_minor + fee_minor)::bigint FROM terms GROUP BY currency")
    assert paid
    for currency, sold in paid:
        of_currency = [one for one in rows if one["currency"] == currency]
        assert sum(one["sold"] for one in of_currency) == sold
        assert sum(one["earned"] for one in of_currency) + of_currency[-1]["deferred"] == sold


def test_every_decline_of_a_renewal_is_in_the_funnel(installation):
    rows = installation.json("report", "recovery", *YEAR)
    [(declined,)] = sums(installation, "SELECT count(*) FROM recovery")
    assert sum(one["declined"] for one in rows) == declined > 0
    assert all(one["recovered"] + one["lost"] + one["open"] == one["declined"] for one in rows)


def test_the_last_day_of_each_status_has_the_cards_of_now(installation):
    last = {one["status"]: one["cards"] for one in installation.json("report", "lifecycle", *YEAR)}
    assert {status: cards for status, cards in last.items() if cards} == dict(
        sums(installation, "SELECT status, count(*) FROM cards GROUP BY status")
    )


def test_the_accounts_of_a_currency_sum_to_zero(installation):
    totals = Counter()
    rows = installation.json("report", "ledger")
    for one in rows:
        assert one["balance"] == one["debited"] - one["credited"]
        totals[one["currency"]] += one["balance"]
    assert set(totals.values()) == {0}
    assert {"gateway", "sales"} <= {one["account"] for one in rows}


@pytest.mark.parametrize("name", ["revenue", "recovery", "lifecycle", "ledger"])
def test_for_people_a_report_is_a_table(installation, name):
    done = installation.run("report", name)
    assert (done.exit_code, done.stderr) == (0, "")
    assert name in done.stdout or "cards by status" in done.stdout


def test_days_in_the_wrong_order_are_refused(installation):
    done = installation.run("report", "revenue", "--from", "2027-02-01", "--to", "2027-01-01")
    assert done.exit_code == 2
    assert "2027-02-01 is after 2027-01-01" in " ".join(done.stderr.split())


def test_where_nothing_has_happened_there_is_nothing_to_report(new_installation):
    fresh = new_installation()
    fresh.migrate()
    for name in ("revenue", "recovery", "lifecycle", "ledger"):
        assert json.loads(fresh.run("report", name, "--json").stdout) == []
