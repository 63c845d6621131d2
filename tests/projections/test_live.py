"""The live read models equal a replay of the log, and every difference is found."""

import pytest
from psycopg.errors import UndefinedTable

from projections.follow import follow, positions
from projections.live import LIVE, MODELS, differences
from tests.engine.random_histories import random_history, store_all
from tests.projections.folding import varied_lives

NONE = dict.fromkeys([model.name for model in MODELS], 0)


@pytest.fixture
def followed(store, connection):
    store_all(store, varied_lives(40))
    follow(connection, LIVE, 10_000)
    return connection


def schemas(connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'replay%'")}


def test_an_empty_log_has_no_differences(connection):
    assert differences(connection, 100) == NONE


@pytest.mark.parametrize("batch", [7, 1000])
def test_live_read_models_equal_a_replay(followed, batch):
    assert differences(followed, batch) == NONE


ONE = "(SELECT {key} FROM {table} ORDER BY 1 LIMIT 1)"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_a_missing_row_is_found(followed, model):
    key = model.columns[0].name
    followed.execute(f"DELETE FROM {model.name} WHERE {key} = {ONE.format(key=key, table=model.name)}")
    assert differences(followed, 1000) == NONE | {model.name: 1}


@pytest.mark.parametrize(
    ("model", "change"),
    [
        ("cards", "methods = methods + 1"),
        ("cards", "last_decline = ''"),
        ("due", "wake_at = wake_at + interval '1 microsecond'"),
        ("charges", "minor = minor - 1"),
        ("ledger", "credit = 'pocket'"),
        ("cases", "reason = 'boredom'"),
    ],
)
def test_a_changed_row_is_found_on_both_sides(followed, model, change):
    key = next(one for one in MODELS if one.name == model).columns[0].name
    followed.execute(f"UPDATE {model} SET {change} WHERE {key} = {ONE.format(key=key, table=model)}")
    assert differences(followed, 1000) == NONE | {model: 2}


def test_a_surplus_row_is_found(followed):
    followed.execute("INSERT INTO due VALUES (gen_random_uuid(), 1, now())")
    assert differences(followed, 1000) == NONE | {"due": 1}


def test_a_follower_that_is_behind_differs(store, followed):
    store_all(store, [random_history(99, 40)])
    assert differences(followed, 1000)["cards"] == 1
    follow(followed, LIVE, 1000)
    assert differences(followed, 1000) == NONE


def test_the_replay_leaves_nothing_behind(followed):
    before = positions(followed)
    differences(followed, 1000)
    assert (positions(followed), schemas(followed)) == (before, set())


def test_a_replay_that_fails_leaves_nothing_behind(followed):
    before = positions(followed)
    followed.execute("ALTER TABLE card_events RENAME TO away")
    with pytest.raises(UndefinedTable):
        differences(followed, 7)
    assert (positions(followed), schemas(followed)) == (before, set())
