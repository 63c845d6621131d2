"""Following the log: batches of any size give the same rows, all or nothing, and never two processes at once."""

from dataclasses import replace
from threading import Thread

import psycopg
import pytest
from psycopg import sql

from engine.store.log import head, read_others
from projections.cards import CARDS
from projections.due import DUE, DueRow
from projections.follow import Progress, follow, lock_stands, positions, save_position, unread_names
from projections.ledger import LEDGER
from projections.live import LIVE, MODELS, create_tables
from projections.read_model import Follower
from tests.engine.random_histories import random_history, store_all, stored_round_by_round
from tests.projections.folding import varied_lives


def table(connection, name: str, schema: str = "public") -> list[str]:
    """All rows of a read model as text, in one order."""
    query = sql.SQL("SELECT t::text FROM {} t ORDER BY 1").format(sql.Identifier(schema, name))
    return [row for (row,) in connection.execute(query)]


def tables(connection, schema: str = "public") -> dict[str, list[str]]:
    return {model.name: table(connection, model.name, schema) for model in MODELS}


def follow_all(connection, follower: Follower, limit: int) -> int:
    """How many facts were taken until there were no more."""
    taken = 0
    while (progress := follow(connection, follower, limit)).fact_count:
        assert progress.fact_count <= limit
        taken += progress.fact_count
    return taken


def another(connection, name: str) -> Follower:
    """A follower with tables of its own."""
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
    create_tables(connection, name)
    return Follower(name, MODELS, name)


@pytest.fixture
def lives(store):
    lives = varied_lives(60)
    store_all(store, lives)
    return lives


def test_batches_of_any_size_give_the_same_rows(connection, lives):
    assert follow_all(connection, LIVE, 10_000) == head(connection)
    at_once = tables(connection)
    assert all(at_once.values())
    for limit in (1, 7, 100):
        name = f"by_{limit}"
        assert follow_all(connection, another(connection, name), limit) == head(connection)
        assert tables(connection, name) == at_once


def test_following_while_the_log_grows_gives_the_same_rows(store, connection):
    lives = varied_lives(60)
    for _ in stored_round_by_round(store, lives):
        follow(connection, LIVE, 13)
    follow_all(connection, LIVE, 13)
    follow_all(connection, another(connection, "afterwards"), 10_000)
    assert tables(connection) == tables(connection, "afterwards")


def test_wake_times_are_those_of_the_store(store, connection, lives):
    follow_all(connection, LIVE, 100)
    streams = store.load_many([life.card_id for life in lives]).values()
    with connection.cursor() as cursor:
        due = {DueRow(*row) for row in cursor.execute("SELECT card_id, version, wake_at FROM due")}
    assert {(row.card_id, row.wake_at) for row in due} == {(s.card_id, s.wake_at) for s in streams if s.wake_at}
    versions = {stream.card_id: stream.version for stream in streams}
    assert all(row.version == versions[row.card_id] for row in due)


def test_a_step_reports_its_progress(connection, lives):
    assert follow(connection, LIVE, 3) == Progress(3, 3, ["cards", "due", "lifecycle"], [])
    assert positions(connection) == {"read_models": 3}
    follow_all(connection, LIVE, 1000)
    assert follow(connection, LIVE, 1000) == Progress(0, head(connection), [], [])


def test_followers_have_positions_of_their_own(connection, lives):
    follow(connection, LIVE, 5)
    follow(connection, another(connection, "other"), 9)
    assert positions(connection) == {"other": 9, "read_models": 5}


# All or nothing

OTHERS = tuple(model for model in MODELS if model is not LEDGER)
OF_MONEY = tuple(model for model in MODELS if model not in {CARDS, DUE})


class KilledError(BaseException):
    """Ends a step as a kill does; no error of a fold."""


def killed_at(number: int) -> Follower:
    """A follower that writes the other read models, then raises at the given fact."""
    seen = []

    def fold(row, recorded):
        seen.append(recorded)
        if len(seen) == number:
            raise KilledError
        return LEDGER.fold(row, recorded)

    return replace(LIVE, models=(*OTHERS, replace(LEDGER, fold=fold)))


def test_killed_in_the_middle_rows_and_position_are_as_they_were(connection, lives):
    follow(connection, LIVE, 40)
    before = tables(connection)
    with pytest.raises(KilledError):
        follow(connection, killed_at(2), 1000)
    assert tables(connection) == before
    assert positions(connection) == {"read_models": 40}


def test_after_a_kill_the_next_one_continues_at_the_position(connection, lives):
    with pytest.raises(KilledError):
        follow_all(connection, killed_at(3), 20)
    follow_all(connection, LIVE, 1000)
    follow_all(connection, another(connection, "undisturbed"), 1000)
    assert tables(connection) == tables(connection, "undisturbed")


def test_a_connection_lost_in_the_middle_leaves_nothing_behind(connect, connection, lives):
    dying = connect()

    def fold(row, recorded):
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", (dying.info.backend_pid,))
        return LEDGER.fold(row, recorded)

    follower = replace(LIVE, models=(*OTHERS, replace(LEDGER, fold=fold)))
    with pytest.raises(psycopg.OperationalError):
        follow(dying, follower, 1000)
    assert not any(tables(connection).values())
    assert positions(connection) == {}
    assert follow_all(connection, LIVE, 1000) == head(connection)


# Never two at once


def waits_for_a_lock(connection, pid: int) -> bool:
    return connection.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", (pid,)).fetchone()[0]


@pytest.mark.parametrize("begun", [True, False], ids=["position stored", "first step"])
def test_a_second_process_waits_and_then_continues_after_the_first(connect, connection, lives, eventually, begun):
    first, second, steps = connect(), connect(), []
    if begun:
        follow(connection, LIVE, 2)
    with first.transaction():
        lock_stands(first, LIVE)
        waiting = Thread(target=lambda: steps.append(follow(second, LIVE, 1000)))
        waiting.start()
        eventually(lambda: waits_for_a_lock(connection, second.info.backend_pid))
        assert steps == []
        for model in MODELS:
            save_position(first, LIVE.position_of(model), 30)
    waiting.join(10)
    assert [step.fact_count for step in steps] == [head(connection) - 30]
    assert positions(connection) == {LIVE.name: head(connection)}


def test_concurrent_processes_fold_each_fact_once(connect, connection, lives):
    taken = []

    def run(own_connection) -> None:
        while (step := follow(own_connection, LIVE, 5)).fact_count:
            taken.append(step)

    followers = [Thread(target=run, args=(connect(),)) for _ in range(3)]
    for follower in followers:
        follower.start()
    for follower in followers:
        follower.join(30)
    assert sum(step.fact_count for step in taken) == head(connection)
    assert len({step.position for step in taken}) == len(taken)
    follow_all(connection, another(connection, "alone"), 1000)
    assert tables(connection) == tables(connection, "alone")


def test_tables_are_created_once(connection, lives):
    follow_all(connection, LIVE, 1000)
    before = tables(connection)
    create_tables(connection)
    assert tables(connection) == before


def test_a_row_that_a_fold_removes_is_deleted(store, connection):
    lives = [random_history(seed, 200) for seed in range(6)]
    store_all(store, lives)
    follow_all(connection, Follower("due alone", (DUE,)), 10)
    asleep = {life.card_id for life in lives if life.wake_at is None}
    assert asleep
    assert (
        set(DUE.rows(connection, "public", [life.card_id for life in lives]))
        == {life.card_id for life in lives} - asleep
    )
    assert CARDS.rows(connection, "public", list(asleep)) == {}


# Each model by itself


def stands(connection) -> dict[str, int]:
    rows = connection.execute("SELECT name, position FROM followers").fetchall()
    return {name.partition(".")[2]: position for name, position in rows}


def test_a_model_that_lags_catches_up_by_itself_and_then_goes_with_the_others(connection, lives):
    follow(connection, replace(LIVE, models=(CARDS, DUE)), 150)
    step = follow(connection, LIVE, 20)
    assert step.fact_count == 20 + len(read_others(connection, unread_names(OF_MONEY), 0, 20, 150).rows)
    assert stands(connection)["cards"] == 170 > stands(connection)["ledger"] == step.position >= 20
    follow_all(connection, LIVE, 1000)
    assert set(stands(connection).values()) == {head(connection)}
    follow_all(connection, another(connection, "together"), 1000)
    assert tables(connection) == tables(connection, "together")


def test_a_model_that_has_caught_up_is_followed_with_the_others_in_the_same_step(connection, lives):
    follow(connection, replace(LIVE, models=(CARDS, DUE)), 10)
    follow(connection, LIVE, 20)
    assert set(stands(connection).values()) == {30}


def test_a_model_reads_only_its_own_facts_and_still_comes_to_the_end_of_the_log(connection, lives):
    alone = Follower("money", (LEDGER,))
    read = follow_all(connection, alone, 7)
    assert 0 < read < head(connection) / 2
    assert positions(connection) == {"money": head(connection)}


def test_a_paused_model_stays_where_it_is_while_the_others_go_on(connection, lives):
    follow(connection, LIVE, 10)
    connection.execute("UPDATE followers SET paused_at = now() WHERE name = 'read_models.ledger'")
    follow_all(connection, LIVE, 1000)
    assert stands(connection) == {model.name: head(connection) for model in MODELS} | {"ledger": 10}


def test_a_model_of_a_later_fold_goes_on_from_the_rows_of_an_earlier_one_with_the_same_columns(connection, lives):
    follow(connection, LIVE, 10)
    later = replace(LIVE, models=(*OTHERS, replace(LEDGER, version=2)))
    follow_all(connection, later, 1000)
    assert stands(connection)["ledger"] == head(connection)
    assert connection.execute("SELECT version FROM followers WHERE name ~ 'ledger'").fetchone() == (1,), "rows of both"


@pytest.mark.parametrize(
    "other", [{"version": 0}, {"version": 2, "columns": LEDGER.columns[:-1]}], ids=["earlier fold", "other columns"]
)
def test_a_model_stays_where_it_is_when_its_fold_cannot_go_on_from_the_rows(connection, lives, other):
    follow(connection, LIVE, 10)
    follow_all(connection, replace(LIVE, models=(*OTHERS, replace(LEDGER, **other))), 1000)
    assert stands(connection) == {model.name: head(connection) for model in MODELS} | {"ledger": 10}
