"""What stood at an earlier moment is what the facts up to then make."""

from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest

from engine.store.log import head, read_log
from engine.store.streams import Store
from projections.audit.as_of import (
    Change,
    ReplayError,
    as_of,
    changes_between,
    check_new_schema,
    count_replayed,
    keep_in_schema,
    place_at,
    replay,
    replayed_rows,
    write_csv,
)
from projections.cards import CARDS
from projections.follow import follow
from projections.live import LIVE, MODELS
from projections.read_model import fold_batch
from tests.engine.random_histories import store_all
from tests.projections.folding import varied_lives

BEGIN = datetime(2027, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def log(store, connection):
    store_all(store, varied_lives(30))
    return read_log(connection, 0, 100_000)


def rows_of(connection, schema):
    return {
        model.name: connection.execute(f"SELECT t::text FROM {schema}.{model.name} t ORDER BY 1").fetchall()
        for model in MODELS
    }


def test_a_replay_of_everything_gives_the_live_rows(log, connection):
    while follow(connection, LIVE, 1000).fact_count:
        pass
    replay(connection, 0, head(connection))
    assert rows_of(connection, "pg_temp") == rows_of(connection, "public")
    assert count_replayed(connection)["cards"] == len({one.card_id for one in log})


def test_a_replay_up_to_a_position_gives_what_those_facts_make(log, connection):
    middle = log[len(log) // 2].position
    replay(connection, 0, middle)
    expected = fold_batch(CARDS, [one for one in log if one.position <= middle], lambda _: {})
    file = BytesIO()
    write_csv(connection, CARDS, file)
    lines = file.getvalue().decode().splitlines()
    assert lines[0].split(",") == [column.name for column in CARDS.columns]
    assert [line.split(",")[0] for line in lines[1:]] == sorted(str(key) for key in expected)


def test_what_was_replayed_is_kept_in_a_schema_with_types_and_indexes_as_the_live_tables(log, connection):
    shown = []
    replay(connection, 0, head(connection), shown.append)
    keep_in_schema(connection, "january")
    assert shown[-1] == head(connection)
    assert rows_of(connection, "january") == rows_of(connection, "pg_temp")
    columns = "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = %s"
    names = {model.name for model in MODELS}
    live = {row for row in connection.execute(columns, ("public",)) if row[0] in names}
    assert set(connection.execute(columns, ("january",))) == live
    indexes = "SELECT count(*) FROM pg_indexes WHERE schemaname = 'january'"
    assert connection.execute(indexes).fetchone() == (len(MODELS) + sum(len(model.indexes) for model in MODELS),)
    for model in MODELS:
        rows = [row for batch in replayed_rows(connection, model) for row in batch]
        assert len(rows) == count_replayed(connection)[model.name]
        assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    connection.execute("DROP SCHEMA january CASCADE")


@pytest.mark.parametrize("name", ["", "Then", "7th", "pg_then", "rebuild", "previous", "a b", "x" * 64, 'a"b', "é"])
def test_a_schema_has_a_plain_name(connection, name):
    with pytest.raises(ReplayError, match="is no name for the schema"):
        check_new_schema(connection, name)


def test_a_schema_that_exists_is_left_as_it_is(connection):
    with pytest.raises(ReplayError, match="there is a schema public already; nothing was changed"):
        keep_in_schema(connection, "public")


@pytest.fixture
def rising(new_recorder, connection):
    """A log of which each append was recorded a minute after the one before; two were within one instant."""
    minutes = iter([0, 1, 1, *range(2, 1000)])
    recorder = new_recorder()
    recorder.recorded_now = lambda: BEGIN + timedelta(minutes=next(minutes))
    store_all(Store(recorder), varied_lives(30))
    return read_log(connection, 0, 100_000)


def test_a_moment_is_a_place_in_the_log(rising, connection):
    moments = sorted({one.recorded_at for one in rising})
    assert len(moments) > 5
    for moment in moments:
        last = max(one.position for one in rising if one.recorded_at <= moment)
        assert place_at(connection, moment) == last
        assert place_at(connection, moment + timedelta(seconds=59)) == last
    assert place_at(connection, BEGIN - timedelta(microseconds=1)) == 0


def test_a_fact_that_cannot_be_read_hides_no_moment(rising, connection):
    halfway = rising[len(rising) // 2]
    connection.execute("ALTER TABLE card_events DISABLE TRIGGER USER")
    connection.execute("UPDATE card_events SET state = 'x' WHERE notification_id % 3 = 0")
    expected = max(one.position for one in rising if one.recorded_at <= halfway.recorded_at and one.position % 3)
    assert place_at(connection, halfway.recorded_at) == expected
    assert place_at(connection, rising[-1].recorded_at) in {rising[-1].position, rising[-2].position}


def test_of_a_card_the_facts_up_to_a_moment_are_taken(rising):
    history = [one for one in rising if one.card_id == rising[0].card_id]
    for one in history:
        found = as_of(history, one.recorded_at)
        assert found == [other for other in history if other.recorded_at <= one.recorded_at]
    assert as_of(history, BEGIN - timedelta(seconds=1)) == []


def test_the_rows_that_two_moments_do_not_have_alike_are_named(log, connection):
    first = log[0]
    next_of_card = next(one for one in log[1:] if one.card_id == first.card_id)
    added = changes_between(connection, 0, first.position)
    assert Change("cards", str(first.card_id), "added") in added
    for model in MODELS:
        connection.execute(f"DROP TABLE pg_temp.{model.name}, pg_temp.before_{model.name}")
    assert Change("cards", str(first.card_id), "changed") in changes_between(
        connection, first.position, next_of_card.position
    )
    for model in MODELS:
        connection.execute(f"DROP TABLE pg_temp.{model.name}, pg_temp.before_{model.name}")
    assert changes_between(connection, head(connection), head(connection)) == []
