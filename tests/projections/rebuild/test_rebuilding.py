"""A rebuild: the same rows as a replay, in the place of the live ones, whatever happens meanwhile."""

from dataclasses import replace
from threading import Event, Thread

import pytest

from engine.store.log import head
from projections.cards import CARDS, find_card, list_cards
from projections.due import DUE
from projections.follow import BATCH, changed_folds, follow, positions, retry_parked_cards
from projections.ledger import LEDGER
from projections.live import LIVE, MODELS, differences
from projections.rebuild import building, rebuilding, switching
from projections.rebuild.building import RebuildError, begin, fill_stretch
from projections.rebuild.rebuilding import Watching, rebuild, roll_back_all
from tests.engine.random_histories import random_history, store_all
from tests.projections.folding import varied_lives
from tests.projections.test_follow import tables
from tests.projections.test_parked_cards import spoil


@pytest.fixture
def lives(store, connection, monkeypatch):
    monkeypatch.setattr(building, "STRETCH", 40)
    lives = varied_lives(40)
    store_all(store, lives)
    follow_all(connection)
    return lives


def follow_all(connection):
    while follow(connection, LIVE, BATCH).fact_count:
        pass


def run(url, *models, dry_run=False, watching=None, parallel=1):
    quiet = Watching(lambda _: None, lambda _: None, lambda _: None)
    return rebuild(url, models or MODELS, parallel, watching or quiet, dry_run=dry_run)


def schemas(connection) -> set[str]:
    query = "SELECT nspname FROM pg_namespace WHERE nspname IN ('rebuild', 'previous')"
    return {name for (name,) in connection.execute(query)}


def test_all_read_models_made_anew_equal_the_live_ones_and_take_their_place(cards_url, connection, lives):
    before = tables(connection)
    rebuilt = run(cards_url, parallel=2)
    assert [(one.model, one.different, one.not_compared) for one in rebuilt.compared] == [
        (model.name, 0, None) for model in MODELS
    ]
    assert [one.model for one in rebuilt.switched] == [model.name for model in MODELS]
    assert rebuilt.built.done == rebuilt.built.of > 3
    assert tables(connection) == before == tables(connection, "previous")
    assert not any(differences(connection, 100).values())
    assert schemas(connection) == {"previous"}


def test_indexes_and_rights_move_with_the_table(cards_url, connection, lives):
    query = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = 'cards' ORDER BY 1"
    rights = "SELECT relacl::text[] FROM pg_class WHERE oid = 'cards'::regclass"
    connection.execute("GRANT SELECT, INSERT ON cards TO baohao_app")
    connection.execute("GRANT SELECT ON cards TO PUBLIC")
    before = connection.execute(query).fetchall(), sorted(connection.execute(rights).fetchone()[0])
    run(cards_url, CARDS)
    assert (connection.execute(query).fetchall(), sorted(connection.execute(rights).fetchone()[0])) == before


def test_damaged_rows_are_counted_and_healed(cards_url, connection, lives):
    connection.execute("UPDATE cards SET methods = 9 WHERE card_id IN (SELECT card_id FROM cards LIMIT 2)")
    connection.execute("DELETE FROM cards WHERE card_id IN (SELECT card_id FROM cards WHERE methods <> 9 LIMIT 1)")
    [compared] = run(cards_url, CARDS).compared
    assert (compared.different, compared.rebuilt_rows - compared.live_rows) == (3, 1)
    assert not any(differences(connection, 100).values())


def test_a_dry_run_compares_and_changes_nothing(cards_url, connection, lives):
    connection.execute("UPDATE cards SET methods = methods + 1")
    before = tables(connection), positions(connection)
    rebuilt = run(cards_url, CARDS, dry_run=True)
    assert (rebuilt.switched, rebuilt.compared[0].different) == ([], len(lives))
    assert (tables(connection), positions(connection), schemas(connection)) == (*before, set())


def test_a_model_that_lags_far_behind_is_made_anew_without_being_compared(cards_url, connection, lives, monkeypatch):
    monkeypatch.setattr("projections.rebuild.comparing.PATIENCE_S", 0.1)
    connection.execute("DELETE FROM followers WHERE name = 'read_models.ledger'")
    connection.execute("TRUNCATE ledger")
    [compared] = run(cards_url, LEDGER).compared
    assert compared.not_compared == "the live read model does not come up to the end of the log"
    assert positions(connection) == {LIVE.name: head(connection)}
    assert not any(differences(connection, 100).values())


def test_facts_that_come_meanwhile_are_in_the_rebuilt_rows(cards_url, connection, store, lives):
    def append(_):
        store_all(store, [random_history(99, 60)])
        follow_all(connection)

    quiet = Watching(append, lambda _: None, lambda _: None)
    rebuilt = run(cards_url, watching=quiet)
    assert [one.different for one in rebuilt.compared] == [0] * len(MODELS)
    assert {one.position for one in rebuilt.switched} == {head(connection)}
    assert not any(differences(connection, 100).values())


def test_live_projection_and_reads_go_on_while_models_are_switched(cards_url, connect, connection, store, lives):
    stop, failures, worked = Event(), [], []

    def live(work):
        own = connect()
        while not stop.is_set():
            try:
                worked.append(work(own))
            except Exception as error:
                failures.append(error)
                raise

    works = (
        lambda own: follow(own, LIVE, 7),
        lambda own: (find_card(own, lives[0].card_id), list_cards(own, None, 5))[1],
        lambda own: own.execute("SELECT count(*) FROM ledger JOIN cards USING (card_id)", prepare=True).fetchall(),
    )
    threads = [Thread(target=live, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    try:
        for seed in range(3):
            store_all(store, [random_history(200 + seed, 60)])
            run(cards_url)
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
    assert (failures, len(worked) > 10) == ([], True)
    follow_all(connection)
    assert not any(differences(connection, 100).values())


# What goes wrong


def test_an_interrupted_rebuild_goes_on_where_it_stopped(cards_url, connection, lives):
    begin(connection, MODELS)
    assert fill_stretch(connection, MODELS)
    begun = []
    rebuilt = run(cards_url, watching=Watching(begun.append, lambda _: None, lambda _: None))
    assert ([one.resumed for one in begun], rebuilt.built.begun) == ([True], 1)
    assert [one.different for one in rebuilt.compared] == [0] * len(MODELS)


def test_a_rebuild_of_other_models_discards_what_another_one_has_left(cards_url, connection, lives):
    begin(connection, (LEDGER,))
    begun = []
    run(cards_url, CARDS, watching=Watching(begun.append, lambda _: None, lambda _: None))
    assert [one.resumed for one in begun] == [False]


def test_a_fact_that_cannot_be_taken_ends_the_rebuild_at_once_unless_it_was_skipped(cards_url, connection, lives):
    card_id = lives[0].card_id
    position = spoil(connection, card_id)
    follow_all(connection)
    before = tables(connection)
    with pytest.raises(RebuildError, match=rf"^cards cannot take the fact at position {position} of card {card_id}: "):
        run(cards_url, CARDS)
    assert tables(connection) == before
    connection.execute(
        "INSERT INTO skipped_facts (model, position, card_id, reason, skipped_by) VALUES ('cards', %s, %s, 'x', 'us')",
        (position, card_id),
    )
    run(cards_url, CARDS)
    assert {one.model for one in retry_parked_cards(connection, LIVE)} == {model.name for model in MODELS} - {"cards"}


def test_only_one_rebuild_runs_at_a_time(cards_url, connection, lives):
    with rebuilding._alone(cards_url), pytest.raises(RebuildError, match="another rebuild runs"):
        run(cards_url)


def test_a_table_that_somebody_keeps_locked_is_not_switched_and_readers_do_not_wait_for_it(
    cards_url, connect, connection, lives, monkeypatch
):
    monkeypatch.setattr(switching, "PATIENCE_S", 0.3)
    reader = connect()
    with reader.transaction():
        reader.execute("SELECT count(*) FROM cards")
        with pytest.raises(RebuildError, match="another session has cards locked"):
            run(cards_url, CARDS)
    [switched] = run(cards_url, CARDS).switched
    assert switched.tries == 1


# The way back


def test_what_was_live_before_is_live_again_with_the_facts_that_came_since(cards_url, connection, store, lives):
    connection.execute("UPDATE cards SET plan = 'damaged'")
    run(cards_url, CARDS)
    store_all(store, [random_history(99, 60)])
    follow_all(connection)
    [back] = roll_back_all(cards_url, (CARDS,))
    assert back.position == head(connection) == positions(connection)[LIVE.name]
    assert differences(connection, 100)["cards"] == len(lives) * 2
    roll_back_all(cards_url, (CARDS,))
    assert not any(differences(connection, 100).values())


def test_without_a_rebuild_there_is_no_way_back(cards_url, connection, lives):
    with pytest.raises(RebuildError, match="nothing was kept of due"):
        roll_back_all(cards_url, (DUE,))


def test_a_changed_fold_is_known_by_its_version_until_the_rebuild(cards_url, connection, lives):
    changed = replace(LIVE, models=(replace(CARDS, version=2), LEDGER))
    assert changed_folds(connection, LIVE) == []
    assert changed_folds(connection, changed) == ["cards"]
